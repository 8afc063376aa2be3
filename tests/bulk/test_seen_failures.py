"""Lists from users that were read in part or refused without need."""

from typing import Any

import pytest
from openpyxl import Workbook

from app.core.db.database import Database
from tests.bulk.files import HEADER, faults, part, repacked, row, rows, saved, upload, workbook
from tests.bulk.stored import stored
from tests.support.api import Api
from tests.support.database import add_site
from tests.support.mailbox import Mailbox, body_of
from tests.support.problems import problem


async def test_two_sheets_with_a_list_are_refused_by_name(api: Api, database: Database):
    book = Workbook()
    for sheet, lines in ((book.worksheets[0], rows(2)), (book.create_sheet("Week 2"), rows(2, 3))):
        for line in (HEADER, *lines):
            sheet.append(line)
    admin = await api.admin()
    before = await stored(database)
    refusal = problem(await upload(admin, saved(book)), 422, "several_lists")
    assert refusal["sheets"] == ["Sheet", "Week 2"]
    assert "“Week 2”" in refusal["detail"]
    assert await stored(database) == before


async def test_a_row_hidden_by_a_filter_is_refused_by_number(api: Api, mailbox: Mailbox):
    book = Workbook()
    sheet = book.worksheets[0]
    for line in (HEADER, *rows(3)):
        sheet.append(line)
    sheet.auto_filter.ref = "A1:F4"
    sheet.row_dimensions[3].hidden = True
    admin = await api.admin()
    refusal = problem(await upload(admin, saved(book)), 422, "hidden_rows")
    assert refusal["rows"] == [3]
    assert refusal["sheet"] == "Sheet"
    assert await mailbox.deliver() == []
    taken = await upload(admin, saved(book), query="?include_hidden=true")
    assert [made["row"] for made in taken.json()["created"]] == [2, 3, 4]


async def test_the_site_of_a_row_is_where_it_is_registered(api: Api, database: Database):
    annex = await add_site(database, "Annex")
    admin = await api.admin()
    answer = await upload(admin, workbook([row(1, " ANNEX "), row(2)], [*HEADER, "Site"]))
    made = answer.json()["created"]
    first = (await admin.get(f"visitors/{made[0]['id']}/")).json()
    second = (await admin.get(f"visitors/{made[1]['id']}/")).json()
    assert first["site"] == annex
    assert second["site"] != annex


async def test_two_people_may_share_an_address(api: Api):
    lines = [row(1), row(2)]
    lines[1][1] = lines[0][1]
    admin = await api.admin()
    assert (await upload(admin, workbook(lines))).json()["total"] == 2
    assert faults(await upload(admin, workbook([lines[1]]))) == [(2, "Email", "duplicate")]


@pytest.mark.parametrize("number", [*range(27, 37), *range(50, 59)])
async def test_east_asian_dates_and_times_are_read(api: Api, number: int):
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append([*HEADER, "Visit Date", "Visit Time"])
    sheet.append(row(1, 46350, 0.395833333))
    for cell in ("G2", "H2"):
        sheet[cell].number_format = "0.0000"
    styles = part(saved(book), "xl/styles.xml").replace(
        '<xf numFmtId="164"', f'<xf numFmtId="{number}"'
    )
    data = repacked(saved(book), {"xl/styles.xml": styles.encode()})
    answer = await upload(await api.admin(), data)
    made = answer.json()["created"][0]
    assert (made["visit_date"], made["visit_time"]) == ("2026-11-24", "09:30")


async def test_a_phone_is_what_its_cell_shows(api: Api):
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(HEADER)
    sheet.append(row(1))
    sheet["C2"], sheet["C2"].number_format = 301234567, "0000000000"
    admin = await api.admin()
    made = (await upload(admin, saved(book))).json()["created"][0]
    assert (await admin.get(f"visitors/{made['id']}/")).json()["phone"] == "0301234567"


async def test_drop_downs_filled_down_are_no_visitors(api: Api):
    filled: list[Any] = [None, None, None, None, "professional", "industry"]
    answer = await upload(await api.admin(), workbook([row(1), *[filled] * 200]))
    assert answer.json()["total"] == 1
    assert {"row": 3, "reason": "no_visitor"} in answer.json()["ignored"]


async def test_what_nobody_can_see_is_removed(api: Api):
    line = row(1)
    line[0], line[1] = "Ada\u200b Lovelace\ufeff", "\u202aada@example.com\u202c"
    line[2], line[3] = "\u202d+49 30 1\u202c", "Engines\u00ad Ltd"
    admin = await api.admin()
    made = (await upload(admin, workbook([line]))).json()["created"][0]
    assert (made["name"], made["email"]) == ("Ada Lovelace", "ada@example.com")
    visitor = (await admin.get(f"visitors/{made['id']}/")).json()
    assert (visitor["phone"], visitor["company"]) == ("+49 30 1", "Engines Ltd")


@pytest.mark.parametrize("filler", ["\u115f", "\u1160", "\u3164", "\uffa0", "\u2800"])
async def test_a_name_that_nobody_sees_is_none(api: Api, filler: str):
    line = row(1)
    line[0] = filler
    assert faults(await upload(await api.admin(), workbook([line]))) == [(2, "Name", "missing")]


async def test_the_address_of_a_known_host_brings_the_name(api: Api, mailbox: Mailbox):
    host = await api.host("ada.king@example.com", "Ada")
    admin = await api.admin()
    answer = await upload(admin, workbook(rows(1)), host_email="ADA.KING@example.com")
    visitor = (await admin.get(f"visitors/{answer.json()['created'][0]['id']}/")).json()
    assert visitor["host_name"] == "Ada Babbage"
    assert visitor["host_email"] == "ada.king@example.com"
    assert len((await host.get("visitors/")).json()["items"]) == 1
    mails = {mail["To"].addresses[0].addr_spec: mail for mail in await mailbox.deliver()}
    text = body_of(mails["guest1@example.com"])
    assert "Ada Babbage" in text
    assert "ada.king@example.com is expecting" not in text
