from collections.abc import Iterator
from dataclasses import dataclass

from app.bulk.cells import Cell
from app.bulk.columns import (
    COLUMNS,
    EXAMPLE_ROW,
    FIRST_NAME,
    LAST_NAME,
    NAME,
    NAME_PARTS,
    REQUIRED,
    Column,
    column_of,
    is_of_export,
    mistyped,
)
from app.bulk.faults import RowFault, enumerated
from app.bulk.leftovers import Ignored, Leftover
from app.bulk.spreadsheet import Sheet

HEADER_WITHIN = 10
# Enough to recognise a header row; missing headers are then reported by name.
FEWEST_HEADERS = 2
# The template's sheet of hosts has name and e-mail columns, too.
FEWEST_OF_LIST = 3
# A row without any of these is not a visitor.
PERSON = ("name", "first_name", "last_name", "email", "phone")


# This many columns that only an export has identify our own export.
EXPORT_COLUMNS = 3


@dataclass(frozen=True, slots=True)
class Header:
    """The header row; `positions` are columns by field, from 1."""

    sheet: Sheet
    row: int
    positions: dict[str, int]

    @property
    def is_split(self) -> bool:
        """Return whether first and last name are separate columns."""
        parts = {part.field for part in NAME_PARTS}
        return "name" not in self.positions and parts <= self.positions.keys()

    @property
    def is_of_export(self) -> bool:
        titles = [cell.text for cell in self.sheet.rows[self.row].values()]
        return sum(map(is_of_export, titles)) >= EXPORT_COLUMNS

    @property
    def fields(self) -> set[str]:
        return {*self.positions, "name"} if self.is_split else set(self.positions)

    def position_of(self, title: str) -> int:
        """Return the column of a title, or the first column if it is missing."""
        fields = {column.title: column.field for column in (*COLUMNS, *NAME_PARTS)}
        field = fields.get(title, "")
        if field == NAME.field and self.is_split:
            field = FIRST_NAME.field
        return self.positions.get(field, min(self.positions.values()))

    def cells(self, number: int) -> dict[str, Cell]:
        row = self.sheet.rows[number]
        held = ((name, row.get(position)) for name, position in self.positions.items())
        return {name: cell for name, cell in held if cell is not None and not cell.is_blank}

    def visitors(self) -> Iterator[int]:
        """Yield the rows with a visitor, except the template's example."""
        for number in sorted(self.sheet.rows):
            if number > self.row and self.holds_visitor(number) and not self.is_example(number):
                yield number

    def holds_visitor(self, number: int) -> bool:
        return any(self._shown(number, name) for name in PERSON)

    def is_example(self, number: int) -> bool:
        return all(self._shown(number, name) == EXAMPLE_ROW[name] for name in ("name", "email"))

    def _shown(self, number: int, name: str) -> str:
        cell = self.sheet.rows[number].get(self.positions.get(name, 0))
        return cell.text if cell is not None else ""


def header_of(sheet: Sheet) -> Header | None:
    """Return the row with the most known headers, the first of equals."""
    rows = (number for number in sorted(sheet.rows) if number <= HEADER_WITHIN)
    found = [Header(sheet, number, _positions(sheet.rows[number])) for number in rows]
    best = max(found, key=lambda header: len(header.positions), default=None)
    return best if best is not None and len(best.positions) >= FEWEST_HEADERS else None


def _columns(row: dict[int, Cell]) -> list[tuple[int, Column]]:
    found = ((position, column_of(row[position].text)) for position in sorted(row))
    return [(position, column) for position, column in found if column is not None]


def _positions(row: dict[int, Cell]) -> dict[str, int]:
    return {column.field: position for position, column in reversed(_columns(row))}


def header_faults(header: Header) -> Iterator[RowFault]:
    for column in _missing(header):
        message = f"The column {column.title} is missing: add it as in the template"
        yield RowFault(header.row, column.title, "missing_column", message)
    for column, titles in _repeated(header):
        message = f"{enumerated(titles)} all mean {column.title}: keep one of them"
        yield RowFault(header.row, column.title, "duplicate_column", message)


def _missing(header: Header) -> Iterator[Column]:
    for column in REQUIRED:
        if column.field in header.fields:
            continue
        parts = [part for part in NAME_PARTS if part.field not in header.positions]
        yield parts[0] if column is NAME and len(parts) == 1 else column


def _repeated(header: Header) -> Iterator[tuple[Column, list[str]]]:
    titles: dict[Column, list[str]] = {}
    row = header.sheet.rows[header.row]
    for position, column in _columns(row):
        is_part = column in {FIRST_NAME, LAST_NAME} and NAME.field in header.positions
        meant = NAME if is_part else column
        titles.setdefault(meant, []).append(f"“{row[position].text[:60]}”")
    return ((column, names) for column, names in titles.items() if len(names) > 1)


def other_columns(header: Header) -> tuple[dict[str, str | None], list[Ignored]]:
    """Return the non-empty unknown columns with guesses, and the ignored ones."""
    from openpyxl.utils import get_column_letter  # also loads Pillow

    unknown: dict[str, str | None] = {}
    ignored = []
    row, held = header.sheet.rows[header.row], _held(header)
    for position in sorted(held | row.keys()):
        title = row[position].text[:60] if position in row else ""
        name = title or get_column_letter(position)
        if column_of(title) is not None:
            if position in header.sheet.hidden_columns:
                ignored.append(Ignored(Leftover.HIDDEN_BUT_READ, column=name))
        elif is_of_export(title):
            ignored.append(Ignored(Leftover.OF_EXPORT, column=name))
        elif position in held:
            meant = mistyped(title)
            unknown[name] = meant.title if meant else None
        elif title:
            ignored.append(Ignored(Leftover.EMPTY, column=name))
    return unknown, ignored


def _held(header: Header) -> set[int]:
    return header.sheet.beyond | {
        position
        for number, row in header.sheet.rows.items()
        if number > header.row
        for position, cell in row.items()
        if not cell.shows_nothing
    }
