"""The memory that the worst accepted file needs."""

import random
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from tests.bulk.files import repacked, rows, workbook

LIMIT_MB = 50
PROCESS = Path("/proc/self/status")
MEASURE = """
import sys
from datetime import date, time
from pathlib import Path
from app.bulk.faults import UnreadableWorkbook
from app.bulk.rows import read_rows
from app.bulk.workbook import read_list

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

common = {"visit_date": date(2026, 11, 23), "visit_time": time(10), "site": None}
def read(path):
    try:
        return len(read_rows(read_list(Path(path).read_bytes(), 20), common).faults)
    except UnreadableWorkbook as verdict:
        return type(verdict).__name__

read(sys.argv[1])  # what is loaded once is part of idle
idle = peak()
result = read(sys.argv[2])
print(result, (peak() - idle) // 1024)
"""


def _noise(size: int) -> bytes:
    """Return letters that compress eight to one, and no better."""
    return random.Random(1).randbytes(size).translate(b"ab" * 128)  # noqa: S311 - no secret


def _long_texts(size: int) -> bytes:
    """Return texts of four bytes a character in memory, and one in the file."""
    opening, closing = b'<c t="inlineStr"><is><t>' + "\U0001f600".encode(), b"</t></is></c>"
    noise, length = _noise(size), 3_900
    texts = [noise[begin : begin + length] for begin in range(0, size, length)]
    cells = [opening + text + closing for text in texts]
    lines = [b"".join(cells[begin : begin + 12]) for begin in range(0, len(cells), 12)]
    return b"".join(b"<row>" + line + b"</row>" for line in lines)


def _cells(count: int) -> bytes:
    return b"<row>" + b"<c><v>1</v></c>" * count + b"</row>"


SIZE = 6_200_000
SHEETS = {
    "long texts": _long_texts(SIZE),
    "many cells": b"<!--" + _noise(3_000_000) + b"-->" + _cells(48) * 1_000,
    "one giant attribute": b'<row x="' + "\U0001f600".encode() + _noise(SIZE) + b'"/>',
    "one giant text": b'<row><c t="inlineStr"><is><t>' + _noise(SIZE) + b"</t></is></c></row>",
    "one giant comment": b"<!--" + _noise(SIZE) + b"-->",
}


@pytest.mark.needs(PROCESS.exists(), "only Linux says how much memory a process takes")
@pytest.mark.parametrize("name", SHEETS)
def test_the_worst_file_takes_less_than_fifty_megabytes(name: str, tmp_path: Path):
    plain = workbook(rows(3))
    with zipfile.ZipFile(BytesIO(plain)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml")
    filled = sheet.replace(b"</sheetData>", SHEETS[name] + b"</sheetData>")
    (tmp_path / "plain.xlsx").write_bytes(plain)
    (tmp_path / "worst.xlsx").write_bytes(repacked(plain, {"xl/worksheets/sheet1.xml": filled}))
    assert (tmp_path / "worst.xlsx").stat().st_size < 1024 * 1024
    paths = [str(tmp_path / "plain.xlsx"), str(tmp_path / "worst.xlsx")]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *paths], capture_output=True, text=True, check=True
    )
    assert int(done.stdout.split()[1]) < LIMIT_MB, done.stdout
