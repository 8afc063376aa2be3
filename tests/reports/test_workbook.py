"""The workbook and the CSV file, without a database."""

import csv
import io
import zipfile
from datetime import UTC, date, datetime, time
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.localtime import zone_of
from app.reports.cells import LOOKS_ESCAPED, REFUSED
from app.reports.columns import COLUMNS, Column, Kind
from app.reports.csv_file import CONTROLS, CsvFile
from app.reports.workbook import Workbook

BERLIN = zone_of("Europe/Berlin")
TEXTS = (Column("Name", 20, Kind.TEXT), Column("Word", 20, Kind.WORD))


def workbook_of(
    rows: list[tuple[Any, ...]], columns: tuple[Column, ...] = TEXTS, **options: Any
) -> openpyxl.Workbook:
    """Return a workbook written and read back."""
    file = Workbook(columns, **options)
    data = file.head() + b"".join(file.rows([row]) for row in rows) + file.tail()
    assert zipfile.ZipFile(io.BytesIO(data)).testzip() is None
    return openpyxl.load_workbook(io.BytesIO(data))


def texts_of(text: str) -> list[Any]:
    [sheet] = workbook_of([(text, text)]).worksheets
    return [cell.value for cell in sheet[2]]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        '=HYPERLINK("http://example.com")',
        "+49 30 123",
        "-1",
        "@SUM(A1)",
        "  padded ",
        "a <b> & 'c' \"d\"",
        "two\nlines\tand a tab",
        "مرحبا بالعالم",
        "שלום",
        "👩‍🚀 emoji",
        "2026-11-23",
        "1e5",
        "]]>",
    ],
)
def test_text_stays_the_text_that_it_is(text: str) -> None:
    [sheet] = workbook_of([(text, text)]).worksheets
    for cell in sheet[2]:
        assert (cell.value, cell.data_type, cell.number_format) == (text, "s", "@")


def test_what_excel_refuses_is_left_out() -> None:
    assert texts_of("a\x00b\x0b\x1f\r\ufffe\uffff\ud800c") == ["abc", "abc"]
    assert texts_of("\x01") == ["", ""]


def test_what_looks_like_an_escape_of_excel_is_escaped() -> None:
    assert texts_of("_x0041_ _x_") == ["_x005F_x0041_ _x_"] * 2  # which openpyxl does not decode


@settings(max_examples=300)
@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_text_comes_back(text: str) -> None:
    wanted = LOOKS_ESCAPED.sub("_x005F_", REFUSED.sub("", text))
    for found in texts_of(text):
        assert (found or "") == wanted


def test_a_further_sheet_begins_where_one_is_full() -> None:
    rows = [(str(n), None) for n in range(8)]
    for parts in ([rows], [rows[:3], rows[3:]], [[row] for row in rows]):
        file = Workbook(TEXTS, sheet_rows=4)
        data = file.head() + b"".join(file.rows(part) for part in parts) + file.tail()
        book = openpyxl.load_workbook(io.BytesIO(data))
        assert book.sheetnames == ["Visitors", "Visitors 2", "Visitors 3"]
        found = [row[0] for sheet in book for row in sheet.iter_rows(2, values_only=True)]
        assert found == [row[0] for row in rows]
        assert [sheet.auto_filter.ref for sheet in book] == ["A1:B4", "A1:B4", "A1:B3"]
        assert {sheet.freeze_panes for sheet in book} == {"A2"}


def test_no_rows_at_all() -> None:
    [sheet] = workbook_of([], COLUMNS).worksheets
    assert sheet.max_row == 1
    assert sheet.auto_filter.ref == "A1:X1"


@pytest.mark.parametrize(
    ("kind", "value", "wanted", "number_format"),
    [
        (Kind.DATE, date(2026, 11, 23), datetime.fromisoformat("2026-11-23"), "yyyy\\-mm\\-dd"),
        (Kind.TIME, time(9, 30), time(9, 30), "hh:mm"),
        (Kind.TIME, time(23, 59), time(23, 59), "hh:mm"),
        (
            Kind.INSTANT,
            datetime(2026, 11, 23, 9, 5, 7, 999_999, tzinfo=UTC),
            datetime.fromisoformat("2026-11-23 09:05:07"),
            'yyyy\\-mm\\-dd\\ hh:mm:ss\\ "UTC"',
        ),
        (Kind.INSTANT, None, None, "General"),
        (
            Kind.LOCAL,
            datetime(2026, 10, 25, 2, 30, 7, 999_999, tzinfo=BERLIN, fold=1),
            datetime.fromisoformat("2026-10-25 02:30:07"),
            "yyyy\\-mm\\-dd\\ hh:mm:ss",
        ),
        (Kind.LOCAL, None, None, "General"),
        (Kind.NUMBER, 90, 90, "General"),
        (Kind.NUMBER, None, None, "General"),
    ],
)
def test_dates_and_times_are_real_ones(
    kind: Kind, value: Any, wanted: Any, number_format: str
) -> None:
    [sheet] = workbook_of([(value,)], (Column("When", 12, kind),)).worksheets
    cell = sheet["A2"]
    assert (cell.value, cell.number_format) == (wanted, number_format)


