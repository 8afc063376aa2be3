"""Rows for several sites and departments, by name."""

import asyncio
from collections import Counter
from datetime import time
from io import BytesIO
from typing import Any

from fastapi import FastAPI
from openpyxl import load_workbook

from app.bulk.columns import OF_EXPORT
from app.core.db.database import Database
from tests.bulk.files import HEADER, HOST, faults, row, rows, saved, upload, workbook
from tests.bulk.stored import stored
from tests.support.api import Api
from tests.support.counting import statements
from tests.support.database import add_department, add_site, assert_seats_are_visitors
from tests.support.mailbox import Mailbox, body_of
from tests.support.problems import problem

PLACES = [*HEADER, "Site", "Department"]


async def test_site_and_department_of_a_row_overrule_the_common_ones(api: Api, database: Database):
    annex, lab = await add_site(database, "Annex"), await add_site(database, "Lab")
    research = await add_department(database, "Research")
    sales = await add_department(database, "Sales")
    lines = [row(1, "annex", "SALES"), row(2), row(3, None, "Research")]
    admin = await api.admin()
    answer = await upload(admin, workbook(lines, PLACES), site=lab, department=research)
    made = answer.json()["created"]
    assert [(m["site"], m["site_name"]) for m in made] == [
        (annex, "Annex"),
        (lab, "Lab"),
        (lab, "Lab"),
    ]
    departments = [(await admin.get(f"visitors/{m['id']}/")).json()["department"] for m in made]
    assert departments == [sales, research, research]
    await assert_seats_are_visitors(database)


async def test_unknown_names_are_faults_of_their_rows(api: Api):
    lines = [row(1, "Nowhere", "Nothing"), row(2, "=A1", "bad_x0000_name")]
    answer = await upload(await api.admin(), workbook(lines, PLACES))
    assert faults(answer) == [
        (2, "Site", "unknown_value"),
        (2, "Department", "unknown_value"),
        (3, "Site", "formula"),
        (3, "Department", "invalid_text"),
    ]


async def test_a_name_is_known_whatever_its_case_and_unicode_form(api: Api, database: Database):
    site = await add_site(database, "Zürich Süd")
    line = row(1, "ZU\u0308RICH  su\u0308d".replace("  ", " "))
    answer = await upload(await api.admin(), workbook([line], [*HEADER, "Standort"]))
    assert answer.json()["created"][0]["site"] == site


async def test_each_site_has_its_own_rules_seats_and_visitors(api: Api, database: Database):
    await add_site(database, "Annex", slot_capacity=1, closes_at=time(11))
    header = [*HEADER, "Site", "Visit Time"]
    admin = await api.admin()
    late = [row(1, "Annex", "11:30"), row(2, None, "11:30")]
    assert faults(await upload(admin, workbook(late, header))) == [(2, "Visit Time", "slot_closed")]
    crowd = [row(1, "Annex"), row(2, "Annex"), row(3)]
    full = problem(await upload(admin, workbook(crowd, header)), 409, "slot_full")
    assert (full["site_name"], full["wanted"], full["free"]) == ("Annex", 2, 1)
    same = [row(1, "Annex"), row(1)]
    assert (await upload(admin, workbook(same, header))).json()["total"] == 2
    assert faults(await upload(admin, workbook([row(1, "Annex")], header))) == [
        (2, "Email", "duplicate")
    ]


async def test_a_host_gets_one_mail_that_names_each_site(
    api: Api, database: Database, mailbox: Mailbox
):
    await add_site(database, "Annex", timezone="Asia/Tokyo")
    lines = [row(1, "Annex"), row(2)]
    data = workbook(lines, [*HEADER, "Site"])
    made = await upload(await api.admin(), data, visit_date="2026-11-24", **HOST)
    names = [m["site_name"] for m in made.json()["created"]]
    mails = [m for m in await mailbox.deliver() if HOST["host_email"] in str(m["To"])]
    [mail] = mails
    text, html = body_of(mail), body_of(mail, "html")
    for name, guest in zip(names, ("Guest 1", "Guest 2"), strict=True):
        assert f"10:00, {name}: {guest}" in text
        assert name in html
    assert "Asia/Tokyo" not in text


async def test_a_mail_about_one_site_names_it_once(api: Api, mailbox: Mailbox):
    await upload(await api.admin(), workbook(rows(2)), **HOST)
    [mail] = [m for m in await mailbox.deliver() if HOST["host_email"] in str(m["To"])]
    text = body_of(mail)
    assert "All times are local to the site" in text
    assert "10:00: Guest 1" in text


