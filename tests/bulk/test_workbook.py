"""Reading a list: what is understood, and what is reported about the rest."""

import zipfile
from datetime import date, time
from io import BytesIO
from typing import Any

import pytest
from openpyxl import Workbook

from app.bulk.cells import CALENDAR_1904
from app.bulk.faults import UnreadableWorkbook
from tests.bulk.files import HEADER, repacked, row, saved, workbook
from tests.bulk.reading import MIDNIGHT, MORNING, WHEN, only, read, told


@pytest.mark.parametrize(
    "header",
    [
        ["name", "email", "phone", "company/organization", "visitor type", "visitor category"],
        [
            " NAME * ",
            "E-Mail*",
            "Phone",
            "Company / Organization",
            "VisitorType",
            "VISITOR_CATEGORY",
        ],
        [
            "Name",
            "Email",
            "Phone number",
            "Organisation",
            "visitor  type*",
            "Visitor\u00a0Category",
        ],
    ],
)
def test_headers_match_whatever_their_case_spaces_and_marks(header: list[str]):
    assert only(read(workbook([row()], header))).company == "Engines Ltd"


def test_columns_may_come_in_any_order():
    assert only(read(workbook([[*reversed(row())]], [*reversed(HEADER)]))).name == "Guest 1"


def test_rows_above_the_header_are_passed_over():
    book = Workbook()
    sheet = book.worksheets[0]
    sheet["A1"] = "Visitors of the week"
    sheet.merge_cells("A1:F1")
    for position, title in enumerate(HEADER, start=1):
        sheet.cell(5, position, title)
        sheet.cell(6, position, row()[position - 1])
    found = read(saved(book))
    assert only(found).name == "Guest 1"
    assert found.candidates[0].number == 6


def test_the_list_may_be_on_a_later_sheet():
    book = Workbook()
    book.worksheets[0].append(["Name", "Email"])
    sheet = book.create_sheet("Guests")
    sheet.append(HEADER)
    sheet.append(row())
    assert only(read(saved(book))).name == "Guest 1"


def test_a_hidden_sheet_is_not_read():
    book = Workbook()
    sheet = book.create_sheet("Old")
    sheet.append(HEADER)
    sheet.append(row())
    sheet.sheet_state = "hidden"
    with pytest.raises(UnreadableWorkbook):
        read(saved(book))


@pytest.mark.parametrize(
    ("kind", "category", "meant"),
    [
        ("emp", "industrial", ("professional", "industry")),
        ("Employee", "Academy", ("professional", "academic")),
        (" PROF ", "education", ("professional", "academic")),
        ("Student", "Govt", ("student", "government")),
        ("professional", "Other", ("professional", "other")),
    ],
)
def test_synonyms_are_understood(kind: str, category: str, meant: tuple[str, str]):
    line = row()
    line[4:6] = [kind, category]
    visitor = only(read(workbook([line])))
    assert (visitor.visitor_type, visitor.visitor_category) == meant


@pytest.mark.parametrize(
    "purpose", ["business_meeting", "Business meeting", "BUSINESS-MEETING", " business  meeting"]
)
def test_purposes_may_be_written_as_people_write(purpose: str):
    assert (
        only(read(workbook([row(1, purpose)], [*HEADER, "Purpose"]))).purpose == "business_meeting"
    )


@pytest.mark.parametrize(
    ("day", "at"),
    [
        ("2026-11-24", "09:30"),
        ("2026-11-24 ", "9:30"),
        (date(2026, 11, 24), time(9, 30)),
        (MIDNIGHT, MORNING),
        (MIDNIGHT, "09:30:00"),
    ],
)
def test_dates_and_times_of_the_spreadsheet_or_as_text(day: Any, at: Any):
    visitor = only(read(workbook([row(1, day, at)], WHEN)))
    assert (visitor.visit_date, visitor.visit_time) == (date(2026, 11, 24), time(9, 30))


@pytest.mark.parametrize("form", ["h:mm", "hh:mm:ss", "[h]:mm", "h:mm AM/PM", "[$-409]h:mm;@"])
def test_a_fraction_of_a_day_is_a_time_where_it_is_shown_as_one(form: str):
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(WHEN)
    sheet.append(row(1, 46350, 0.3958333333))
    sheet["G2"].number_format = "dd/mm/yyyy"
    sheet["H2"].number_format = form
    visitor = only(read(saved(book)))
    assert (visitor.visit_date, visitor.visit_time) == (date(2026, 11, 24), time(9, 30))


def test_the_calendar_that_begins_in_1904():
    book = Workbook()
    book.epoch = CALENDAR_1904
    book.worksheets[0].append(WHEN)
    book.worksheets[0].append(row(1, date(2026, 11, 24), time(9, 30)))
    assert only(read(saved(book))).visit_date == date(2026, 11, 24)


@pytest.mark.parametrize(
    ("day", "at", "faults"),
    [
        ("24/11/2026", "9:30", ["invalid_date"]),
        ("24.11.26", "9:30", ["invalid_date"]),
        ("2026-02-30", "9:30", ["invalid_date"]),
        (46350, "9:30", ["invalid_date"]),
        (MORNING, "9:30", ["invalid_date"]),
        ("2026-11-24", "half past nine", ["invalid_time"]),
        ("2026-11-24", "9:30 PM", ["invalid_time"]),
        ("2026-11-24", "24:00", ["invalid_time"]),
        ("2026-11-24", time(9, 30, 30), ["invalid_time"]),
        ("2026-11-24", 0.4, ["invalid_time"]),
        (True, True, ["invalid_date", "invalid_time"]),
    ],
)
def test_other_dates_and_times_are_faults(day: Any, at: Any, faults: list[str]):
    found = read(workbook([row(1, day, at)], WHEN))
    assert [code for _, _, code in told(found)] == faults


@pytest.mark.parametrize(
    ("phone", "stored"),
    [(4930123456.0, "4930123456"), (4930123456, "4930123456"), (" +49 30\u00a0123 ", "+49 30 123")],
)
def test_numbers_typed_as_phone(phone: Any, stored: str):
    line = row()
    line[2] = phone
    assert only(read(workbook([line]))).phone == stored


def test_text_is_trimmed_and_normalised_as_in_a_registration():
    line = row()
    line[0] = "\u00a0 Zoe\u0308\u00a0Mu\u0308ller \u2007"
    line[1] = "  Zoe@Example.COM\u00a0"
    visitor = only(read(workbook([line])))
    assert (visitor.name, visitor.email) == ("Zoë Müller", "Zoe@example.com")


@pytest.mark.parametrize("name", ["שרה כהן", "محمد علي", "李小龙", "می\u200cبینم", "O\u2019Neil"])
def test_names_of_every_script(name: str):
    line = row()
    line[0] = name
    assert only(read(workbook([line]))).name == name


def test_rich_and_inline_text_without_its_kana_reading():
    text = "<is><r><t>Ha</t></r><r><t>nako</t></r><rPh sb='0' eb='1'><t>ハナコ</t></rPh></is>"
    data = workbook([row()])
    with zipfile.ZipFile(BytesIO(data)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    begin = sheet.index('<c r="A2"')
    end = sheet.index("</c>", begin)
    sheet = f'{sheet[:begin]}<c r="A2" t="inlineStr">{text}{sheet[end:]}'
    assert only(read(repacked(data, {"xl/worksheets/sheet1.xml": sheet.encode()}))).name == "Hanako"