def test_every_part_leaves_at_once() -> None:
    """Only zlib holds data back."""
    file = Workbook(TEXTS)
    assert b"[Content_Types].xml" in file.head()
    sent = [len(file.rows([(f"{n}" * 50, "x")] * 250)) for n in range(600)]
    assert sum(sent) > 5 * len(file.tail())


def csv_rows(*rows: tuple[Any, ...], columns: tuple[Column, ...] = TEXTS) -> list[list[str]]:
    file = CsvFile(columns)
    data = file.head() + file.rows(rows) + file.tail()
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("=1+1", "'=1+1"),
        ("+49 30", "'+49 30"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("\x01=1", "'=1"),
        ("\uff1d1", "'\uff1d1"),
        ('say "hi", twice\r\nplease', 'say "hi", twice\r\nplease'),
        ("שלום 👩‍🚀", "שלום 👩‍🚀"),
    ],
)
def test_csv_is_safe_and_well_formed(text: str, wanted: str) -> None:
    assert csv_rows((text, text))[1] == [wanted, wanted]


@given(st.lists(st.tuples(st.text(st.characters(codec="utf-8")), st.none())))
def test_any_text_comes_back_from_csv(rows: list[tuple[str, None]]) -> None:
    found = csv_rows(*rows)[1:]
    for (text, _), (read, empty) in zip(rows, found, strict=True):
        assert read.replace("'", "") == CONTROLS.sub("", text).replace("'", "")
        assert not read.startswith(tuple("=+-@\t\r"))
        assert empty == ""


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        (Kind.INSTANT, datetime(2026, 11, 23, 9, tzinfo=UTC), "2026-11-23T09:00:00Z"),
        (Kind.LOCAL, datetime(2026, 10, 25, 2, tzinfo=BERLIN), "2026-10-25T02:00:00+02:00"),
        (Kind.LOCAL, datetime(2026, 10, 25, 2, tzinfo=BERLIN, fold=1), "2026-10-25T02:00:00+01:00"),
        (Kind.LOCAL, None, ""),
        (Kind.NUMBER, 90, "90"),
        (Kind.NUMBER, None, ""),
    ],
)
def test_values_of_csv(kind: Kind, value: Any, wanted: str) -> None:
    assert csv_rows((value, "x"), columns=(Column("V", 9, kind), TEXTS[0]))[1] == [wanted, "x"]


FORMULAS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
PIECES = st.sampled_from(["x", " ", '"', "'", ",", ";", "\t", "\n", "\r", *FORMULAS])
HOSTILE = "x;=cmd|' /C calc'!A0;y"


def cells(delimiter: str, *texts: str) -> list[str]:
    """Return what a program that parts cells in its own way reads of a file of ours."""
    file = CsvFile(TEXTS)
    content = (file.head() + file.rows([(text, text) for text in texts])).decode("utf-8-sig")
    lines = io.StringIO(content.replace("\r\n", "\n").replace("\r", "\n"))
    return [cell for row in csv.reader(lines, delimiter=delimiter) for cell in row]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    "text", [HOSTILE, "x\t=1+1\ty", "x,=1+1", 'x;"=1+1"', "x; =1+1", "a\n=1+1;b", "x;;@SUM(1)"]
)
def test_no_cell_is_a_formula_whatever_parts_cells(delimiter: str, text: str) -> None:
    found = [cell.lstrip(' "') for cell in cells(delimiter, text)]
    assert not [cell for cell in found if cell.startswith(FORMULAS)]


@given(st.lists(PIECES, max_size=12).map("".join))
def test_no_text_makes_a_formula_whatever_parts_cells(text: str) -> None:
    for delimiter in (",", ";", "\t"):
        assert not [cell for cell in cells(delimiter, text) if cell.startswith(FORMULAS)]


def test_csv_lines_end_as_the_rfc_says() -> None:
    file = CsvFile(TEXTS)
    assert file.head() == b"\xef\xbb\xbfName,Word\r\n"
    assert file.rows([("a", "b"), ("c,", None)]) == b'a,b\r\n"c,",\r\n'
