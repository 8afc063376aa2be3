"""What a run has measured."""

import statistics
from collections.abc import Callable
from typing import Any

Values = dict[str, dict[str, list[float]]]
"""By row and measure, one value a round."""


class Results:
    """Values by number of visitors; those of the largest are what targets speak of."""

    def __init__(self, conditions: dict[str, Any]) -> None:
        self.conditions = conditions
        self.sizes: dict[int, Values] = {}
        self.faults: dict[str, str] = {}
        """Measurements that broke off, and by what."""

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
        """What is added from now on is of so many visitors."""
        self._present = self.sizes.setdefault(size, {})

    def add(self, row: str, **measures: float) -> None:
        """One more round of a row."""
        for name, value in measures.items():
            self._present.setdefault(row, {}).setdefault(name, []).append(value)

    def median(self, row: str, measure: str, size: int | None = None) -> float | None:
        """Over the rounds; None where it was not measured."""
        values = self.largest if size is None else self.sizes.get(size, {})
        found = values.get(row, {}).get(measure)
        return statistics.median(found) if found else None

    def ratio(self, row: str, other: str, measure: str = "per_second") -> float | None:
        """The median of the rounds' ratios: what slows the machine in a round slows both."""
        ours = self.largest.get(row, {}).get(measure, [])
        theirs = self.largest.get(other, {}).get(measure, [])
        ratios = [a / b for a, b in zip(ours, theirs, strict=False)]
        return statistics.median(ratios) if ratios else None

    def growth(self, row: str, measure: str = "p50", *, since: int = 10_000) -> float | None:
        """How many times the value at `since` visitors that at the most is."""
        before, after = self.median(row, measure, since), self.median(row, measure)
        return after / before if before and after and max(self.sizes) > since else None

    def spread(self) -> float:
        """The widest range of a floor's rates, as a share of their median."""
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
