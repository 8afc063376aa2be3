"""How long a visit is planned to last, and who stays longer."""

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from icalendar import Calendar

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.notifications.claim_statements import DeliveryOutcome, DeliveryQueue
from app.notifications.models import NotificationStatus
from app.visitors.models import VisitorStatus
from tests.conftest import MONDAY
from tests.support.api import VISITOR, Api
from tests.support.database import add_site, change_default_site, set_status
from tests.support.mailbox import Mailbox, body_of
from tests.support.problems import faulty_fields, problem
from tests.visitors.told import LATER, ids, waiting

HOUR = timedelta(hours=1)


def length(visitor: dict[str, Any]) -> tuple[int, str]:
    return visitor["duration_minutes"], visitor["ends_at"]


def entries(mails: list[EmailMessage], to: str) -> list[tuple[int, str]]:
    """Return SEQUENCE and end of the calendar entries that somebody got, oldest first."""
    found = []
    for mail in mails:
        for part in mail.iter_attachments():
            if to in str(mail["To"]) and part.get_content_type() == "text/calendar":
                [event] = Calendar.from_ical(part.get_content()).walk("VEVENT")
                found.append(
                    (int(event.decoded("SEQUENCE")), event.decoded("DTEND").strftime("%H:%M"))
                )
    return found


async def test_a_visit_lasts_as_long_as_is_usual_at_its_site(api: Api, database: Database):
    admin = await api.admin()
    assert length(await admin.register()) == (60, "2026-11-23T11:00:00Z")
    site = await add_site(database, timezone="Europe/Berlin")
    path = f"sites/{site}/"
    answer = await admin.patch(path, {"visit_minutes": 45})
    assert (answer.status_code, answer.json()["visit_minutes"]) == (200, 45)
    booked = await admin.register(site=site)
    assert length(booked) == (45, "2026-11-23T09:45:00Z")
    assert length(await admin.register(site=site, duration_minutes=600))[0] == 600
    await admin.patch(path, {"visit_minutes": 120})
    read = await admin.get(f"visitors/{booked['id']}/")
    listed = (await admin.get("visitors/", site=site)).json()["items"]
    assert length(read.json()) == length(booked) == length(listed[-1])


@pytest.mark.parametrize("minutes", [14, 1441, "60", 60.5])
async def test_a_length_has_bounds(api: Api, minutes: Any):
    root = await api.superadmin()
    answers = [
        await root.post("visitors/", VISITOR | {"duration_minutes": minutes}),
        await root.post("sites/", {"name": "Works", "visit_minutes": minutes}),
    ]
    assert [faulty_fields(answer) for answer in answers] == [
        {"duration_minutes"},
        {"visit_minutes"},
    ]


async def test_a_put_leaves_a_length_that_it_does_not_name(api: Api, database: Database):
    admin = await api.admin()
    await change_default_site(database, visit_minutes=30)
    visitor = await admin.register(duration_minutes=90)
    path = f"visitors/{visitor['id']}/"
    assert length((await admin.put(path, VISITOR)).json())[0] == 90
    assert length((await admin.put(path, VISITOR | {"duration_minutes": None})).json())[0] == 30
    assert length((await admin.patch(path, {"duration_minutes": 15})).json())[0] == 15


