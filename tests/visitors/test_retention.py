"""Visitors are anonymised after the retention period; statistics keep their counts."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import String, select
from sqlalchemy.dialects.postgresql import JSONB

from app.audit.models import VisitorAction
from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.db.personal import erasure
from app.settings import Settings
from app.visitors import retention_jobs as retention
from app.visitors.closing_jobs import close_past_visits
from app.visitors.lifecycle import AFTER
from app.visitors.models import Visitor, VisitorStatus
from app.visitors.repository import VisitorRepository
from app.visitors.retention_jobs import anonymise_past, due
from tests.bulk.files import HOST, rows, upload, workbook
from tests.support.api import VISITOR, Api, Client
from tests.support.database import (
    add_site,
    all_events,
    all_mails,
    all_scans,
    change_default_site,
    places_holding,
    set_status,
)
from tests.support.mailbox import Mailbox
from tests.support.zones import moved, reckoned_with
from tests.visitors.test_delete import PERSON, TRACES
from workers.context import open_context
from workers.visits import anonymise_visitors

DAYS = 180
EVENING = datetime(2026, 11, 24, tzinfo=UTC)  # the end of the day of the visits
OVER = EVENING + timedelta(days=DAYS)
MOMENT = timedelta(microseconds=1)
FINAL = [status for status, after in AFTER.items() if not after]
KEPT = (
    *("id", "site", "department", "purpose", "visitor_type", "visitor_category"),
    *("visit_date", "visit_time", "duration_minutes", "ends_at", "status"),
    *("original_visit_date", "original_visit_time"),
    *("checked_in_at", "checked_out_at", "created_at", "host_name", "host_email"),
)


async def ended(client: Client, **fields: Any) -> dict[str, Any]:
    """Return a visitor whose visit was cancelled."""
    visitor = await client.register(**fields)
    answer = await client.post(f"visitors/{visitor['id']}/cancel/")
    cancelled: dict[str, Any] = answer.json()
    return cancelled


async def read(client: Client, visitor: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(f"visitors/{visitor['id']}/")).json()
    return found


async def test_nothing_of_the_person_is_left_anywhere(
    api: Api, database: Database, mailbox: Mailbox
):
    admin = await api.admin()
    headers = admin.headers | {"Idempotency-Key": "key-1"}
    answer = await api.http.post("/api/visitors/", json=VISITOR | PERSON, headers=headers)
    visitor = answer.json()
    path = f"visitors/{visitor['id']}/"
    moved = (await admin.patch(path, {"visit_time": "09:00", "name": "Zephyrine Q. Quux"})).json()
    await admin.scan(visitor["qr_code"])
    await admin.scan(moved["qr_code"], gate="North")
    await mailbox.deliver()
    await admin.post(f"{path}check-out/")
    assert "idempotent_answers.content" in await places_holding(database, "5a657068")  # Zeph
    assert await anonymise_past(database, OVER, DAYS) == 1
    codes = [visitor["qr_code"], moved["qr_code"]]
    for trace in [*TRACES, *codes, "5a657068"]:
        assert await places_holding(database, trace) == set(), trace
    assert len(await all_scans(database)) == 3


async def test_what_statistics_count_and_the_host_stay(api: Api, database: Database):
    admin = await api.admin()
    visitor = await ended(admin, phone="+49 30 123456", company="Engines", notes="quiet")
    await anonymise_past(database, OVER, DAYS)
    after = await read(admin, visitor)
    assert {name: after[name] for name in KEPT} == {name: visitor[name] for name in KEPT}
    assert {name: after[name] for name in after.keys() - {*KEPT, "department_name"}} == {
        "name": "Anonymised visitor",
        "host_id": None,
        "email": f"{visitor['id']}@anonymised.invalid",
        "phone": None,
        "company": None,
        "notes": None,
        "language": None,
        "qr_code": f"anonymised-{visitor['id']}",
        "co_hosts": [],
        "booked_by": "Front Desk",
        "group": None,
        "site_name": visitor["site_name"],
        "presence": None,
        "is_rescheduled": False,
        "checked_out_automatically": False,
        "updated_at": "2027-05-23T00:00:00Z",
    }


async def test_who_was_anonymised_is_found_by_nothing_that_they_were(api: Api, database: Database):
    admin = await api.admin()
    visitor = await ended(admin)
    await anonymise_past(database, OVER, DAYS)
    for word in ("Ada", "ada@example.com", visitor["qr_code"]):
        assert (await admin.get("visitors/", q=word)).json()["items"] == []
    for token in (visitor["qr_code"], f"anonymised-{visitor['id']}"):
        assert (await admin.scan(token)).json()["code"] == "unknown"


async def test_the_days_are_counted_from_the_day_of_the_visit(api: Api, database: Database):
    await ended(await api.admin())
    assert await anonymise_past(database, OVER - MOMENT, DAYS) == 0
    assert await anonymise_past(database, OVER, DAYS) == 1


@pytest.mark.parametrize(
    ("zone", "midnight"),
    [
        ("Pacific/Kiritimati", datetime(2026, 11, 25, 10, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 26, 5, tzinfo=UTC)),
        ("Pacific/Pago_Pago", datetime(2026, 11, 26, 11, tzinfo=UTC)),
    ],
)
async def test_the_days_are_those_of_the_site(
    api: Api, database: Database, zone: str, midnight: datetime
):
    site = await add_site(database, timezone=zone)
    await ended(await api.admin(), site=site, visit_date="2026-11-24")
    assert await anonymise_past(database, midnight - MOMENT, 1) == 0
    assert await anonymise_past(database, midnight, 1) == 1


async def test_the_days_go_by_our_zones_and_not_by_the_database_s(
    api: Api, database: Database, tmp_path: Path
):
    site = await add_site(database, timezone="America/Vancouver")
    await ended(await api.admin(), site=site, visit_date="2026-11-24")
    in_tokyo = datetime(2026, 11, 25, 15, tzinfo=UTC)
    with reckoned_with(moved(tmp_path)):
        assert await anonymise_past(database, in_tokyo - MOMENT, 1) == 0
        assert await anonymise_past(database, in_tokyo, 1) == 1


@pytest.mark.parametrize("status", list(VisitorStatus))
async def test_only_ended_visits_are_over(api: Api, database: Database, status: VisitorStatus):
    visitor = await (await api.admin()).register()
    await set_status(database, visitor["id"], status)
    assert await anonymise_past(database, OVER, DAYS) == (1 if status in FINAL else 0)


async def test_the_mails_of_others_stay(api: Api, database: Database):
    admin = await api.admin()
    await ended(admin)
    other = await admin.register(visit_date="2026-11-24")
    await anonymise_past(database, OVER, DAYS)
    assert {str(mail.visitor_id) for mail in await all_mails(database)} == {other["id"]}


async def test_a_summary_keeps_those_who_are_not_over(api: Api, database: Database):
    admin = await api.admin()
    created = (await upload(admin, workbook(rows(4)), **HOST)).json()["created"]
    for row in created[:2]:
        await admin.post(f"visitors/{row['id']}/cancel/")
    assert await anonymise_past(database, OVER, DAYS) == 2
    [summary] = [mail for mail in await all_mails(database) if mail.visitor_id is None]
    assert [row["name"] for row in summary.payload["visitors"]] == ["Guest 3", "Guest 4"]
    assert await places_holding(database, "Guest 1") == set()


async def test_the_address_of_who_registered_themselves_goes(api: Api, database: Database):
    await change_default_site(database, self_registration=True)
    form = {name: VISITOR[name] for name in ("name", "email", "visit_date", "visit_time")}
    await api.http.post("/api/visitors/", json=form)
    await close_past_visits(database, EVENING)
    [registered, *_] = await all_events(database)
    assert (registered.actor_role, registered.client_address) == ("anonymous", "127.0.0.1")
    await anonymise_past(database, OVER, DAYS)
    [registered, *_] = await all_events(database)
    assert registered.client_address is None


async def test_twice_counts_once(api: Api, database: Database):
    await ended(await api.admin())
    assert await anonymise_past(database, OVER, DAYS) == 1
    assert await anonymise_past(database, OVER + timedelta(days=1), DAYS) == 0
    last = (await all_events(database))[-1]
    assert (last.action, last.actor_role, last.details) == ("anonymised", "system", {})


async def test_what_is_typed_in_afterwards_goes_in_the_next_night(
    api: Api, database: Database, clock: SettableClock
):
    admin = await api.admin()
    visitor = await ended(admin)
    await anonymise_past(database, clock.now(), -DAYS)
    clock.set(clock.now() + timedelta(minutes=1))
    await admin.patch(f"visitors/{visitor['id']}/", {"name": "Ada again"})
    assert await anonymise_past(database, OVER, DAYS) == 1
    assert await places_holding(database, "Ada again") == set()


async def test_two_at_once_count_once(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(retention, "BATCH", 3)
    admin = await api.admin()
    for first in (1, 9):  # two summaries, with visitors in many batches
        await upload(admin, workbook(rows(8, first)), **HOST)
    await close_past_visits(database, EVENING)
    both = await asyncio.gather(*(anonymise_past(database, OVER, DAYS) for _ in range(2)))
    left = await anonymise_past(database, OVER, DAYS)
    assert sum(both) + left == 16
    actions = [event.action for event in await all_events(database)]
    assert actions.count(VisitorAction.ANONYMISED) == 16
    assert [mail.payload["visitors"] for mail in await all_mails(database)] == [[], []]


async def test_a_visitor_in_other_hands_is_passed_over(api: Api, database: Database):
    admin = await api.admin()
    busy, _ = await ended(admin), await ended(admin)
    async with database.write() as unit:
        await VisitorRepository(unit).lock(Visitor.qr_code == busy["qr_code"])
        assert await anonymise_past(database, OVER, DAYS) == 1
    assert await anonymise_past(database, OVER, DAYS) == 1


async def test_a_dry_run_names_them_and_changes_nothing(api: Api, database: Database):
    admin = await api.admin()
    later = await ended(admin, visit_date="2026-11-24")
    first = await ended(admin)
    await admin.register()
    expected = [
        (UUID(visitor["id"]), visitor["visit_date"], "Main site", "cancelled")
        for visitor in (first, later)
    ]
    for _ in range(2):
        found = await due(database, OVER + timedelta(days=1), DAYS)
        assert [(id_, str(day), site, status) for id_, day, site, status in found] == expected
    assert await places_holding(database, "anonymised") == set()


async def test_the_job_does_nothing_unless_days_are_set(
    api: Api, database: Database, settings: Settings, clock: SettableClock
):
    await ended(await api.admin())
    clock.set(OVER)
    for days, expected in ((None, 0), (DAYS, 1)):
        changed = settings.model_copy(update={"retention_days": days})
        async with open_context(changed, clock) as context:
            await anonymise_visitors({"context": context})
        async with database.read() as session:
            marks = await session.scalars(select(Visitor.anonymised_at))
            assert [mark is not None for mark in marks].count(True) == expected


# Text of a visit that is not about the visitor: words of enums, the host, a gate.
OF_OTHERS = {
    "visitor_type",
    "visitor_category",
    "purpose",
    "status",
    "host_name",
    "host_email",
    "booked_by",
    "host_as_sent",
    "checked_in_gate",
}


def test_every_text_of_a_visit_is_classified_as_personal_or_not():
    texts = {c.key for c in Visitor.__table__.columns if isinstance(c.type, String | JSONB)}
    assert texts == erasure(Visitor).keys() | OF_OTHERS
