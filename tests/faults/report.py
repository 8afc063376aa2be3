"""The table at the end of a run: what each fault lost and delayed."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

PROPERTY = "fault"  # of a test report, which is sent between processes
HEADINGS = ("fault", "lost", "twice", "late")


@dataclass
class Finding:
    """The effect of one fault; `late` says what was late and by how much."""

    fault: str
    lost: int = 0
    twice: int = 0
    late: list[str] = field(default_factory=list)

    def row(self) -> tuple[str, ...]:
        numbers = (str(number) if number else "nothing" for number in (self.lost, self.twice))
        return (self.fault, *numbers, "; ".join(self.late) or "nothing")


def table(reports: Iterable[Any]) -> list[str]:
    """Return the lines of the table of these test reports; none where no fault was tried."""
    rows = {
        tuple(value): None
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == PROPERTY
    }
    if not rows:
        return []
    lines = [HEADINGS, *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(HEADINGS))]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
