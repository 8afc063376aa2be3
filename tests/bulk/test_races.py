"""Concurrent uploads and registrations for the same seats."""

import asyncio
from collections import Counter
from uuid import UUID

from sqlalchemy import delete, func, select, text

from app.core.db.database import Database
from app.sites.models import Site
from tests.bulk.files import HEADER, HOST, row, rows, upload, workbook
from tests.e2e.installation import eventually
from tests.support.api import Api
from tests.support.database import add_site, all_mails, assert_seats_are_visitors, booked
from tests.support.problems import faulty_fields


async def test_of_four_uploads_of_a_whole_slot_one_succeeds(api: Api, database: Database):
    admin = await api.admin()
    files = [workbook(rows(20, 100 * n)) for n in range(4)]
    answers = await asyncio.gather(*(upload(admin, file, **HOST) for file in files))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 3}
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"slot_full"}
    await assert_seats_are_visitors(database)
    assert Counter(mail.kind for mail in await all_mails(database)) == {
        "visitor_confirmation": 20,
        "host_bulk_summary": 1,
    }


async def test_one_file_uploaded_four_times_at_once_is_taken_once(api: Api, database: Database):
    admin = await api.admin()
    file = workbook(rows(5))
    answers = await asyncio.gather(*(upload(admin, file) for _ in range(4)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 422: 3}
    refused = [a.json() for a in answers if a.status_code == 422]
    assert {fault["code"] for body in refused for fault in body["errors"]} == {"duplicate"}
    assert await booked(database, "2026-11-23", 10) == 5


async def test_an_upload_among_single_registrations_never_overbooks(api: Api, database: Database):
    admin = await api.admin()

    async def single(number: int) -> int:
        visit = {"visit_date": "2026-11-23", "visit_time": "10:20"}
        body = {"name": "Single", "email": f"single{number}@example.com", **visit}
        return (await admin.post("visitors/", body)).status_code

    async def bulk(number: int) -> int:
        return (await upload(admin, workbook(rows(10, 100 * number)))).status_code

    results = await asyncio.gather(*(single(n) for n in range(40)), bulk(1), bulk(2))
    assert set(results) <= {201, 409, 503}  # 503: waited too long for its turn
    assert 10 <= await booked(database, "2026-11-23", 10) <= 20
    await assert_seats_are_visitors(database)


async def test_uploads_of_hours_in_opposite_order_do_not_deadlock(api: Api, database: Database):
    admin = await api.admin()
    hours = ["09:00", "11:00", "13:00", "15:00"]

    async def send(number: int) -> int:
        ordered = hours if number % 2 else hours[::-1]
        lines = [row(10 * number + n, at) for n, at in enumerate(ordered)]
        data = workbook(lines, [*HEADER, "Visit Time"])
        return (await upload(admin, data)).status_code

    assert await asyncio.gather(*(send(n) for n in range(12))) == [201] * 12
    await assert_seats_are_visitors(database)


async def test_a_site_that_is_deleted_meanwhile_is_a_field_at_fault(api: Api, database: Database):
    site = await add_site(database)
    admin = await api.admin()
    waits = select(func.count()).select_from(text("pg_locks")).where(text("NOT granted"))
    async with database.write() as unit:
        await unit.write(delete(Site).where(Site.id == UUID(site)))
        sent = asyncio.create_task(upload(admin, workbook(rows(1)), site=site))
        await eventually(lambda: unit.scalar(waits))
    assert faulty_fields(await sent) == {"site"}
