"""Reads an untrusted workbook; macros, images and links are never read.

openpyxl would create objects for everything in a hostile file, and leaves document types to the XML
library.
"""

from dataclasses import dataclass
from datetime import datetime

from app.bulk.archive import Archive
from app.bulk.cells import CALENDAR_1900, CALENDAR_1904, Cell, cell_of, wanted_string
from app.bulk.faults import Damaged, NotAWorkbook
from app.bulk.parts import Contents, Formats, Merge, Relations, SheetCells, SheetReader, Strings
from app.bulk.xml import Reader, XmlBudget

MAX_SHEETS = 20


@dataclass(frozen=True, slots=True)
class Sheet:
    """The non-empty cells by row and column, both counted from 1."""

    name: str
    rows: dict[int, dict[int, Cell]]
    merges: list[Merge]
    hidden_rows: set[int]
    hidden_columns: set[int]
    beyond: set[int]
    """Non-empty columns that are too far to the right to be read."""


@dataclass(frozen=True, slots=True)
class Book:
    """The sheets that were read, and the names of the others."""

    sheets: list[Sheet]
    hidden: list[str]
    unread: list[str]


def read_book(data: bytes) -> Book:
    """Return the visible sheets of a workbook, at most `MAX_SHEETS`."""
    return _Workbook(data).read()


class _Workbook:
    def __init__(self, data: bytes) -> None:
        self._archive = Archive(data)
        self._budget = XmlBudget()
        outer = self._relations("", "_rels/.rels")
        self._main = outer.by_kind.get("officeDocument", "xl/workbook.xml")
        if self._main not in self._archive or not self._main.endswith(".xml"):
            raise NotAWorkbook

    def read(self) -> Book:
        folder, _, name = self._main.rpartition("/")
        relations = self._relations(folder, f"{folder}/_rels/{name}.rels")
        contents = Contents()
        self._read(self._main, contents)
        paths = [(title, relations.by_id.get(id_, "")) for title, id_ in contents.sheets]
        cells = [(title, self._cells(path)) for title, path in paths[:MAX_SHEETS]]
        texts = self._texts(relations, [sheet for _, sheet in cells])
        formats = self._formats(relations)
        calendar = CALENDAR_1904 if contents.begins_1904 else CALENDAR_1900
        sheets = [_sheet(title, sheet, texts, formats, calendar) for title, sheet in cells]
        return Book(sheets, contents.hidden, [title for title, _ in paths[MAX_SHEETS:]])

    def _relations(self, folder: str, path: str) -> Relations:
        relations = Relations(folder)
        if path in self._archive:
            self._read(path, relations)
        return relations

    def _cells(self, path: str) -> SheetCells:
        reader = SheetReader()
        if path not in self._archive:
            raise Damaged
        self._read(path, reader)
        return reader.sheet

    def _texts(self, relations: Relations, sheets: list[SheetCells]) -> dict[int, str]:
        cells = (cell for sheet in sheets for row in sheet.rows.values() for cell in row.values())
        wanted = {index for cell in cells if (index := wanted_string(cell)) is not None}
        strings = Strings(wanted)
        path = relations.by_kind.get("sharedStrings")
        if path is not None and wanted:
            self._read(path, strings)
        return strings.texts

    def _formats(self, relations: Relations) -> Formats:
        formats = Formats()
        path = relations.by_kind.get("styles")
        if path is not None:
            self._read(path, formats)
        return formats

    def _read(self, path: str, reader: Reader) -> None:
        self._budget.read(self._archive.pieces(path), reader)


def _sheet(
    title: str, held: SheetCells, texts: dict[int, str], formats: Formats, calendar: datetime
) -> Sheet:
    rows = {
        number: {
            column: cell_of(raw, texts, formats.of_style(raw.style), calendar)
            for column, raw in row.items()
        }
        for number, row in held.rows.items()
    }
    return Sheet(title, rows, held.merges, held.hidden_rows, held.hidden_columns, held.beyond)
