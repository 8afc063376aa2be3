"""A refused list, returned as a workbook with marked cells."""

from datetime import date, time
from io import BytesIO
from typing import Any

import httpx
from openpyxl import Workbook, load_workbook

from app.bulk.errors import XLSX
from app.bulk.marking import FAULTY
from tests.bulk.files import HEADER, row, saved, upload, workbook
from tests.support.api import Api
from tests.support.problems import problem

MARKED = {"Accept": f"application/json;q=0.5, {XLSX}"}


def marks(answer: httpx.Response) -> dict[str, str]:
    """Return the comment of every marked cell."""
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == XLSX
    assert answer.headers["Content-Disposition"].startswith("attachment")
    sheet = load_workbook(BytesIO(answer.content)).worksheets[0]
    filled = FAULTY.start_color.rgb
    return {
        cell.coordinate: cell.comment.text if cell.comment else ""
        for line in sheet.iter_rows()
        for cell in line
        if cell.fill.start_color.rgb == filled
    }


async def test_faulty_cells_are_marked_and_commented(api: Api):
    wrong: list[Any] = ["", "nobody", 12, "Engines Ltd", "boss", "industry"]
    answer = await upload(await api.admin(), workbook([row(), wrong]), headers=MARKED)
    found = marks(answer)
    assert found.keys() == {"A3", "B3", "C3", "E3"}
    assert found["E3"] == "Visitor Type must be one of: professional, student"


async def test_values_stay_what_they_were_and_formulas_become_text(api: Api):
    header = [*HEADER, "Visit Date", "Visit Time", "Our notes"]
    line = row(1, date(2026, 11, 24), time(9, 30), "=1+1")
    line[0], line[2] = '=HYPERLINK("http://example.com")', 4930123456
    answer = await upload(await api.admin(), workbook([line], header), headers=MARKED)
    assert marks(answer).keys() == {"A2"}
    sheet = load_workbook(BytesIO(answer.content)).worksheets[0]
    assert [cell.value for cell in sheet[1]] == header
    assert sheet["A2"].value == line[0]
    assert sheet["C2"].value == 4930123456
    assert sheet["G2"].value.date() == date(2026, 11, 24)
    assert sheet["H2"].value == time(9, 30)
    assert {cell.data_type for cell in sheet[2]} <= {"s", "n", "d"}
    assert sheet["A2"].quotePrefix


async def test_a_corrected_list_is_taken(api: Api):
    admin = await api.admin()
    wrong = row(2)
    wrong[4] = "boss"
    answer = await upload(admin, workbook([row(1), [], wrong]), headers=MARKED)
    book = load_workbook(BytesIO(answer.content))
    book.worksheets[0]["E4"] = "student"
    assert (await upload(admin, saved(book))).json()["total"] == 2


async def test_faults_without_a_cell_are_marked_where_the_row_begins(api: Api):
    book = Workbook()
    sheet = book.worksheets[0]
    for number, line in enumerate((HEADER, row()), start=3):
        for position, value in enumerate(line, start=2):
            sheet.cell(number, position, value)
    sheet["A1"] = "bad \x0bname".replace("\x0b", "_x000B_")
    answer = await upload(await api.admin(), saved(book), headers=MARKED, visit_date="")
    assert marks(answer) == {
        "B4": "Visit Date is missing in the row and in the values for all rows"
    }


async def test_a_list_of_no_human_size_is_answered_with_a_document(api: Api):
    data = workbook([*[[None] * 7 + [1] * 23] * 900, row()])
    query = "?ignore_columns=true"
    answer = await upload(await api.admin(), data, headers=MARKED, query=query, visit_date="")
    problem(answer, 422, "invalid_rows")


async def test_other_refusals_and_other_callers_get_a_document(api: Api):
    admin = await api.admin()
    problem(await upload(admin, b"no workbook", headers=MARKED), 422, "invalid_workbook")
    for accept in ("*/*", "application/json", "text/html, */*;q=0.8"):
        answer = await upload(admin, workbook([]), headers={"Accept": accept})
        problem(answer, 422, "invalid_rows")