async def test_another_length_is_told_with_a_new_end(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    visitor = await admin.register()
    path = f"visitors/{visitor['id']}/"
    before = len(await mailbox.deliver())
    await admin.patch(path, {"duration_minutes": 60})
    assert len(await mailbox.deliver()) == before
    await admin.patch(path, {"duration_minutes": 90})
    mails = (await mailbox.deliver())[before:]
    assert sorted(str(mail["Subject"]).partition(":")[0] for mail in mails) == ["Changed"] * 2
    for mail in mails:
        for kind in ("plain", "html"):
            assert "11:30" in body_of(mail, kind)
        assert "The visit now ends at 11:30 (previously: 11:00)." in body_of(mail)
    for to in ("ada@example.com", "charles@example.com"):
        assert entries(mailbox.mails(), to) == [(0, "11:00"), (1, "11:30")]
    moved = await admin.post(f"{path}reschedule/", LATER)
    assert length(moved.json()) == (90, "2026-11-24T15:30:00Z")
    await mailbox.deliver()
    assert entries(mailbox.mails(), "ada@example.com")[-1] == (2, "15:30")


async def test_a_length_changes_silently_if_asked_to(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    visitor = await admin.register()
    before = len(await mailbox.deliver())
    path = f"visitors/{visitor['id']}/"
    for change in (admin.patch, admin.put):
        body = VISITOR | {"duration_minutes": 90 if change == admin.patch else 120}
        assert (await change(f"{path}?notify=false", body)).status_code == 200
    assert len(await mailbox.deliver()) == before
    await admin.post(f"{path}cancel/")
    await mailbox.deliver()
    assert entries(mailbox.mails(), "ada@example.com") == [(0, "11:00"), (3, "12:00")]


async def test_a_mail_with_the_former_end_is_not_repeated(
    api: Api, database: Database, mailbox: Mailbox
):
    """What waits says the new end, what is being sent is corrected after its attempt."""
    admin = await api.admin()
    visitor = await admin.register()
    async with database.write() as unit:
        claimed = await DeliveryQueue(unit).claim(MONDAY, HOUR)
    assert claimed is not None
    await admin.patch(f"visitors/{visitor['id']}/", {"duration_minutes": 90})
    assert await mailbox.deliver() == []
    async with database.write() as unit:
        again = DeliveryOutcome(status=NotificationStatus.QUEUED, next_attempt_at=MONDAY)
        await DeliveryQueue(unit).record(claimed, again, MONDAY)
    mails = await mailbox.deliver()
    assert {end for to in ("ada@", "charles@") for _, end in entries(mails, to)} == {"11:30"}
    states = await waiting(admin, visitor)
    assert states.pop((claimed.kind.value, str(claimed.recipient))) == "superseded"
    assert set(states.values()) == {"sent"}


async def test_a_length_is_fixed_once_the_visit_is_over(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    visitor = await admin.register()
    path = f"visitors/{visitor['id']}/"
    await admin.scan(visitor["qr_code"])
    before = len(await mailbox.deliver())
    longer = await admin.patch(path, {"duration_minutes": 240})
    assert length(longer.json()) == (240, "2026-11-23T14:00:00Z")
    assert len(await mailbox.deliver()) == before
    await admin.post(f"{path}check-out/")
    answer = await admin.patch(path, {"duration_minutes": 90})
    assert problem(answer, 409, "invalid_transition")["current_status"] == "completed"
    assert (await admin.patch(path, {"duration_minutes": 240})).status_code == 200


async def test_a_seat_is_taken_in_the_first_hour_alone(api: Api):
    admin = await api.admin()
    await admin.register(duration_minutes=480)
    slots = (await admin.get("visitors/available-slots/", visit_date="2026-11-23")).json()["slots"]
    assert [slot["booked"] for slot in slots] == [0, 1, 0, 0, 0, 0, 0, 0]


async def test_the_pass_has_the_end_in_its_calendar_file(api: Api):
    visitor = await (await api.admin()).register(duration_minutes=75)
    answer = await api.http.get(f"/pass/{visitor['qr_code']}/visit.ics")
    [event] = Calendar.from_ical(answer.text).walk("VEVENT")
    assert event.decoded("DTEND") == datetime(2026, 11, 23, 11, 15, tzinfo=UTC)


@pytest.fixture
async def inside(api: Api, database: Database) -> dict[str, str]:
    """Return the names of visits by their ids, of which all but one are inside."""
    admin = await api.admin()
    berlin = await add_site(database, timezone="Europe/Berlin")
    visits = {
        "short": await admin.register(duration_minutes=15, visit_time="09:00"),
        "long": await admin.register(duration_minutes=240, visit_time="09:00"),
        "abroad": await admin.register(site=berlin, visit_time="10:00"),
        "absent": await admin.register(duration_minutes=15, visit_time="09:00"),
    }
    for name, visit in visits.items():
        if name != "absent":
            await set_status(database, visit["id"], VisitorStatus.VERIFIED)
    return {visit["id"]: name for name, visit in visits.items()}


async def test_who_is_inside_after_the_end_is_overdue(
    api: Api, inside: dict[str, str], clock: SettableClock
):
    async def overdue(hour: int, minute: int, flag: str = "true", **more: str) -> set[str]:
        clock.set(datetime(2026, 11, 23, hour, minute, tzinfo=UTC))
        root = await api.superadmin(f"{hour}-{minute}-{flag}-{len(more)}@example.com")
        return {inside[id_] for id_ in await ids(root, overdue=flag, **more)}

    assert await overdue(9, 29) == set()
    assert await overdue(9, 30) == {"short"}
    assert await overdue(10, 15) == {"short", "abroad"}
    assert await overdue(10, 15, "false") == {"long", "absent"}
    assert await overdue(10, 15, status="pending") == set()
    assert len(await overdue(10, 15, limit="1", ordering="created_at")) == 1


async def test_an_export_may_list_who_is_overdue(
    api: Api, inside: dict[str, str], clock: SettableClock
):
    clock.set(datetime(2026, 11, 23, 10, 15, tzinfo=UTC))
    root = await api.superadmin()
    export = await root.get("visitors/export-excel/", overdue="true", format="csv")
    assert {inside[line[:36]] for line in export.text.splitlines()[1:]} == {"short", "abroad"}
    assert (await root.get("visitors/", overdue="soon")).status_code == 422
