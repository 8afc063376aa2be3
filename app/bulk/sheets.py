"""Writes workbooks: common styles, and text that stays text."""

from collections.abc import Sequence
from io import BytesIO

from openpyxl import Workbook
from openpyxl.cell import Cell, MergedCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

FONT_NAME = "Calibri"
HEADER_FONT = Font(FONT_NAME, 11, bold=True, color="FFFFFF")
HEADER_FILL = PatternFill("solid", start_color="1F3A5F")
WRAPPED = Alignment(wrap_text=True, vertical="top")
TEXT_FORMAT = "@"
LINE = 15  # points


def cell_at(sheet: Worksheet, row: int, position: int) -> Cell:
    """Return a cell of a sheet without merged cells."""
    cell = sheet.cell(row, position)
    if isinstance(cell, MergedCell):
        raise TypeError("a merged cell cannot be written")
    return cell


def write_text(cell: Cell, text: str) -> None:
    """Write text as text; openpyxl would make a formula of a leading `=`."""
    cell.value = ILLEGAL_CHARACTERS_RE.sub("", text)
    cell.data_type = "s"
    if text.startswith(("=", "+", "-", "@", "'")):
        cell.quotePrefix = True  # otherwise the spreadsheet evaluates it when the cell is edited


def write_header(sheet: Worksheet, titles: Sequence[str], widths: Sequence[int]) -> None:
    """Write row 1 as a frozen header; widths are in characters."""
    for position, (title, width) in enumerate(zip(titles, widths, strict=True), start=1):
        cell = cell_at(sheet, 1, position)
        write_text(cell, title)
        style_header(cell)
        sheet.column_dimensions[cell.column_letter].width = width
    sheet.row_dimensions[1].height = 1.5 * LINE
    sheet.freeze_panes = "A2"
    fit_to_width(sheet)


def style_header(cell: Cell) -> None:
    cell.font, cell.fill = HEADER_FONT, HEADER_FILL
    cell.alignment = Alignment(vertical="center")


def fit_to_width(sheet: Worksheet) -> None:
    """Print all columns on one page."""
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = False
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def offer_words(sheet: Worksheet, letter: str, words: Sequence[str], rows: range) -> None:
    """Add a drop-down list that warns of other words, since synonyms are accepted."""
    choice = DataValidation(
        type="list",
        formula1=f'"{",".join(words)}"',
        allow_blank=True,
        showErrorMessage=True,
        errorStyle="warning",
        errorTitle="Not in the list",
        error=f"Choose one of: {', '.join(words)}",
    )
    choice.add(f"{letter}{rows.start}:{letter}{rows.stop - 1}")
    sheet.add_data_validation(choice)


def as_bytes(workbook: Workbook) -> bytes:
    file = BytesIO()
    workbook.save(file)
    return file.getvalue()
