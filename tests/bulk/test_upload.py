"""Registering the visitors of a workbook."""

from collections import Counter

from fastapi import FastAPI

from app.core.db.database import Database
from tests.bulk.files import COMMON, HEADER, HOST, row, rows, upload, workbook
from tests.bulk.stored import stored
from tests.support.api import Api
from tests.support.counting import statements
from tests.support.database import (
    add_department,
    add_site,
    all_events,
    assert_seats_are_visitors,
    booked,
)
from tests.support.mailbox import Mailbox
from tests.support.problems import problem


async def test_every_row_becomes_a_visitor(api: Api, database: Database):
    admin = await api.admin()
    department = await add_department(database)
    answer = await upload(
        admin, workbook(rows(3)), **HOST, department=department, purpose="training"
    )
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["total"] == 3
    assert [made["row"] for made in body["created"]] == [2, 3, 4]
    made = body["created"][0]
    visitor = (await admin.get(f"visitors/{made['id']}/")).json()
    assert made.items() - {("row", 2)} <= visitor.items()
    assert visitor["qr_code"] == made["qr_code"]
    assert visitor["status"] == "pending"
    assert visitor["purpose"] == "training"
    assert visitor["department"] == department
    assert visitor["host_email"] == HOST["host_email"]
    assert visitor["company"] == "Engines Ltd"
    assert visitor["created_at"] == visitor["updated_at"] == "2026-11-23T08:00:00Z"
    await assert_seats_are_visitors(database)


async def test_what_an_upload_makes_is_what_a_registration_makes(api: Api):
    admin = await api.admin()
    single = await admin.register(
        name="Guest 1",
        email="guest1@example.com",
        phone="+49 30 123456",
        company="Engines Ltd",
        **HOST,
    )
    made = (await upload(admin, workbook([row(2)]), **HOST)).json()["created"][0]
    bulk = (await admin.get(f"visitors/{made['id']}/")).json()
    own = {"id", "name", "email", "qr_code"}
    assert {k: v for k, v in bulk.items() if k not in own} == {
        k: v for k, v in single.items() if k not in own
    }
    found = (await admin.get("visitors/", q="guest2")).json()["items"]
    assert [visitor["id"] for visitor in found] == [made["id"]]


async def test_each_visitor_and_each_host_gets_one_mail(api: Api, mailbox: Mailbox):
    header = [*HEADER, "Host Name", "Host Email"]
    lines = [
        row(1),
        row(2),
        row(3, "Grace Hopper", "grace@example.com"),
        row(4, "", "GRACE@example.com"),
    ]
    answer = await upload(await api.admin(), workbook(lines, header), **HOST)
    assert answer.status_code == 201, answer.text
    mails = await mailbox.deliver()
    got = Counter(mail["To"].addresses[0].addr_spec.lower() for mail in mails)
    guests = {f"guest{number}@example.com": 1 for number in range(1, 5)}
    assert got == {**guests, "charles@example.com": 1, "grace@example.com": 1}
    subjects = {mail["To"].addresses[0].addr_spec: mail["Subject"] for mail in mails}
    assert subjects["charles@example.com"].startswith("2 visitors registered for you")


async def test_a_created_visitor_is_stored_with_event_and_mail(api: Api, database: Database):
    admin = await api.admin()
    made = (await upload(admin, workbook([row()]))).json()["created"][0]
    assert [(e.action, str(e.subject_id)) for e in await all_events(database)] == [
        ("registered", made["id"])
    ]
    listed = (await admin.get(f"visitors/{made['id']}/notifications/")).json()
    assert [(mail["kind"], mail["status"]) for mail in listed] == [
        ("visitor_confirmation", "queued")
    ]
    assert (await admin.post(f"visitors/{made['id']}/cancel/")).status_code == 200


async def test_a_host_uploads_visitors_for_themselves(api: Api):
    host = await api.host("grace@example.com", "Grace")
    answer = await upload(host, workbook([row(1)]))
    visitor = (await host.get(f"visitors/{answer.json()['created'][0]['id']}/")).json()
    assert visitor["host_email"] == "grace@example.com"


