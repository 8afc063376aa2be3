"""The effect of a change of a site's name, address or time zone on its visits."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from icalendar import Calendar
from sqlalchemy import func, select, update

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.db.rollout import Rollout
from app.notifications.models import Notification
from app.sites.models import Site, SiteChange
from app.visitors import site_change_jobs as site_changes
from app.visitors.models import Visitor, VisitorStatus
from app.visitors.site_change_jobs import bring_to_visits
from tests.conftest import MONDAY
from tests.passes.helpers import look, plain_text
from tests.support.api import VISITOR, Api, Client
from tests.support.database import add_site, all_mails, set_status
from tests.support.mailbox import Mailbox
from tests.support.problems import faulty_fields, problem

TOLD = {"visitor_updated", "host_updated"}


async def nobody() -> None: ...


@dataclass
class Place:
    """A superadmin, a site, and the mails about its changes."""

    root: Client
    database: Database
    id: str

    async def change(self, query: str = "", **fields: Any) -> int:
        answer = await self.root.patch(f"sites/{self.id}/{query}", fields)
        assert answer.status_code == 200, answer.text
        affected: int = answer.json()["affected_visitors"]
        return affected

    async def register(self, **fields: Any) -> dict[str, Any]:
        return await self.root.register(site=self.id, **fields)

    async def bring(self) -> int:
        """Do the worker's job."""
        return await bring_to_visits(self.database, nobody, MONDAY)

    async def told(self) -> list[Notification]:
        return [mail for mail in await all_mails(self.database) if mail.kind.value in TOLD]

    async def told_to(self) -> list[str]:
        return sorted(mail.recipient for mail in await self.told())

    async def waiting(self) -> int:
        """Return the number of changes that the worker has not mailed yet."""
        async with self.database.read() as session:
            return await session.scalar(select(func.count()).select_from(SiteChange)) or 0

    async def sequence(self, visitor: dict[str, Any]) -> int:
        async with self.database.read() as session:
            found = await session.scalar(
                select(Visitor.revision).where(Visitor.id == UUID(visitor["id"]))
            )
        assert found is not None
        return found


@pytest.fixture
async def place(api: Api, database: Database) -> Place:
    root = await api.superadmin()
    site = await add_site(database, "Works", address="Old Street 1", slot_capacity=1000)
    return Place(root, database, site)


# -- the answer --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields", [{"name": "Plant"}, {"address": "New Street 2"}, {"timezone": "Europe/Berlin"}]
)
async def test_a_change_says_how_many_visits_ahead_it_concerns(place: Place, fields: Any):
    for day in (23, 24, 25):
        await place.register(visit_date=f"2026-11-{day}")
    await set_status(place.database, (await place.register())["id"], VisitorStatus.VERIFIED)
    await set_status(place.database, (await place.register())["id"], VisitorStatus.CANCELLED)
    await place.root.register()  # elsewhere
    assert await place.change(**fields) == 3


async def test_a_visit_of_a_day_that_is_over_there_is_not_ahead(place: Place):
    await place.register()
    # Monday, 08:00 UTC is Monday, 22:00 there, and one day earlier on the other side.
    assert await place.change(timezone="Pacific/Kiritimati") == 1
    async with place.database.write() as unit:
        await unit.write(update(Visitor).values(visit_date=date(2026, 11, 22)))
    assert await place.change(name="Plant") == 0
    assert await place.change(timezone="Pacific/Pago_Pago") == 1


async def test_put_changes_facts_as_patch_does(place: Place):
    await place.register()
    answer = await place.root.put(f"sites/{place.id}/", {"name": "Works", "address": "New"})
    assert answer.json()["affected_visitors"] == 1
    assert await place.waiting() == 1


async def test_what_is_there_already_changes_nothing_and_mails_nobody(place: Place):
    await place.register()
    same = {"name": "Works", "address": "Old Street 1", "timezone": "UTC"}
    assert await place.change(**same) == 0
    assert (await place.waiting(), await place.bring()) == (0, 0)
    assert await place.told() == []


