"""A streamed Excel workbook with constant memory (`docs/decisions/0005-export-writer.md`)."""

from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile

from app.reports import workbook_parts as parts
from app.reports.cells import cell_maker
from app.reports.columns import Column

SHEET_ROWS = 1_048_576  # Excel's limit, including the header
# A zip entry of 2 GiB needs zip64, which Excel does not read from a streamed file.
SHEET_BYTES = 1_900_000_000
DEFLATE_LEVEL = 1  # level 6 saves a fifth of the size but takes three times as long


class Workbook:
    """A workbook in parts: `head`, any number of `rows`, `tail`, then `close`.

    `title` is in letters and spaces.
    """

    extension = "xlsx"
    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

    def __init__(
        self, columns: Sequence[Column], *, title: str = "Visitors", sheet_rows: int = SHEET_ROWS
    ) -> None:
        self._columns = columns
        self._cells = [cell_maker(column.kind) for column in columns]
        self._title = title
        self._sheet_rows = sheet_rows
        self._outlet = _Outlet()
        self._zip = ZipFile(self._outlet, "w", ZIP_DEFLATED, compresslevel=DEFLATE_LEVEL)
        self._sheet: IO[bytes] = BytesIO()
        self._sheets: list[int] = []
        self._bytes = 0

    def head(self) -> bytes:
        self._put("[Content_Types].xml", parts.CONTENT_TYPES)
        self._put("_rels/.rels", parts.ROOT_LINKS)
        self._put("xl/styles.xml", parts.STYLES)
        self._sheet = self._begin_sheet()
        return self._outlet.take()

    def rows(self, rows: Iterable[Sequence[Any]]) -> bytes:
        waiting = [self._row(row) for row in rows]
        while waiting:
            if self._is_full():
                self._end_sheet()
                self._sheet = self._begin_sheet()
            room = self._sheet_rows - self._sheets[-1]
            self._write("".join(waiting[:room]))
            self._sheets[-1] += len(waiting[:room])
            waiting = waiting[room:]
        return self._outlet.take()

    def tail(self) -> bytes:
        self._end_sheet()
        self._put("xl/workbook.xml", parts.workbook(self._title, self._columns, self._sheets))
        self._put("xl/_rels/workbook.xml.rels", parts.workbook_links(len(self._sheets)))
        self._zip.close()
        return self._outlet.take()

    def close(self) -> None:
        """Close the zip, which would otherwise warn when it is collected."""
        self._sheet.close()
        self._zip.close()
        self._outlet.take()

    def _row(self, row: Sequence[Any]) -> str:
        cells = [cell(value) for cell, value in zip(self._cells, row, strict=True)]
        return f"<row>{''.join(cells)}</row>"

    def _is_full(self) -> bool:
        return self._sheets[-1] >= self._sheet_rows or self._bytes >= SHEET_BYTES

    def _begin_sheet(self) -> IO[bytes]:
        self._sheets.append(1)
        self._bytes = 0
        sheet = self._zip.open(f"xl/worksheets/sheet{len(self._sheets)}.xml", "w")
        sheet.write(parts.sheet_head(self._columns).encode())
        return sheet

    def _write(self, text: str) -> None:
        self._bytes += self._sheet.write(text.encode())

    def _end_sheet(self) -> None:
        self._write(parts.sheet_tail(self._columns, self._sheets[-1]))
        self._sheet.close()

    def _put(self, name: str, text: str) -> None:
        with self._zip.open(name, "w") as part:
            part.write(text.encode())


class _Outlet:
    """A stream that keeps written bytes until they are taken, and cannot seek."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._held.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def take(self) -> bytes:
        taken = b"".join(self._held)
        self._held.clear()
        return taken
