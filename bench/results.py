import statistics
from collections.abc import Callable
from typing import Any

Values = dict[str, dict[str, list[float]]]
"""By row and measure, one value per round."""


class Results:
    """Values by number of visitors; targets refer to the largest."""

    def __init__(self, conditions: dict[str, Any]) -> None:
        self.conditions = conditions
        self.sizes: dict[int, Values] = {}
        self.faults: dict[str, str] = {}
        """Errors by measurement."""

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Results":
        results = cls(stored["conditions"])
        results.sizes = {int(size): values for size, values in stored["sizes"].items()}
        results.faults = stored["faults"]
        return results

    def to_json(self) -> dict[str, Any]:
        return {"conditions": self.conditions, "sizes": self.sizes, "faults": self.faults}

    @property
    def largest(self) -> Values:
        return self.sizes[max(self.sizes)]

    def begin(self, size: int) -> None:
        self._present = self.sizes.setdefault(size, {})

    def add(self, row: str, **measures: float) -> None:
        for name, value in measures.items():
            self._present.setdefault(row, {}).setdefault(name, []).append(value)

    def median(self, row: str, measure: str, size: int | None = None) -> float | None:
        """Return the median over the rounds; None if it was not measured."""
        values = self.largest if size is None else self.sizes.get(size, {})
        found = values.get(row, {}).get(measure)
        return statistics.median(found) if found else None

    def ratio(self, row: str, other: str, measure: str = "per_second") -> float | None:
        """Return the median of the rounds' ratios, since noise in a round affects both."""
        ours = self.largest.get(row, {}).get(measure, [])
        theirs = self.largest.get(other, {}).get(measure, [])
        ratios = [a / b for a, b in zip(ours, theirs, strict=False)]
        return statistics.median(ratios) if ratios else None

    def growth(self, row: str, measure: str = "p50", *, since: int = 10_000) -> float | None:
        """Return the ratio of the value at most visitors to that at `since`."""
        before, after = self.median(row, measure, since), self.median(row, measure)
        return after / before if before and after and max(self.sizes) > since else None

    def spread(self) -> float:
        """Return the widest range of a floor's rates as a share of their median."""
        rates = [
            values["per_second"]
            for row, values in self.largest.items()
            if ", F" in row and "per_second" in values
        ]
        return max((_range(found) for found in rates), default=0.0)

    def rows(self, chosen: Callable[[str], bool]) -> list[str]:
        return [row for row in self.largest if chosen(row)]


def _range(values: list[float]) -> float:
    return (max(values) - min(values)) / statistics.median(values)