async def test_rules_alone_concern_who_is_outside_them(place: Place):
    await place.register()
    assert await place.change(opens_at="12:00") == 1
    assert await place.change(contact_phone="+49 30 123456") == 1
    assert await place.waiting() == 0


async def test_a_dry_run_only_says_how_many(place: Place):
    await place.register()
    before = (await place.root.get(f"sites/{place.id}/")).json()
    for method in (place.root.patch, place.root.put):
        answer = await method(f"sites/{place.id}/?dry_run=true", {"name": "Plant"})
        assert (answer.status_code, answer.json()) == (200, {"affected_visitors": 1})
    rules = await place.root.patch(f"sites/{place.id}/?dry_run=true", {"slot_capacity": 0})
    assert rules.json() == {"affected_visitors": 1}
    assert (await place.root.get(f"sites/{place.id}/")).json() == before
    assert (await place.waiting(), await place.bring()) == (0, 0)
    assert (await place.register())["site"] == place.id


async def test_a_dry_run_refuses_what_would_be_refused(place: Place):
    path = f"sites/{place.id}/?dry_run=true"
    problem(await place.root.patch(path, {"name": "Main site"}), 409, "name_taken")
    sites = (await place.root.get("sites/")).json()["items"]
    default = next(site["id"] for site in sites if site["is_default"])
    answer = await place.root.patch(f"sites/{default}/?dry_run=true", {"is_default": False})
    assert faulty_fields(answer) == {"is_default"}
    missing = "sites/00000000-0000-7000-8000-000000000000/?dry_run=true"
    problem(await place.root.patch(missing, {"name": "Plant"}), 404, "not_found")


async def test_a_mailed_change_waits_for_the_end_of_an_update(place: Place, app: FastAPI):
    await place.register()
    app.state.database.rollout_is_finished = False
    async with place.database.write() as unit:
        unit.add(Rollout(revision="test"))
    path = f"sites/{place.id}/"
    answer = await place.root.patch(path, {"name": "Plant"})
    problem(answer, 503, "update_under_way")
    assert "Retry-After" in answer.headers
    assert (await place.root.get(path)).json()["name"] == "Works"
    assert await place.change("?dry_run=true", name="Plant") == 1
    assert await place.change(slot_capacity=10) == 0
    assert await place.change("?notify=false", name="Plant") == 1


# -- what is told ------------------------------------------------------------------------------


async def test_visitor_and_host_are_mailed_old_and_new_values(place: Place, mailbox: Mailbox):
    await place.register()
    await mailbox.deliver()
    fields = {"name": "Plant", "address": "New Street 2", "timezone": "Europe/Berlin"}
    await place.change(**fields)
    assert await place.bring() == 1
    changed = (await mailbox.deliver())[-2:]
    recipients = {mail["To"].addresses[0].addr_spec for mail in changed}
    assert recipients == {"ada@example.com", "charles@example.com"}
    for mail in changed:
        words = plain_text(mail)
        assert "now called Plant (previously: Works)" in words
        assert "now New Street 2 (previously: Old Street 1)" in words
        assert "time zone is now Europe/Berlin, CET (previously: UTC)" in words
        assert (
            "Monday, 23 November 2026, 10:00 (Europe/Berlin, CET)" in words
        )  # the wall time stays
        [file] = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
        [event] = Calendar.from_ical(file.get_content()).events
        assert (event["SEQUENCE"], event.start) == (1, datetime(2026, 11, 23, 9, tzinfo=UTC))


async def test_the_code_stays_and_the_pass_has_the_new_entry(place: Place):
    ada = await place.register()
    await place.change(address="New Street 2")
    await place.bring()
    page = await look(place.root._http, ada["qr_code"])
    assert "New Street 2" in page.words
    [event] = Calendar.from_ical(
        (await place.root._http.get(f"/pass/{ada['qr_code']}/visit.ics")).text
    ).events
    assert event["SEQUENCE"] == 1


