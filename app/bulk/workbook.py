from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.bulk.cells import Cell
from app.bulk.columns import (
    COLUMNS,
    NAME,
    NAME_PARTS,
    PHONE,
    VISIT_DATE,
    VISIT_TIME,
    WORDS,
    Column,
    word_of,
)
from app.bulk.faults import HiddenRows, NoList, RowFault, SeveralLists, UnknownColumns
from app.bulk.header import FEWEST_OF_LIST, Header, header_faults, header_of, other_columns
from app.bulk.leftovers import Ignored, Leftover, documents, of_rows
from app.bulk.spreadsheet import Book, read_book
from app.core.languages import Language


@dataclass(frozen=True, slots=True)
class ListRow:
    """A row of the list: values by field, without invalid ones."""

    number: int
    values: dict[str, str]
    at_fault: frozenset[str]
    date_in: Language | None = None
    """The language of the date format; None if every site accepts it."""


@dataclass(frozen=True, slots=True)
class VisitorList:
    """The list of an upload, its errors of form, and the parts that were not read."""

    header: Header
    ignored: list[Ignored]
    rows: list[ListRow] = field(default_factory=list)
    faults: list[RowFault] = field(default_factory=list)

    def members(self) -> dict[str, Any]:
        return {"sheet": self.header.sheet.name, "ignored": documents(self.ignored)}


def read_list(
    data: bytes, max_rows: int, *, include_hidden: bool = False, ignore_columns: bool = False
) -> VisitorList:
    """Return the list of visitors in a workbook; raise `UnreadableWorkbook`."""
    book = read_book(data)
    header = _find(book)
    unknown, other = other_columns(header)
    if ignore_columns:
        other.extend(Ignored(Leftover.UNKNOWN, column=name) for name in unknown)
    ignored = [*_other_sheets(book, header), *other, *of_rows(list(_other_rows(header)))]
    if unknown and not ignore_columns:
        raise UnknownColumns(header.sheet.name, unknown, ignored)
    numbers = list(header.visitors())
    hidden = [number for number in numbers if number in header.sheet.hidden_rows]
    if hidden and not include_hidden:
        raise HiddenRows(header.sheet.name, hidden, ignored)
    return _read(header, ignored, numbers, max_rows)


def _find(book: Book) -> Header:
    """Return the only sheet with a list, or else the header with the most columns."""
    headers = [header for sheet in book.sheets if (header := header_of(sheet)) is not None]
    lists = [header for header in headers if _is_list(header)]
    if len(lists) > 1:
        raise SeveralLists([header.sheet.name for header in lists])
    best = max(lists or headers, key=lambda header: len(header.positions), default=None)
    if best is None:
        raise NoList
    return best


def _is_list(header: Header) -> bool:
    return len(header.positions) >= FEWEST_OF_LIST and next(header.visitors(), None) is not None


def _other_sheets(book: Book, chosen: Header) -> Iterator[Ignored]:
    for sheet in book.sheets:
        if sheet is not chosen.sheet and sheet.rows:
            header = header_of(sheet)
            is_like = header is not None and len(header.positions) >= FEWEST_OF_LIST
            yield Ignored(Leftover.NO_VISITORS if is_like else Leftover.NO_LIST, sheet=sheet.name)
    yield from (Ignored(Leftover.HIDDEN, sheet=name) for name in book.hidden)
    yield from (Ignored(Leftover.TOO_MANY_SHEETS, sheet=name) for name in book.unread)


def _other_rows(header: Header) -> Iterator[Ignored]:
    for number, row in sorted(header.sheet.rows.items()):
        if number == header.row or all(cell.shows_nothing for cell in row.values()):
            continue
        if number < header.row:
            yield Ignored(Leftover.ABOVE_HEADER, row=number)
        elif header.is_example(number):
            yield Ignored(Leftover.EXAMPLE, row=number)
        elif not header.holds_visitor(number):
            yield Ignored(Leftover.NO_VISITOR, row=number)


