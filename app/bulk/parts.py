"""Readers of a workbook's XML parts (ECMA-376, part 1, chapter 18)."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from posixpath import join, normpath

from app.bulk.faults import Damaged, TooComplex

MAX_ROW, MAX_COLUMN = 1_048_576, 16_384
WATCHED_COLUMNS = 60
MAX_MERGES = 1_000
# Longer than any field allows, so that the field's rule refuses it.
MAX_TEXT = 4_000
TRUE = frozenset({"1", "true"})
REFERENCE = re.compile(r"([A-Z]{1,3})([1-9]\d{0,6})")
# Built-in formats of East Asian programs (18.8.30): date or time, depending on the country.
_DATE, _TIME, _EITHER = "yyyy-mm-dd", "h:mm", "yyyy-mm-dd h:mm"
EAST_ASIAN_FORMATS = {
    **dict.fromkeys((27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58), _DATE),
    **dict.fromkeys((32, 33), _TIME),
    **dict.fromkeys((34, 35, 55, 56), _EITHER),
}
ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


class Gathered:
    """Text between two tags, up to a maximum length."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0

    def add(self, data: str) -> None:
        if self._length < MAX_TEXT:
            self._pieces.append(data)
            self._length += len(data)

    def take(self) -> str:
        text = "".join(self._pieces)[:MAX_TEXT]
        self._pieces, self._length = [], 0
        return text


class Relations:
    """`*.rels`: parts by id, and the first of each kind, without external links."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.by_id: dict[str, str] = {}
        self.by_kind: dict[str, str] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name != "Relationship" or attributes.get("TargetMode") == "External":
            return
        target = attributes.get("Target", "")
        path = normpath(join("/", self._folder, target)).lstrip("/")
        self.by_id[attributes.get("Id", "")] = path
        self.by_kind.setdefault(attributes.get("Type", "").rpartition("/")[2], path)

    def text(self, data: str) -> None: ...
    def end(self, name: str) -> None: ...


class Contents:
    """`workbook.xml`: visible sheets with relation ids, hidden sheets, the calendar."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, str]] = []
        self.hidden: list[str] = []
        self.begins_1904 = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "sheet" and attributes.get("state", "visible") == "visible":
            ids = [value for key, value in attributes.items() if key.endswith(":id")]
            self.sheets.append((attributes.get("name", ""), ids[0] if ids else ""))
        elif name == "sheet":
            self.hidden.append(attributes.get("name", ""))
        elif name == "workbookPr":
            self.begins_1904 = attributes.get("date1904") in TRUE

    def text(self, data: str) -> None: ...
    def end(self, name: str) -> None: ...


class Formats:
    """`styles.xml`: the number format of each cell style."""

    def __init__(self) -> None:
        from openpyxl.styles.numbers import BUILTIN_FORMATS  # also loads Pillow

        built_in = {**BUILTIN_FORMATS, **EAST_ASIAN_FORMATS}
        self._codes: dict[str, str] = {str(key): code for key, code in built_in.items()}
        self._styles: list[str] = []
        self._in_styles = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "numFmt":
            self._codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")[:255]
        elif name == "cellXfs":
            self._in_styles = True
        elif name == "xf" and self._in_styles:
            self._styles.append(attributes.get("numFmtId", "0"))

    def text(self, data: str) -> None: ...

    def end(self, name: str) -> None:
        if name == "cellXfs":
            self._in_styles = False

    def of_style(self, style: int) -> str:
        known = 0 <= style < len(self._styles)
        return self._codes.get(self._styles[style], "General") if known else "General"


class Strings:
    """`sharedStrings.xml`: the wanted strings, without phonetic readings."""

    def __init__(self, wanted: set[int]) -> None:
        self.texts: dict[int, str] = {}
        self._wanted = wanted
        self._index = -1
        self._reads = self._in_reading = False
        self._gathered = Gathered()

    def start(self, name: str, _: dict[str, str]) -> None:
        if name == "si":
            self._index += 1
        elif name == "rPh":
            self._in_reading = True
        elif name == "t":
            self._reads = not self._in_reading and self._index in self._wanted

    def text(self, data: str) -> None:
        if self._reads:
            self._gathered.add(data)

    def end(self, name: str) -> None:
        if name == "t":
            self._reads = False
        elif name == "rPh":
            self._in_reading = False
        elif name == "si" and self._index in self._wanted:
            self.texts[self._index] = unescaped(self._gathered.take())


