"""An uploaded workbook as the rows of its list of visitors. Pure: bytes in, rows and faults out.

Every fault of every row is told at once. The rules of the fields are not here: `rows.py` asks
those of a single registration.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.bulk.cells import Cell
from app.bulk.columns import (
    COLUMNS,
    EXAMPLE_ROW,
    REQUIRED,
    VISIT_DATE,
    VISIT_TIME,
    WORDS,
    Column,
    column_of,
    mistyped,
    word_of,
)
from app.bulk.faults import NoList, RowFault
from app.bulk.spreadsheet import Sheet, read_sheets

HEADER_WITHIN = 10
# Two headers that are known make a list; what is missing is then told by name.
FEWEST_HEADERS = 2


@dataclass(frozen=True, slots=True)
class ListRow:
    """A row of the list: what its columns say, by field. A field at fault is not among them."""

    number: int
    values: dict[str, str]
    at_fault: frozenset[str]


@dataclass(frozen=True, slots=True)
class VisitorList:
    """The list of an upload: where it was found, its rows, and what is wrong with its form."""

    sheet: Sheet
    header_row: int
    positions: dict[str, int]
    """The column of each field, counted from 1."""
    rows: list[ListRow] = field(default_factory=list)
    faults: list[RowFault] = field(default_factory=list)


def read_list(data: bytes, max_rows: int) -> VisitorList:
    """The list of visitors in a workbook; raises `UnreadableWorkbook`."""
    found = _find(read_sheets(data))
    found.faults.extend(_header_faults(found))
    numbers = [number for number in sorted(found.sheet.rows) if _is_filled(found, number)]
    if not numbers:
        message = "The list is empty: write one visitor in each row below the header"
        found.faults.append(RowFault(found.header_row + 1, "", "empty", message))
    elif len(numbers) > max_rows:
        message = f"The list has {len(numbers)} visitors: at most {max_rows} fit in one upload"
        found.faults.append(RowFault(numbers[max_rows], "", "too_many_rows", message))
    else:
        found.faults.extend(_merge_faults(found, numbers))
        found.rows.extend(_read_row(found, number) for number in numbers)
    return found


def _find(sheets: list[Sheet]) -> VisitorList:
    """The sheet and row with the most headers, the first of those that have as many."""
    candidates = [
        VisitorList(sheet, number, _positions(sheet.rows[number]))
        for sheet in sheets
        for number in sorted(sheet.rows)
        if number <= HEADER_WITHIN
    ]
    best = max(candidates, key=lambda found: len(found.positions), default=None)
    if best is None or len(best.positions) < FEWEST_HEADERS:
        raise NoList
    return best


def _columns(row: dict[int, Cell]) -> list[tuple[int, Column]]:
    found = ((position, column_of(row[position].text)) for position in sorted(row))
    return [(position, column) for position, column in found if column is not None]


def _positions(row: dict[int, Cell]) -> dict[str, int]:
    return {column.field: position for position, column in reversed(_columns(row))}


def _header_faults(found: VisitorList) -> Iterator[RowFault]:
    row, number = found.sheet.rows[found.header_row], found.header_row
    for column in REQUIRED:
        if column.field not in found.positions:
            message = f"The column {column.title} is missing: add it, as in the template"
            yield RowFault(number, column.title, "missing_column", message)
    for column, times in Counter(column for _, column in _columns(row)).items():
        if times > 1:
            message = f"The column {column.title} is there {times} times: keep one"
            yield RowFault(number, column.title, "duplicate_column", message)
    for cell in row.values():
        meant = None if column_of(cell.text) else mistyped(cell.text)
        if meant is not None and meant.field not in found.positions and meant not in REQUIRED:
            message = f"Is the header “{cell.text[:60]}” meant to be {meant.title}? Correct it"
            yield RowFault(number, meant.title, "unknown_column", message)


def _is_filled(found: VisitorList, number: int) -> bool:
    """Whether a row holds a visitor; the example of the template, left in, is none."""
    if number <= found.header_row:
        return False
    cells = _cells(found, number)
    is_example = all(
        name in cells and cells[name].text == EXAMPLE_ROW[name] for name in ("name", "email")
    )
    return bool(cells) and not is_example


def _cells(found: VisitorList, number: int) -> dict[str, Cell]:
    row = found.sheet.rows[number]
    held = ((name, row.get(position)) for name, position in found.positions.items())
    return {name: cell for name, cell in held if cell is not None and not cell.is_blank}


def _merge_faults(found: VisitorList, numbers: list[int]) -> Iterator[RowFault]:
    message = "Cells are merged here: split them, and write every value into its own cell"
    for merge in found.sheet.merges:
        rows = [number for number in numbers if merge.first_row <= number <= merge.last_row]
        columns = [
            column
            for column in COLUMNS
            if merge.first_column <= found.positions.get(column.field, 0) <= merge.last_column
        ]
        if rows and columns:
            yield RowFault(rows[0], columns[0].title, "merged_cells", message)


def _read_row(found: VisitorList, number: int) -> ListRow:
    values: dict[str, str] = {}
    at_fault: set[str] = set()
    cells = _cells(found, number)
    for column in COLUMNS:
        cell = cells.get(column.field)
        if column.field not in found.positions:
            continue
        read = _read(column, cell)
        if isinstance(read, str):
            values[column.field] = read
        elif read is not None:
            code, message = read
            at_fault.add(column.field)
            found.faults.append(RowFault(number, column.title, code, message))
    return ListRow(number, values, frozenset(at_fault))


def _read(column: Column, cell: Cell | None) -> str | tuple[str, str] | None:
    """What a cell says, or the code and message of its fault; None for an empty one."""
    if cell is None:
        return ("missing", f"{column.title} is empty: fill it in") if column.required else None
    if cell.formula is not None:
        return "formula", f"{column.title} holds a formula: write the value itself"
    if cell.is_error:
        return "cell_error", f"{column.title} shows an error of the spreadsheet: write the value"
    if column is VISIT_DATE:
        return cell.day() or ("invalid_date", "Write the date as 2026-11-23, without a time")
    if column is VISIT_TIME:
        return cell.clock_time() or ("invalid_time", "Write the time as 09:30, in whole minutes")
    return word_of(column.field, cell.text) if column.field in WORDS else cell.text