async def test_our_own_export_with_new_dates_is_taken(api: Api, database: Database):
    annex = await add_site(database, "Annex")
    department = await add_department(database, "Research")
    admin = await api.admin()
    visit: dict[str, Any] = {"phone": "+49 30 1", "company": "Engines Ltd", **HOST}
    await admin.register(site=annex, department=department, purpose="training", **visit)
    await admin.register(name="Grace", email="grace@example.com", **HOST)  # neither is known
    book = load_workbook(BytesIO((await admin.get("visitors/export-excel/")).content))
    sheet = book.worksheets[0]
    [column] = [cell.column for cell in sheet[1] if cell.value == "Visit Date"]
    for number in (2, 3):
        sheet.cell(number, column).value = "2026-11-25"
    answer = await upload(admin, saved(book), visit_date="", visit_time="")
    assert answer.status_code == 201, answer.text
    assert answer.json()["ignored"] == [
        {"column": title, "reason": "of_export"} for title in OF_EXPORT
    ]
    ids = [m["id"] for m in answer.json()["created"]]
    visitors = [(await admin.get(f"visitors/{id_}/")).json() for id_ in ids]
    [first] = [visitor for visitor in visitors if visitor["name"] != "Grace"]
    assert (first["site"], first["department"]) == (annex, department)
    assert (first["purpose"], first["visit_date"]) == ("training", "2026-11-25")


async def test_uploads_of_sites_in_opposite_order_do_not_deadlock(api: Api, database: Database):
    names = ["Annex", "Lab", "Works"]
    for name in names:
        await add_site(database, name)
    admin = await api.admin()

    async def send(number: int) -> int:
        ordered = names if number % 2 else names[::-1]
        lines = [row(10 * number + n, name) for n, name in enumerate(ordered)]
        return (await upload(admin, workbook(lines, [*HEADER, "Site"]))).status_code

    assert Counter(await asyncio.gather(*(send(n) for n in range(6)))) == {201: 6}
    await assert_seats_are_visitors(database)


async def test_several_sites_take_no_more_statements_than_one(
    api: Api, app: FastAPI, database: Database
):
    for name in ("Annex", "Lab"):
        await add_site(database, name)
    await add_department(database, "Research")
    lines = [row(n, ("Annex", "Lab", None)[n % 3], "Research") for n in range(15)]
    admin = await api.admin()
    with statements(app) as sent:
        answer = await upload(admin, workbook(lines, PLACES), **HOST)
    assert answer.status_code == 201, answer.text
    assert len(sent) <= 12, sent


# -- people ---------------------------------------------------------------------------------------


async def test_a_duplicate_is_the_same_address_and_name(api: Api, database: Database):
    lines = [row(1), row(1), row(1)]
    lines[1][0] = "Somebody Else"
    lines[2][0], lines[2][1] = " guest\u00a0 1", "GUEST1@example.com"
    admin = await api.admin()
    before = await stored(database)
    assert faults(await upload(admin, workbook(lines))) == [(4, "Email", "duplicate")]
    assert await stored(database) == before
    assert (await upload(admin, workbook(lines[:2]))).json()["total"] == 2
    assert faults(await upload(admin, workbook([lines[2], row(3)]))) == [(2, "Email", "duplicate")]


async def test_nobody_writes_to_an_account_that_is_closed(api: Api, mailbox: Mailbox):
    root = await api.superadmin()
    host = await api.host("charles@example.com")
    await root.patch(f"auth/users/{host.user_id}/", {"is_active": False})
    answer = await upload(root, workbook(rows(1)), host_email="charles@example.com")
    made = answer.json()["created"][0]
    assert (await root.get(f"visitors/{made['id']}/")).json()["host_id"] == host.user_id
    assert not [mail for mail in await mailbox.deliver() if "charles@" in str(mail["To"])]


async def test_the_name_of_an_account_is_the_one_of_the_account(api: Api):
    await api.host("charles@example.com")
    header = [*HEADER, "Host Name", "Host Email"]
    lines = [row(1, "Charly", "CHARLES@example.com"), row(2, "Grace", "grace@example.com")]
    admin = await api.admin()
    made = (await upload(admin, workbook(lines, header))).json()["created"]
    hosts = [(await admin.get(f"visitors/{m['id']}/")).json() for m in made]
    assert [(h["host_name"], h["host_email"]) for h in hosts] == [
        ("Charles Babbage", "charles@example.com"),
        ("Grace", "grace@example.com"),
    ]