async def test_a_host_uploads_nobody_for_another_host(api: Api):
    host = await api.host("grace@example.com", "Grace")
    header = [*HEADER, "Host Name", "Host Email"]
    lines = workbook([row(1, "Somebody Else", "else@example.com")], header)
    problem(await upload(host, lines), 403, "not_your_visit")
    problem(await upload(host, lines, query="?dry_run=true"), 403, "not_your_visit")


async def test_a_host_sees_what_an_admin_uploads_for_them(api: Api):
    host = await api.host("charles@example.com")
    await upload(await api.admin(), workbook(rows(2)), host_email="CHARLES@example.com")
    assert len((await host.get("visitors/")).json()["items"]) == 2


async def test_the_values_of_a_row_overrule_the_common_ones(api: Api, database: Database):
    header = [*HEADER, "NOTES", "purpose", "visit  date", "Visit Time*", "host name", "HOST EMAIL"]
    own = ("Comes by bicycle", "i-factory visit", "2026-11-24", "9:30", None, "grace@example.com")
    admin = await api.admin()
    answer = await upload(admin, workbook([row(1, *own), row(2)], header), **HOST, purpose="other")
    assert answer.status_code == 201, answer.text
    first, second = answer.json()["created"]
    visitor = (await admin.get(f"visitors/{first['id']}/")).json()
    assert visitor["visit_date"] == "2026-11-24"
    assert visitor["visit_time"] == "09:30"
    assert visitor["purpose"] == "i_factory_visit"
    assert visitor["notes"] == "Comes by bicycle"
    assert (visitor["host_name"], visitor["host_email"]) == (None, "grace@example.com")
    assert second["visit_date"] == COMMON["visit_date"]
    assert await booked(database, "2026-11-24", 9) == 1
    await assert_seats_are_visitors(database)


async def test_another_site_keeps_its_own_seats(api: Api, database: Database):
    site = await add_site(database, slot_capacity=1)
    admin = await api.admin()
    assert (await upload(admin, workbook(rows(1)), site=site)).status_code == 201
    problem(await upload(admin, workbook(rows(1, 2)), site=site), 409, "slot_full")
    assert (await upload(admin, workbook(rows(1)))).status_code == 201


async def test_a_dry_run_reports_the_rows_and_writes_nothing(api: Api, database: Database):
    admin = await api.admin()
    before = await stored(database)
    answer = await upload(admin, workbook(rows(2)), query="?dry_run=true")
    assert answer.status_code == 200
    made = answer.json()["created"]
    assert [(m["row"], m["name"], m["id"], m["qr_code"]) for m in made] == [
        (2, "Guest 1", None, None),
        (3, "Guest 2", None, None),
    ]
    assert answer.json()["total"] == 2
    assert await stored(database) == before


async def test_twenty_rows_take_twelve_statements(api: Api, app: FastAPI, database: Database):
    admin = await api.admin()
    await api.host("charles@example.com")
    department = await add_department(database)
    file = workbook(rows(20))
    with statements(app) as sent:
        answer = await upload(admin, file, **HOST, department=department)
    assert answer.status_code == 201
    assert len(sent) <= 12, sent
    for table in ("visitors", "audit_entries", "notifications"):
        assert sum(f"INSERT INTO {table} " in statement for statement in sent) == 1


async def test_twenty_slots_take_no_more_statements_than_one(api: Api, app: FastAPI):
    days = [24, 25, 26, 27, 30]
    dates = [f"2026-11-{day}" for day in days]
    lines = [row(n, dates[n % 5], f"{9 + n % 4}:00") for n in range(20)]
    admin = await api.admin()
    with statements(app) as sent:
        answer = await upload(admin, workbook(lines, [*HEADER, "Visit Date", "Visit Time"]), **HOST)
    assert answer.status_code == 201, answer.text
    assert len(sent) <= 12