def _read(
    header: Header, ignored: list[Ignored], numbers: Sequence[int], max_rows: int
) -> VisitorList:
    found = VisitorList(header, ignored)
    found.faults.extend(header_faults(header))
    if not numbers:
        message = "The list is empty: enter one visitor per row below the header"
        found.faults.append(RowFault(header.row + 1, "", "empty", message))
    elif len(numbers) > max_rows:
        message = (
            f"The list has {len(numbers)} visitors: at most {max_rows} are allowed in one upload"
        )
        found.faults.append(RowFault(numbers[max_rows], "", "too_many_rows", message))
    else:
        found.faults.extend(_merge_faults(header, numbers))
        fields, is_split = header.fields, header.is_split
        found.rows.extend(_read_row(found, number, fields, is_split) for number in numbers)
    return found


def _merge_faults(header: Header, numbers: Sequence[int]) -> Iterator[RowFault]:
    message = "These cells are merged: split them and enter each value in its own cell"
    for merge in header.sheet.merges:
        rows = [number for number in numbers if merge.first_row <= number <= merge.last_row]
        columns = [
            column
            for column in (*COLUMNS, *NAME_PARTS)
            if merge.first_column <= header.positions.get(column.field, 0) <= merge.last_column
        ]
        if rows and columns:
            yield RowFault(rows[0], columns[0].title, "merged_cells", message)


def _read_row(found: VisitorList, number: int, fields: set[str], is_split: bool) -> ListRow:
    values: dict[str, str] = {}
    at_fault: set[str] = set()
    cells = found.header.cells(number)
    for column in COLUMNS:
        if column.field not in fields:
            continue
        is_made = column is NAME and is_split
        cell = cells.get(column.field)
        # Our own export has empty fields that a registration can omit.
        optional = found.header.is_of_export and column.field in {"phone", "company"}
        read = _read_name(cells) if is_made else _read_cell(column, cell, may_be_empty=optional)
        if isinstance(read, str):
            values[column.field] = read
        elif read is not None:
            at_fault.add(column.field)
            found.faults.append(RowFault(number, *read))
    return ListRow(number, values, frozenset(at_fault), _date_in(cells.get(VISIT_DATE.field)))


Fault = tuple[str, str, str]
"""The column's title, the code and the message."""


def _read_name(cells: dict[str, Cell]) -> str | Fault:
    """Combine first and last name; one of them is enough."""
    read = [_read_cell(part, cells.get(part.field)) for part in NAME_PARTS]
    for fault in read:
        if isinstance(fault, tuple):
            return fault
    name = " ".join(part for part in read if isinstance(part, str))
    return name or _fault(NAME, "missing", "is empty")


def _read_cell(
    column: Column, cell: Cell | None, *, may_be_empty: bool = False
) -> str | Fault | None:
    """Return the value of a cell, its error, or None if it is empty."""
    if cell is None:
        is_missing = column.required and not may_be_empty
        return _fault(column, "missing", "is empty") if is_missing else None
    if cell.formula is not None:
        return _fault(column, "formula", "contains a formula: enter the value itself")
    if cell.is_error:
        return _fault(column, "cell_error", "contains a spreadsheet error: enter the value")
    if column is VISIT_DATE:
        message = "is not a date: enter it as 2026-11-23, without a time"
        return cell.day() or cell.german_day() or _fault(column, "invalid_date", message)
    if column is VISIT_TIME:
        message = "is not a time: enter it as 09:30, in whole minutes"
        return cell.clock_time() or _fault(column, "invalid_time", message)
    return _text(column, cell)


def _text(column: Column, cell: Cell) -> str:
    if column is PHONE:
        return cell.phone
    return word_of(column.field, cell.text) if column.field in WORDS else cell.text


def _fault(column: Column, code: str, message: str) -> Fault:
    return column.title, code, f"{column.title} {message}"


def _date_in(cell: Cell | None) -> Language | None:
    return Language.GERMAN if cell is not None and cell.german_day() else None
