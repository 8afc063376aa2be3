"""Workbooks of tests, made by openpyxl or by hand."""

import re
import zipfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import httpx
from openpyxl import Workbook

from app.bulk.errors import XLSX
from tests.support.api import Client

INLINE = re.compile(r'(<c [^>]*)t="inlineStr"><is><t[^>]*>([^<]*)</t></is></c>')
HEADER = [
    "Name*",
    "Email*",
    "Phone*",
    "Company/Organization*",
    "Visitor Type*",
    "Visitor Category*",
]
COMMON: dict[str, Any] = {"visit_date": "2026-11-23", "visit_time": "10:00"}
HOST: dict[str, Any] = {"host_name": "Charles Babbage", "host_email": "charles@example.com"}


def row(number: int = 1, *more: Any) -> list[Any]:
    """Return a sound row; `more` fills further columns."""
    person = [f"Guest {number}", f"guest{number}@example.com", "+49 30 123456", "Engines Ltd"]
    return [*person, "professional", "industry", *more]


def rows(count: int, first: int = 1) -> list[list[Any]]:
    return [row(number) for number in range(first, first + count)]


def workbook(lines: Sequence[Sequence[Any]], header: Sequence[Any] = HEADER) -> bytes:
    """Return a workbook with one sheet."""
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(list(header))
    for line in lines:
        sheet.append(list(line))
    return saved(book)


def saved(book: Workbook) -> bytes:
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def shared(data: bytes) -> bytes:
    """Return the workbook with its texts in a table of shared strings, as Excel writes them."""
    texts: list[str] = []

    def moved(found: re.Match[str]) -> str:
        texts.append(found[2])
        return f'{found[1]}t="s"><v>{len(texts) - 1}</v></c>'

    with zipfile.ZipFile(BytesIO(data)) as source:
        sheet = source.read("xl/worksheets/sheet1.xml").decode()
        relations = source.read("xl/_rels/workbook.xml.rels").decode()
    sheet = INLINE.sub(moved, sheet)
    table = "".join(f"<si><t>{text}</t></si>" for text in texts)
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
    link = f'<Relationship Id="rIdS" Type="{kind}" Target="sharedStrings.xml"/></Relationships>'
    parts = {
        "xl/worksheets/sheet1.xml": sheet,
        "xl/_rels/workbook.xml.rels": relations.replace("</Relationships>", link),
        "xl/sharedStrings.xml": f"<sst>{table}</sst>",
    }
    return repacked(data, {name: text.encode() for name, text in parts.items()})


def part(data: bytes, name: str) -> str:
    """Return a part of a workbook as text."""
    with zipfile.ZipFile(BytesIO(data)) as file:
        return file.read(name).decode()


def repacked(data: bytes, parts: Mapping[str, bytes]) -> bytes:
    """Return the same workbook with some parts replaced or added."""
    with zipfile.ZipFile(BytesIO(data)) as source:
        held = {name: source.read(name) for name in source.namelist()}
    return packed(held | dict(parts))


def packed(parts: Mapping[str, bytes]) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


async def upload(
    client: Client,
    data: bytes,
    *,
    headers: Mapping[str, str] | None = None,
    query: str = "",
    name: str = "visitors.xlsx",
    **fields: str,
) -> httpx.Response:
    """Send a workbook; the date and time are `COMMON` unless `fields` has others."""
    sender = Client(client._http, {**client.headers, **(headers or {})}, client.user_id)
    return await sender.request(
        "POST",
        f"visitors/bulk-upload/{query}",
        files={"file": (name, data, XLSX)},
        data=COMMON | fields,
    )


def faults(answer: httpx.Response) -> list[tuple[int, str, str]]:
    """Return row, column and code of each fault of a refusal."""
    assert answer.status_code == 422, answer.text
    found = answer.json()["errors"]
    assert all(fault.keys() == {"row", "column", "code", "message"} for fault in found)
    return [(fault["row"], fault["column"], fault["code"]) for fault in found]
