"""The Excel template."""

from io import BytesIO

import pytest
from fastapi import FastAPI
from openpyxl import Workbook, load_workbook

from app.bulk.errors import XLSX
from app.bulk.workbook import read_list
from tests.bulk.files import HEADER, row, upload
from tests.support.api import Api, Client
from tests.support.counting import statements
from tests.support.problems import problem


async def template(client: Client) -> Workbook:
    answer = await client.get("visitors/download-template/")
    assert answer.status_code == 200, answer.text
    return load_workbook(BytesIO(answer.content))


async def test_it_is_an_attachment(api: Api):
    answer = await (await api.host()).get("visitors/download-template/")
    assert answer.headers["Content-Type"] == XLSX
    assert answer.headers["Content-Disposition"].startswith("attachment")
    problem(await api.http.get("/api/visitors/download-template/"), 401, "not_authenticated")


async def test_it_has_six_columns_drop_downs_and_a_frozen_header(api: Api):
    book = await template(await api.admin())
    assert book.sheetnames == ["Visitors", "Hosts", "Instructions"]
    sheet = book["Visitors"]
    assert [cell.value for cell in sheet[1]] == HEADER
    assert sheet.freeze_panes == "A2"
    lists = {str(v.sqref): v.formula1 for v in sheet.data_validations.dataValidation}
    assert lists == {
        "E2:E22": '"professional,student"',
        "F2:F22": '"industry,academic,government,other"',
    }
    assert {sheet.cell(line, 3).number_format for line in range(2, 23)} == {"@"}
    assert all(sheet.column_dimensions[letter].width >= 18 for letter in "ABCDEF")


async def test_it_lists_the_active_hosts_and_none_becomes_a_formula(api: Api):
    await api.host("sum@example.com", "=1+1")
    await api.host("charles@example.com")
    sheet = (await template(await api.admin()))["Hosts"]
    found = [
        (line[0].value, line[1].value, line[0].data_type) for line in sheet.iter_rows(min_row=2)
    ]
    assert found == [
        ("=1+1 Babbage", "sum@example.com", "s"),
        ("Charles Babbage", "charles@example.com", "s"),
    ]


async def test_it_shows_the_limits_in_force(api: Api):
    sheet = (await template(await api.admin()))["Instructions"]
    text = "\n".join(str(cell.value) for line in sheet.iter_rows() for cell in line)
    for word in ("20 visitors", "1 MiB", "Monday to Friday, 09:00 to 17:00", "2026-11-23", "govt"):
        assert word in text
    for word in ("Notes", "Purpose", "Visit Date", "Visit Time", "Host Name", "Host Email"):
        assert word in text


async def test_a_template_left_as_it_is_holds_nobody(api: Api):
    admin = await api.admin()
    data = (await admin.get("visitors/download-template/")).content
    assert [fault.code for fault in read_list(data, 20).faults] == ["empty"]


@pytest.mark.parametrize("first", [2, 3])
async def test_a_filled_template_is_taken_with_or_without_its_example(api: Api, first: int):
    admin = await api.admin()
    book = await template(admin)
    for number in range(first, first + 20):
        for position, value in enumerate(row(number), start=1):
            book["Visitors"].cell(number, position, value)
    file = BytesIO()
    book.save(file)
    answer = await upload(admin, file.getvalue())
    assert answer.status_code == 201, answer.text
    assert answer.json()["total"] == 20


async def test_it_takes_three_statements(api: Api, app: FastAPI):
    admin = await api.admin()
    with statements(app) as sent:
        await admin.get("visitors/download-template/")
    assert len(sent) <= 3