async def test_mails_name_the_request_that_changed_the_site(place: Place):
    await place.register()
    answer = await place.root.patch(f"sites/{place.id}/", {"name": "Plant"})
    await place.bring()
    asked = answer.headers["X-Request-ID"]
    assert {mail.request_id for mail in await place.told()} == {asked}


async def test_a_silent_change_mails_nobody_but_raises_the_sequence(place: Place):
    ada = await place.register()
    assert await place.change("?notify=false", address="New Street 2") == 1
    assert await place.bring() == 1
    assert await place.told() == []
    assert await place.sequence(ada) == 1


async def test_only_upcoming_visits_at_that_site_are_mailed(place: Place):
    await place.register(email="ahead@example.com", host_email=None)
    over = await place.register(email="over@example.com", host_email=None)
    await set_status(place.database, over["id"], VisitorStatus.EXPIRED)
    await place.root.register(email="elsewhere@example.com", host_email=None)
    await place.change(name="Plant")
    await place.bring()
    assert await place.told_to() == ["ahead@example.com"]


async def test_visits_made_after_the_change_get_no_mail_about_it(place: Place):
    moved = await place.root.register(email="moved@example.com", host_email=None)
    await place.change(name="Plant")
    await place.register(email="later@example.com", host_email=None)
    await place.root.patch(f"visitors/{moved['id']}/", {"site": place.id})
    await place.bring()
    assert await place.told_to() == []


async def test_a_visit_moved_here_before_the_change_is_mailed(place: Place):
    moved = await place.root.register(email="moved@example.com", host_email=None)
    await place.root.patch(f"visitors/{moved['id']}/", {"site": place.id})
    await place.change(name="Plant")
    await place.bring()
    assert await place.told_to() == ["moved@example.com"]


async def test_the_sequence_never_falls_not_even_at_another_site(place: Place):
    ada = await place.register()
    sequences = [0]
    for name in ("Plant", "Factory"):
        await place.change(name=name)
        await place.bring()
        sequences.append(await place.sequence(ada))
    sites = (await place.root.get("sites/")).json()["items"]
    other = next(site["id"] for site in sites if site["id"] != place.id)
    for site in (other, place.id):
        answer = await place.root.patch(f"visitors/{ada['id']}/", {"site": site})
        assert answer.status_code == 200
        sequences.append(await place.sequence(ada))
    await place.root.post(f"visitors/{ada['id']}/cancel/")
    sequences.append(await place.sequence(ada))
    assert sequences == [0, 1, 2, 3, 4, 5]


# -- several changes ---------------------------------------------------------------------------


async def test_several_changes_are_one_mail_from_oldest_to_newest(place: Place):
    ada = await place.register(host_email=None)
    await place.change(name="Plant")
    await place.change(name="Factory", address="New Street 2")
    await place.change(address="New Street 3")
    assert await place.bring() == 1
    [mail] = await place.told()
    assert mail.payload["previous_site_name"] == "Works"
    assert mail.payload["site_name"] == "Factory"
    assert mail.payload["previous_site_address"] == "Old Street 1"
    assert mail.payload["previous_timezone"] is None
    assert (await place.waiting(), await place.sequence(ada)) == (0, 1)


async def test_a_reverted_change_is_mailed_to_nobody(place: Place):
    await place.register()
    await place.change(name="Plant")
    await place.change(name="Works")
    await place.bring()
    assert await place.told() == []


async def test_a_silent_change_does_not_silence_one_that_is_mailed(place: Place):
    await place.register(host_email=None)
    await place.change(name="Plant")
    await place.change("?notify=false", address="New Street 2")
    await place.bring()
    [mail] = await place.told()
    assert mail.payload["previous_site_name"] == "Works"
    assert mail.payload["previous_site_address"] is None