@dataclass(slots=True)
class RawCell:
    """A cell as in the file: `kind` is its `t`, `style` the index of its format."""

    kind: str
    style: int
    text: str
    formula: str | None


@dataclass(frozen=True, slots=True)
class Merge:
    """A range of merged cells, inclusive."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int


@dataclass(slots=True)
class SheetCells:
    """The non-empty cells of a worksheet; its declared size is ignored."""

    rows: dict[int, dict[int, RawCell]] = field(default_factory=dict)
    merges: list[Merge] = field(default_factory=list)
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)
    beyond: set[int] = field(default_factory=set)
    """Non-empty columns that are too far to the right to be read."""


class SheetReader:
    def __init__(self) -> None:
        self.sheet = SheetCells()
        self._row = self._column = 0
        self._row_is_hidden = False
        self._cell: RawCell | None = None
        self._reads: str | None = None
        self._in_reading = False
        self._gathered = Gathered()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "row":
            self._row, self._column = _whole(attributes.get("r"), self._row + 1, MAX_ROW), 0
            self._row_is_hidden = _is_hidden(attributes, "ht")
        elif name == "c":
            self._begin_cell(attributes)
        elif name == "rPh":
            self._in_reading = True
        elif name in {"v", "f", "t"} and self._cell is not None and not self._in_reading:
            self._reads = name
        elif name == "mergeCell":
            self._merge(attributes.get("ref", ""))
        elif name == "col" and _is_hidden(attributes, "width"):
            first, last = (_whole(attributes.get(key), 1, MAX_COLUMN) for key in ("min", "max"))
            self.sheet.hidden_columns.update(range(first, min(last, WATCHED_COLUMNS) + 1))

    def text(self, data: str) -> None:
        if self._reads:
            self._gathered.add(data)

    def end(self, name: str) -> None:
        if name == self._reads and self._cell is not None:
            text, self._reads = self._gathered.take(), None
            if name == "f":
                self._cell.formula = text
            else:
                self._cell.text = (self._cell.text + text)[:MAX_TEXT]
        elif name == "rPh":
            self._in_reading = False
        elif name == "c":
            self._end_cell()

    def _merge(self, reference: str) -> None:
        if len(self.sheet.merges) == MAX_MERGES:
            raise TooComplex
        first, _, last = reference.replace("$", "").partition(":")
        self.sheet.merges.append(Merge(*_position(first), *_position(last or first)))

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        reference = attributes.get("r")
        if reference is None:
            self._column += 1
        else:
            self._row, self._column = _position(reference)
        style = _whole(attributes.get("s"), 0, 100_000)
        self._cell = RawCell(attributes.get("t", "n"), style, "", None)

    def _end_cell(self) -> None:
        cell, self._cell = self._cell, None
        if cell is None or not (cell.text or cell.formula is not None):
            return
        if self._column > WATCHED_COLUMNS:
            self.sheet.beyond.add(self._column)
            return
        self.sheet.rows.setdefault(self._row, {})[self._column] = cell
        if self._row_is_hidden:
            self.sheet.hidden_rows.add(self._row)


def _is_hidden(attributes: dict[str, str], size: str) -> bool:
    """Return whether a row or column is hidden; zero size looks the same."""
    return attributes.get("hidden") in TRUE or attributes.get(size) in {"0", "0.0"}


def _whole(text: str | None, default: int, most: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 7 and int(text) <= most):
        raise Damaged
    return int(text)


@lru_cache(MAX_COLUMN)
def _column(letters: str) -> int:
    from openpyxl.utils import column_index_from_string  # also loads Pillow

    return column_index_from_string(letters)


def _position(reference: str) -> tuple[int, int]:
    found = REFERENCE.fullmatch(reference)
    if found is None:
        raise Damaged
    row, column = int(found[2]), _column(found[1])
    if row > MAX_ROW or column > MAX_COLUMN:
        raise Damaged
    return row, column


def unescaped(text: str) -> str:
    """Decode `_xHHHH_` escapes of control characters (ECMA-376, 22.9.2.19)."""
    return ESCAPED.sub(_character, text)


def _character(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return found[0] if 0xD800 <= code <= 0xDFFF else chr(code)
