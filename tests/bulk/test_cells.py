"""The values of cells: phones, dates as text, line breaks, invisible characters."""

from typing import Any

import pytest
from openpyxl import Workbook

from app.bulk.number_formats import digits_shown
from app.core.db.database import Database
from tests.bulk.files import HEADER, faults, row, saved, upload, workbook
from tests.bulk.reading import WHEN, only, read
from tests.support.api import Api
from tests.support.database import change_default_site


@pytest.mark.parametrize(
    ("number", "form", "shown"),
    [
        (301234567, "0000000000", "0301234567"),
        (49301234567, "+0", "+49301234567"),
        (49301234567, r"\+00\ 00\ 0000000", "+49 30 1234567"),
        (301234567, '"+49 "0', "+49 301234567"),
        (301234567, r"[$-407]\+0;@", "+301234567"),
        (301234567.0, "0000000000", "0301234567"),
        (301234567, "General", "301234567"),
        (301234567, "#,##0", "301234567"),
        (301234567, "0.00", "301234567"),
        (301234567, "0E+00", "301234567"),
        (5551234567, r"[<=9999999]###\-####;\(###\)\ ###\-####", "5551234567"),
    ],
)
def test_phones_keep_the_zeros_and_plus_of_their_number_format(
    number: float, form: str, shown: str
):
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(HEADER)
    sheet.append(row())
    sheet["C2"], sheet["C2"].number_format = number, form
    assert only(read(saved(book))).phone == shown


def test_a_format_shows_the_digits_in_their_places():
    assert digits_shown(12, "00-00-00") == "00-00-12"
    assert digits_shown(123456789, "00 00") == "1234567 89"
    assert digits_shown(0, "###") == "0"
    assert digits_shown(-1, "000") is None


@pytest.mark.parametrize(
    "text", ["Ada\nLovelace", "Ada \r\n  Lovelace\n", "Ada\n\n\t\u00a0Lovelace"]
)
def test_a_line_break_in_a_cell_becomes_one_space(text: str):
    line: list[Any] = row(1, "one\ntwo")
    line[0], line[1] = text, "ada@example.com\n"
    visitor = only(read(workbook([line], [*HEADER, "Notes"])))
    assert (visitor.name, visitor.email) == ("Ada Lovelace", "ada@example.com")
    assert visitor.notes == "one two"


@pytest.mark.parametrize("day", ["24.11.2026", " 24.11.2026\u200b", "1.12.2026"])
async def test_german_sites_read_german_dates(api: Api, database: Database, day: str):
    admin = await api.admin()
    data = workbook([row(1, day, "10:00")], WHEN)
    assert faults(await upload(admin, data)) == [(2, "Visit Date", "invalid_date")]
    await change_default_site(database, language="de")
    made = (await upload(admin, data)).json()["created"][0]
    assert made["visit_date"] == ("2026-12-01" if day[0] == "1" else "2026-11-24")


@pytest.mark.parametrize(
    "day", ["24/11/2026", "11/24/2026", "24-11-2026", "31.11.2026", "24.11.26"]
)
@pytest.mark.parametrize("language", ["de", "en"])
async def test_other_dates_as_text_are_read_in_no_language(
    api: Api, database: Database, day: str, language: str
):
    await change_default_site(database, language=language)
    answer = await upload(await api.admin(), workbook([row(1, day, "10:00")], WHEN))
    assert faults(answer) == [(2, "Visit Date", "invalid_date")]


def test_hebrew_and_arabic_names_lose_marks_and_keep_joiners():
    names = ["\u200fשרה\u200e כהן", "\u202bمحمد علي\u202c", "می\u200cبینم"]
    found = read(workbook([[name, *row(n)[1:]] for n, name in enumerate(names, 1)]))
    assert [candidate.name for candidate in found.candidates] == ["שרה כהן", "محمد علي", names[2]]