async def test_each_visit_is_mailed_what_is_new_to_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
):
    """The second change happens while the first has reached half of the visits."""
    monkeypatch.setattr(site_changes, "BATCH", 2)
    for number in range(4):
        await place.register(email=f"v{number}@example.com", host_email=None)
    await place.change(name="Plant")
    await one_batch(place)
    await place.register(email="v4@example.com", host_email=None)
    await place.change(name="Factory")
    await place.bring()
    names = [(mail.recipient, mail.payload["previous_site_name"]) for mail in await place.told()]
    first = {(f"v{number}@example.com", "Works") for number in range(4)}
    again = {(f"v{number}@example.com", "Plant") for number in (0, 1, 4)}
    assert Counter(names) == Counter(first | again)
    assert await place.waiting() == 0


# -- crashes and company -----------------------------------------------------------------------


async def one_batch(place: Place) -> None:
    async with place.database.write() as unit:
        batch = await site_changes.next_batch(unit, nobody, UUID(place.id), MONDAY)
    assert batch.done == 2


async def test_an_interrupted_change_ends_and_nobody_is_mailed_twice(
    place: Place, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(site_changes, "BATCH", 2)
    for number in range(5):
        await place.register(email=f"v{number}@example.com", host_email=None)
    await place.change(name="Plant")
    await one_batch(place)
    assert await place.waiting() == 1
    assert await place.bring() == 3
    assert await place.told_to() == [f"v{number}@example.com" for number in range(5)]
    assert (await place.waiting(), await place.bring()) == (0, 0)


async def test_concurrent_workers_mail_each_visit_once(
    place: Place, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(site_changes, "BATCH", 2)
    for number in range(9):
        await place.register(email=f"v{number}@example.com", host_email=None)
    await place.change(name="Plant")
    done = await asyncio.gather(*(place.bring() for _ in range(4)))
    assert sum(done) == 9
    assert await place.told_to() == [f"v{number}@example.com" for number in range(9)]
    assert await place.waiting() == 0


async def test_visits_that_change_meanwhile_get_true_mails(
    place: Place, monkeypatch: pytest.MonkeyPatch
):
    """Cancellations, moves and registrations race the worker without deadlocks."""
    monkeypatch.setattr(site_changes, "BATCH", 2)
    visits = [await place.register(email=f"v{n}@example.com", host_email=None) for n in range(8)]
    await place.change(name="Plant")
    body = VISITOR | {"site": place.id, "email": "new@example.com", "host_email": None}
    other = {"visit_date": "2026-11-24", "visit_time": "11:00"}
    requests = asyncio.gather(
        *(place.root.post(f"visitors/{visit['id']}/cancel/") for visit in visits[::4]),
        *(place.root.post(f"visitors/{visit['id']}/reschedule/", other) for visit in visits[1::4]),
        place.root.post("visitors/", body),
        place.root.patch(f"sites/{place.id}/", {"address": "New Street 2"}),
    )
    await asyncio.gather(place.bring(), place.bring())
    assert all(answer.is_success for answer in await requests)
    await place.bring()
    assert await place.waiting() == 0
    told = Counter(
        (mail.recipient, mail.payload["previous_site_name"]) for mail in await place.told()
    )
    for number in (2, 3, 6, 7):
        assert told[f"v{number}@example.com", "Works"] == 1
    async with place.database.read() as session:
        site = await session.scalar(select(Site).where(Site.id == UUID(place.id)))
    assert site is not None
    assert (site.name, site.address) == ("Plant", "New Street 2")


async def test_a_site_that_nobody_visits_any_more_can_be_deleted(place: Place):
    await place.change(name="Plant")
    assert (await place.root.delete(f"sites/{place.id}/")).status_code == 204
    assert (await place.waiting(), await place.bring()) == (0, 0)


async def test_a_mail_is_pointless_once_its_visit_is_over(place: Place, clock: SettableClock):
    await place.register(host_email=None)
    await place.change(name="Plant")
    await place.bring()
    [mail] = await place.told()
    assert mail.pointless_after == datetime(2026, 11, 24, tzinfo=UTC)
    assert mail.pointless_after - clock.now() == timedelta(hours=16)
