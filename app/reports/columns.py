"""The columns of the export, in their documented order."""

from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    TEXT = auto()
    WORD = auto()
    """Text that repeats in many rows."""
    DATE = auto()
    TIME = auto()
    INSTANT = auto()


@dataclass(frozen=True, slots=True)
class Column:
    """A column; the width is in characters."""

    title: str
    width: int
    kind: Kind


COLUMNS = (
    Column("ID", 38, Kind.TEXT),
    Column("Name", 26, Kind.TEXT),
    Column("Email", 30, Kind.TEXT),
    Column("Phone", 18, Kind.TEXT),
    Column("Company", 26, Kind.WORD),
    Column("Purpose", 18, Kind.WORD),
    Column("Department", 20, Kind.WORD),
    Column("Visitor Type", 14, Kind.WORD),
    Column("Visitor Category", 18, Kind.WORD),
    Column("Host Name", 24, Kind.WORD),
    Column("Host Email", 30, Kind.WORD),
    Column("Site", 20, Kind.WORD),
    Column("Visit Date", 12, Kind.DATE),
    Column("Visit Time", 12, Kind.TIME),
    Column("Status", 12, Kind.WORD),
    Column("Checked In At", 24, Kind.INSTANT),
    Column("Checked Out At", 24, Kind.INSTANT),
    Column("Created At", 24, Kind.INSTANT),
)
