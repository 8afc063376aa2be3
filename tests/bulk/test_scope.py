"""Uploads by people who are limited to sites."""

from io import BytesIO

from openpyxl import load_workbook

from app.core.db.database import Database
from app.users.models import Role
from tests.bulk.files import HEADER, faults, row, rows, upload, workbook
from tests.support.api import Api
from tests.support.database import add_site
from tests.support.problems import problem
from tests.support.requests import NOBODY

PLACES = [*HEADER, "Site"]


async def test_a_row_at_another_site_is_one_at_none(api: Api, database: Database):
    annex = await add_site(database, "Annex")
    await add_site(database, "Lab")
    desk = await api.of_role(Role.RECEPTIONIST, annex)
    lines = [row(1, "Annex"), row(2, "Lab"), row(3, "Nowhere")]
    answer = await upload(desk, workbook(lines, PLACES))
    assert faults(answer) == [(3, "Site", "unknown_value"), (4, "Site", "unknown_value")]
    messages = [error["message"] for error in answer.json()["errors"]]
    assert messages[0].replace("Lab", "Nowhere") == messages[1]


async def test_another_site_for_all_rows_is_none(api: Api, database: Database):
    annex, lab = await add_site(database, "Annex"), await add_site(database, "Lab")
    desk = await api.of_role(Role.RECEPTIONIST, annex)
    for site in (lab, NOBODY):
        fault = problem(await upload(desk, workbook(rows(1)), site=site), 422, "invalid")
        assert fault["errors"] == [
            {"field": "site", "code": "unknown", "message": "This site does not exist"}
        ]


async def test_rows_without_a_site_are_at_the_only_one(api: Api, database: Database):
    annex, lab = await add_site(database, "Annex"), await add_site(database, "Lab")
    desk = await api.of_role(Role.RECEPTIONIST, annex)
    answer = await upload(desk, workbook(rows(2)))
    assert {made["site"] for made in answer.json()["created"]} == {annex}
    both = await api.of_role(Role.RECEPTIONIST, annex, lab, email="both@example.com")
    problem(await upload(both, workbook(rows(2))), 422, "site_required")


async def test_the_template_is_of_a_site_of_the_caller(api: Api, database: Database):
    annex = await add_site(database, "Annex")
    desk = await api.of_role(Role.RECEPTIONIST, annex)
    template = await desk.get("visitors/download-template/")
    texts = [
        str(cell.value)
        for sheet in load_workbook(BytesIO(template.content)).worksheets
        for line in sheet.iter_rows()
        for cell in line
    ]
    assert any("Annex" in text for text in texts)
