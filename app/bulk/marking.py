"""A refused list with its errors marked, built only from the values that were read."""

from collections import defaultdict
from collections.abc import Sequence

from openpyxl import Workbook
from openpyxl.cell import Cell as SheetCell
from openpyxl.comments import Comment
from openpyxl.styles import PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from app.bulk.cells import Cell
from app.bulk.columns import WORDS
from app.bulk.faults import RowFault
from app.bulk.sheets import (
    TEXT_FORMAT,
    as_bytes,
    cell_at,
    fit_to_width,
    offer_words,
    style_header,
    write_text,
)
from app.bulk.workbook import VisitorList

FAULTY = PatternFill("solid", start_color="FFC7CE")
WIDTH = 24
MAX_CELLS = 20_000
AUTHOR = "Visitor desk"
FALLBACK_TITLE = "Visitors"


def marked(found: VisitorList, faults: Sequence[RowFault]) -> bytes | None:
    """Return the list with its errors marked; None if it cannot be corrected by hand."""
    if sum(len(row) for row in found.header.sheet.rows.values()) > MAX_CELLS:
        return None
    workbook = Workbook()
    sheet: Worksheet = workbook.worksheets[0]
    sheet.title = FALLBACK_TITLE
    for number, row in found.header.sheet.rows.items():
        for position, cell in row.items():
            _write(cell_at(sheet, number, position), cell)
    _style(sheet, found)
    _mark(sheet, found, faults)
    return as_bytes(workbook)


def _write(target: SheetCell, cell: Cell) -> None:
    if cell.formula is not None:
        write_text(target, f"={cell.formula}")
    elif isinstance(cell.value, str) or cell.is_error:
        write_text(target, str(cell.value))
        target.number_format = TEXT_FORMAT
    else:
        target.value = cell.value
        target.number_format = cell.number_format


def _style(sheet: Worksheet, found: VisitorList) -> None:
    last = max(found.header.sheet.rows) + 1
    for field, position in found.header.positions.items():
        letter = get_column_letter(position)
        sheet.column_dimensions[letter].width = WIDTH
        style_header(cell_at(sheet, found.header.row, position))
        if field in WORDS:
            rows = range(found.header.row + 1, last + 1)
            offer_words(sheet, letter, list(WORDS[field]), rows)
    sheet.freeze_panes = f"A{found.header.row + 1}"
    fit_to_width(sheet)


def _mark(sheet: Worksheet, found: VisitorList, faults: Sequence[RowFault]) -> None:
    by_cell: dict[tuple[int, int], list[str]] = defaultdict(list)
    for fault in faults:
        # An error without a column is shown at the start of the row.
        by_cell[fault.row, found.header.position_of(fault.column)].append(fault.message)
    for (row, position), messages in by_cell.items():
        cell = cell_at(sheet, row, position)
        cell.fill = FAULTY
        text = "\n".join(messages)
        cell.comment = Comment(text, AUTHOR, height=40 + 20 * len(messages), width=320)
