"""Mail is a row, written in the transaction that causes it."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError

from app.core.db.database import Database
from app.notifications.claim_statements import Claim, DeliveryOutcome, DeliveryQueue
from app.notifications.kinds import NotificationKind
from app.notifications.models import NotificationStatus
from app.notifications.repository import Outbox, OutgoingMail
from tests.notifications.examples import payload
from tests.support.api import VISITOR, Api
from tests.support.database import all_mails, change_default_site

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
KIND = NotificationKind.visitor_confirmation
LEASE = timedelta(seconds=20)


class Wakes:
    """Counts how often the worker was woken."""

    def __init__(self) -> None:
        self.count = 0

    async def __call__(self) -> None:
        self.count += 1


def mail(
    to: str = "ada@example.com", *, visitor: str | None = None, version: int = 1,
    pointless_after: datetime | None = None,
) -> OutgoingMail:  # fmt: skip
    return OutgoingMail(
        kind=KIND,
        payload=payload(KIND),
        to=to,
        name="Ada",
        visitor_id=UUID(visitor) if visitor else None,
        version=version,
        pointless_after=pointless_after,
    )


async def states(database: Database) -> Counter[str]:
    return Counter(row.status.value for row in await all_mails(database))


async def claim_any(database: Database, now: datetime = NOW) -> Claim | None:
    async with database.write() as unit:
        return await DeliveryQueue(unit).claim(now, LEASE)


async def claim(database: Database, now: datetime = NOW) -> str | None:
    found = await claim_any(database, now)
    return found.recipient if found else None


async def test_mail_commits_with_its_cause_and_wakes_the_worker_once(database: Database):
    wakes = Wakes()
    async with database.write() as unit:
        outbox = Outbox(unit, wakes)
        outbox.put(mail(), NOW)
        outbox.put(mail(), NOW)
        assert wakes.count == 0
    assert wakes.count == 1
    assert await states(database) == {"queued": 2}


async def test_mail_vanishes_with_its_transaction(database: Database):
    wakes = Wakes()

    async def fail_after_queueing() -> None:
        async with database.write() as unit:
            Outbox(unit, wakes).put(mail(), NOW)
            await unit.flush()
            raise LookupError

    with pytest.raises(LookupError):
        await fail_after_queueing()
    assert await all_mails(database) == []
    assert wakes.count == 0


async def test_one_version_is_queued_once(api: Api, database: Database):
    visitor = await (await api.admin()).register()
    wakes = Wakes()
    async with database.write() as unit:
        outbox = Outbox(unit, wakes)
        assert await outbox.put_once(mail(visitor=visitor["id"], version=7), NOW)
        assert not await outbox.put_once(mail(visitor=visitor["id"], version=7), NOW)
        assert await outbox.put_once(mail(visitor=visitor["id"], version=8), NOW)
    assert wakes.count == 1


async def test_what_was_there_already_wakes_nobody(api: Api, database: Database):
    visitor = await (await api.admin()).register()
    wakes = Wakes()
    async with database.write() as unit:
        assert not await Outbox(unit, wakes).put_once(mail(visitor=visitor["id"], version=0), NOW)
    assert wakes.count == 0


async def test_the_database_refuses_a_second_mail_of_one_version(api: Api, database: Database):
    visitor = await (await api.admin()).register()
    with pytest.raises(IntegrityError):
        async with database.write() as unit:
            Outbox(unit, Wakes()).put(mail(visitor=visitor["id"], version=0), NOW)


@pytest.mark.parametrize("event", ["cancel", "reschedule"])
async def test_waiting_mail_is_superseded(api: Api, database: Database, event: str):
    admin = await api.admin()
    visitor, other = await admin.register(), await admin.register()
    body = {"visit_date": "2026-11-24", "visit_time": "10:00"} if event == "reschedule" else None
    await admin.post(f"visitors/{visitor['id']}/{event}/", body)
    rows = await all_mails(database)
    mine = Counter(row.status.value for row in rows if str(row.visitor_id) == visitor["id"])
    others = Counter(row.status.value for row in rows if str(row.visitor_id) == other["id"])
    assert mine == {"superseded": 2, "queued": 2}
    assert others == {"queued": 2}


async def test_mail_in_a_workers_hands_is_not_taken_away(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    assert await claim(database) == "ada@example.com"
    await admin.post(f"visitors/{visitor['id']}/cancel/")
    assert await states(database) == {"sending": 1, "queued": 1}


async def test_sent_mail_stays_sent(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    async with database.write() as unit:
        queue = DeliveryQueue(unit)
        claimed = await queue.claim(NOW, LEASE)
        assert claimed is not None
        assert await queue.record(claimed, DeliveryOutcome(status=NotificationStatus.SENT), NOW)
    await admin.post(f"visitors/{visitor['id']}/cancel/")
    assert await states(database) == {"sent": 1, "queued": 1}


async def take(database: Database, now: datetime = NOW) -> Claim:
    """Return a claim, which must exist."""
    claimed = await claim_any(database, now)
    assert claimed is not None
    return claimed


async def settle(database: Database, claimed: Claim, status: NotificationStatus) -> None:
    async with database.write() as unit:
        outcome = DeliveryOutcome(status=status, next_attempt_at=NOW)
        assert await DeliveryQueue(unit).record(claimed, outcome, NOW)


@pytest.mark.parametrize("came_to", ["queued", "failed"])
async def test_a_superseded_mail_that_failed_is_not_tried_again(
    api: Api, database: Database, came_to: str
):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    claimed = await take(database)
    await admin.post(f"visitors/{visitor['id']}/cancel/")
    await settle(database, claimed, NotificationStatus(came_to))
    assert await states(database) == {"superseded": 1, "queued": 1}


async def test_what_corrects_a_mail_waits_for_the_end_of_its_attempt(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    first = await take(database)
    await admin.post(f"visitors/{visitor['id']}/cancel/")
    assert await claim(database) is None
    await settle(database, first, NotificationStatus.SENT)
    assert (await take(database)).kind is NotificationKind.visitor_cancelled


async def test_mail_about_other_visits_does_not_wait(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    await take(database)
    await admin.post(f"visitors/{visitor['id']}/cancel/")
    await admin.register(email="grace@example.com", host_email=None)
    assert await claim(database) == "grace@example.com"


async def test_a_superseded_mail_of_a_dead_worker_is_not_tried_again(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    await take(database)
    await admin.post(f"visitors/{visitor['id']}/cancel/")
    async with database.write() as unit:
        assert await DeliveryQueue(unit).take_over(NOW + LEASE) == 1
    assert await states(database) == {"superseded": 1, "queued": 1}


async def test_a_claim_reads_what_is_true_of_the_visit(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register()
    await change_default_site(database, contact_phone="+49 30 1", contact_email="desk@example.com")
    await admin.patch(f"visitors/{visitor['id']}/", {"company": "Engines Ltd"})
    said = (await take(database)).payload
    assert said["company"] == "Engines Ltd"
    assert (said["contact_phone"], said["contact_email"]) == ("+49 30 1", "desk@example.com")
    assert said["reply_to"] == "charles@example.com"


async def test_no_reminder_leaves_for_a_day_that_was_closed_since(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    assert await claim(database) == "ada@example.com"
    reminder = OutgoingMail(
        kind=NotificationKind.visitor_reminder,
        payload=payload(NotificationKind.visitor_reminder),
        to="ada@example.com",
        name="Ada",
        visitor_id=UUID(visitor["id"]),
    )
    async with database.write() as unit:
        Outbox(unit, Wakes()).put(reminder, NOW)
    await admin.post(f"sites/{visitor['site']}/closures/", {"date": "2026-11-23"})
    assert await claim(database) is None
    assert await states(database) == {"sending": 1, "superseded": 1}


async def test_who_was_registered_by_a_stranger_answers_the_site(api: Api, database: Database):
    await api.host()
    await change_default_site(database, self_registration=True, contact_email="desk@example.com")
    await api.http.post("/api/visitors/", json=VISITOR)
    claims = [await take(database) for _ in range(2)]
    assert {claimed.kind: claimed.payload["reply_to"] for claimed in claims} == {
        NotificationKind.visitor_confirmation: "desk@example.com",
        NotificationKind.host_registration: None,
    }


async def test_a_mail_about_an_erased_visitor_goes_with_its_end(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    await admin.delete(f"visitors/{visitor['id']}/")
    await settle(database, await take(database), NotificationStatus.QUEUED)
    assert await states(database) == {"queued": 1}
    await settle(database, await take(database), NotificationStatus.FAILED)
    assert await states(database) == {}


async def test_a_mail_about_an_erased_visitor_is_erased_after_a_day(api: Api, database: Database):
    admin = await api.admin()
    far = await admin.register(host_email=None, visit_date="2026-12-21")
    await admin.delete(f"visitors/{far['id']}/")
    for hours, left in ((23, 1), (24, 0)):
        async with database.write() as unit:
            await DeliveryQueue(unit).erase_pointless(NOW + timedelta(hours=hours))
        assert len(await all_mails(database)) == left


async def test_a_cancellation_of_an_erased_visit_waits_for_its_claim(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    await take(database)
    await admin.delete(f"visitors/{visitor['id']}/")
    assert await claim(database) is None
    assert await claim(database, NOW + LEASE) == "ada@example.com"


async def test_moves_and_claims_that_race_say_nothing_untrue(api: Api, database: Database):
    """In either order, a mail with the old time is sent before its correction or never."""
    admin = await api.admin()
    guests = [await admin.register(email=f"g{n}@example.com", host_email=None) for n in range(8)]
    later = {"visit_date": "2026-11-24", "visit_time": "14:00"}
    moves = [admin.post(f"visitors/{guest['id']}/reschedule/", later) for guest in guests]
    claims = [claim_any(database) for _ in guests]
    _, taken = await asyncio.gather(asyncio.gather(*moves), asyncio.gather(*claims))
    rows = {row.id: row for row in await all_mails(database)}
    for claimed in filter(None, taken):
        is_old = claimed.payload["visit_date"] == "2026-11-23"
        assert is_old == (rows[claimed.id].pointless_after == NOW)


async def test_a_claim_is_one_workers(database: Database):
    async with database.write() as unit:
        Outbox(unit, Wakes()).put(mail(), NOW)
    assert await claim(database) == "ada@example.com"
    assert await claim(database) is None


async def test_the_mail_that_is_due_longest_comes_first(database: Database):
    async with database.write() as unit:
        outbox = Outbox(unit, Wakes())
        for minutes in (3, 1, 2):
            outbox.put(mail(f"{minutes}@example.com"), NOW - timedelta(minutes=minutes))
    found = [await claim(database) for _ in range(3)]
    assert found == ["3@example.com", "2@example.com", "1@example.com"]


async def test_mail_that_is_not_due_waits(database: Database):
    async with database.write() as unit:
        Outbox(unit, Wakes()).put(mail(), NOW + timedelta(seconds=1))
    assert await claim(database) is None
    assert await claim(database, NOW + timedelta(seconds=1)) == "ada@example.com"


async def test_an_abandoned_claim_is_taken_over_once_its_lease_is_over(database: Database):
    async with database.write() as unit:
        Outbox(unit, Wakes()).put(mail(), NOW)
    await claim(database)
    for now, taken in ((NOW + LEASE - timedelta(seconds=1), 0), (NOW + LEASE, 1)):
        async with database.write() as unit:
            assert await DeliveryQueue(unit).take_over(now) == taken
    assert await claim(database, NOW + LEASE) == "ada@example.com"


async def test_who_lost_a_claim_settles_nothing(database: Database):
    async with database.write() as unit:
        Outbox(unit, Wakes()).put(mail(), NOW)
        await unit.flush()
        queue = DeliveryQueue(unit)
        lost = await queue.claim(NOW, LEASE)
    assert lost is not None
    async with database.write() as unit:
        queue = DeliveryQueue(unit)
        await queue.take_over(NOW + LEASE)
        held = await queue.claim(NOW + LEASE, LEASE)
        assert held is not None
    async with database.write() as unit:
        queue = DeliveryQueue(unit)
        assert lost.attempts < held.attempts
        assert not await queue.record(lost, DeliveryOutcome(status=NotificationStatus.FAILED), NOW)
        assert await queue.record(held, DeliveryOutcome(status=NotificationStatus.SENT), NOW)
    assert await states(database) == {"sent": 1}


async def test_who_lost_a_claim_takes_the_next_mail_all_the_same(database: Database):
    async with database.write() as unit:
        outbox = Outbox(unit, Wakes())
        outbox.put(mail("lost@example.com"), NOW - timedelta(minutes=1))
        outbox.put(mail("next@example.com"), NOW)
    async with database.write() as unit:
        lost = await DeliveryQueue(unit).claim(NOW, LEASE)
        assert lost is not None
    later = NOW + LEASE
    async with database.write() as unit:
        await DeliveryQueue(unit).take_over(later)
    async with database.write() as unit:
        sent = DeliveryOutcome(status=NotificationStatus.SENT, sent_at=NOW)
        settled, following = await DeliveryQueue(unit).record_and_claim(lost, sent, later, LEASE)
    assert not settled
    assert following is not None
    assert following.recipient == "next@example.com"
    assert await states(database) == {"queued": 1, "sending": 1}


async def test_a_mail_that_goes_back_is_not_claimed_at_once(database: Database):
    async with database.write() as unit:
        Outbox(unit, Wakes()).put(mail(), NOW)
    async with database.write() as unit:
        held = await DeliveryQueue(unit).claim(NOW, LEASE)
        assert held is not None
    again = DeliveryOutcome(status=NotificationStatus.QUEUED, next_attempt_at=NOW)
    async with database.write() as unit:
        found = await DeliveryQueue(unit).record_and_claim(held, again, NOW, LEASE)
    assert found == (True, None)
    assert await states(database) == {"queued": 1}


async def test_pointless_mail_is_never_claimed_and_dropped(database: Database):
    async with database.write() as unit:
        Outbox(unit, Wakes()).put(mail(pointless_after=NOW), NOW - timedelta(hours=1))
    assert await claim(database) is None
    async with database.write() as unit:
        assert await DeliveryQueue(unit).drop_pointless(NOW - timedelta(seconds=1)) == 0
        assert await DeliveryQueue(unit).drop_pointless(NOW) == 1
    assert await states(database) == {"superseded": 1}


async def test_a_mail_is_sent_once_to_each_co_host(api: Api, database: Database):
    visitor = await (await api.admin()).register()
    to_co_host = replace(mail(visitor=visitor["id"], version=0), co_host="co@example.com")
    async with database.write() as unit:
        outbox = Outbox(unit, Wakes())
        assert await outbox.put_once(to_co_host, NOW)
        assert not await outbox.put_once(replace(to_co_host, to="new@example.com"), NOW)
        assert await outbox.put_once(replace(to_co_host, co_host="other@example.com"), NOW)


async def test_no_mail_leaves_with_facts_that_are_changing(api: Api, database: Database):
    visitor = await (await api.admin()).register()
    async with database.write() as unit:
        await Outbox(unit, Wakes()).outdate_claimed(UUID(visitor["id"]), NOW)
        assert await claim(database) is None
    assert await claim(database) is not None
