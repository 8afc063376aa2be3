"""Delivery from the outbox to a mail server with planned answers."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.notifications.claim_statements import DeliveryQueue
from app.notifications.delivery_service import Delivery
from app.notifications.kinds import NotificationKind
from app.notifications.message import Mailbox
from app.notifications.models import Notification
from app.notifications.repository import Outbox, OutgoingMail
from app.notifications.smtp_client import Mailer, SmtpSettings
from tests.e2e.installation import eventually
from tests.notifications.examples import LINKS, payload
from tests.notifications.test_smtp import Catcher, running
from tests.support.counting import sent_to
from tests.support.database import all_mails
from tests.support.mailbox import sweep

KIND = NotificationKind.visitor_confirmation
TIMEOUT = timedelta(seconds=5)


@pytest.fixture
def server() -> Catcher:
    return Catcher()


@pytest.fixture
async def smtp(server: Catcher) -> AsyncIterator[SmtpSettings]:
    async with running(server) as settings:
        yield settings


@pytest.fixture
def delivery(database: Database, clock: SettableClock, smtp: SmtpSettings) -> Delivery:
    return make(database, clock, smtp)


def make(database: Database, clock: SettableClock, smtp: SmtpSettings) -> Delivery:
    sender = Mailbox("Desk", "desk@example.com")
    return Delivery(database, clock, lambda: Mailer(smtp), sender, LINKS, TIMEOUT)


async def nobody() -> None: ...


async def queue(database: Database, now: datetime, *recipients: str, **fields: Any) -> None:
    async with database.write() as unit:
        outbox = Outbox(unit, nobody)
        for to in recipients:
            mail = OutgoingMail(kind=KIND, payload=payload(KIND), to=to, name="", **fields)
            outbox.put(mail, now)


async def states(database: Database) -> Counter[str]:
    return Counter(row.status.value for row in await all_mails(database))


async def test_what_is_due_is_sent_and_settled(
    database: Database, clock: SettableClock, server: Catcher, delivery: Delivery
):
    await queue(database, clock.now(), *(f"v{n}@example.com" for n in range(10)))
    assert await sweep(delivery) == 10
    assert sorted(server.recipients) == sorted(f"v{n}@example.com" for n in range(10))
    rows = await all_mails(database)
    assert {(row.status.value, row.attempts, row.sent_at) for row in rows} == {
        ("sent", 1, clock.now())
    }
    assert await sweep(delivery) == 0


async def test_a_mail_costs_one_statement(
    database: Database, clock: SettableClock, server: Catcher, delivery: Delivery
):
    await queue(database, clock.now(), *(f"v{n}@example.com" for n in range(100)))
    with sent_to(database) as sent:
        assert await sweep(delivery) == 100
    assert len(sent) <= 100 + 4 + delivery.senders  # the sweep's own, and each sender's first claim
    assert len(server.connections) == delivery.senders
    assert await states(database) == {"sent": 100}


async def test_a_refused_mail_waits_while_the_next_is_sent(
    database: Database, clock: SettableClock, server: Catcher, delivery: Delivery
):
    server.data_answer = "452 4.3.1 disk full"
    await queue(database, clock.now(), *(f"v{n}@example.com" for n in range(10)))
    assert await sweep(delivery) == 10
    rows = await all_mails(database)
    assert {(row.status.value, row.attempts, row.lease_until) for row in rows} == {
        ("queued", 1, None)
    }
    assert all(row.next_attempt_at > clock.now() for row in rows)


async def test_two_deliveries_at_once_send_each_mail_once(
    database: Database, clock: SettableClock, server: Catcher, smtp: SmtpSettings
):
    addresses = [f"v{n}@example.com" for n in range(40)]
    await queue(database, clock.now(), *addresses)
    both = [make(database, clock, smtp) for _ in range(2)]
    tried = await asyncio.gather(*(sweep(each) for each in both))
    assert sum(tried) == 40
    assert sorted(server.recipients) == sorted(addresses)


async def test_a_temporary_refusal_is_tried_again_after_each_pause(
    database: Database, clock: SettableClock, server: Catcher, delivery: Delivery
):
    server.rcpt_answer = "451 come back later"
    await queue(database, clock.now(), "ada@example.com")
    for attempt, seconds in enumerate((2, 10, 30, 120), start=1):
        assert await sweep(delivery) == 1
        assert await sweep(delivery) == 0
        [row] = await all_mails(database)
        assert (row.status, row.attempts) == ("queued", attempt)
        assert "come back later" in (row.last_error or "")
        pause = (row.next_attempt_at - clock.now()).total_seconds()
        assert abs(pause - seconds) <= seconds / 10
        clock.set(row.next_attempt_at)
    server.rcpt_answer = "250 OK"
    assert await sweep(delivery) == 1
    [row] = await all_mails(database)
    assert (row.status, row.last_error, row.attempts) == ("sent", None, 5)


async def test_after_a_day_of_refusals_a_mail_has_failed(
    database: Database, clock: SettableClock, server: Catcher, delivery: Delivery
):
    server.rcpt_answer = "451 come back later"
    began = clock.now()
    await queue(database, began, "ada@example.com")
    for _ in range(60):
        await sweep(delivery)
        [row] = await all_mails(database)
        if row.status == "failed":
            break
        clock.set(row.next_attempt_at)
    assert row.status == "failed"
    assert "come back later" in (row.last_error or "")
    assert timedelta(hours=22) < clock.now() - began <= timedelta(hours=24)
    clock.advance(timedelta(days=2))
    assert await sweep(delivery) == 0


async def test_a_permanent_refusal_fails_with_the_servers_answer(
    database: Database, clock: SettableClock, server: Catcher, delivery: Delivery
):
    server.rcpt_answer = "550 no such user here"
    await queue(database, clock.now(), "ada@example.com")
    assert await sweep(delivery) == 1
    [row] = await all_mails(database)
    assert (row.status, row.attempts, row.sent_at) == ("failed", 1, None)
    assert row.last_error == "550 no such user here"


async def test_an_address_that_no_server_takes_fails_at_once(
    database: Database, clock: SettableClock, server: Catcher, delivery: Delivery
):
    await queue(database, clock.now(), "not an address", "ada@example.com")
    await sweep(delivery)
    assert await states(database) == {"failed": 1, "sent": 1}


async def test_a_server_that_is_down_delays_only(
    database: Database, clock: SettableClock, server: Catcher
):
    async with running(server) as gone:
        pass
    delivery = make(database, clock, gone)
    await queue(database, clock.now(), *(f"v{n}@example.com" for n in range(6)))
    assert await sweep(delivery) == 6
    assert await states(database) == {"queued": 6}
    clock.advance(timedelta(seconds=3))
    async with running(server) as back:
        assert await sweep(make(database, clock, back)) == 6
    assert await states(database) == {"sent": 6}


async def test_a_mail_that_cannot_be_rendered_stops_no_other(
    database: Database, clock: SettableClock, server: Catcher, delivery: Delivery
):
    await queue(database, clock.now() - timedelta(hours=1), "broken@example.com")
    async with database.write() as unit:
        await unit.write(update(Notification).values(payload={"visitor_name": 5}))
    await queue(database, clock.now(), "ada@example.com")
    assert await sweep(delivery) == 2
    assert server.recipients == ["ada@example.com"]
    assert await states(database) == {"failed": 1, "sent": 1}


async def test_an_abandoned_claim_is_taken_over_and_sent(
    database: Database, clock: SettableClock, server: Catcher, delivery: Delivery
):
    await queue(database, clock.now(), "ada@example.com")
    async with database.write() as unit:
        await DeliveryQueue(unit).claim(clock.now(), TIMEOUT)
    assert await sweep(delivery) == 0
    clock.advance(TIMEOUT)
    assert await sweep(delivery) == 1
    assert server.recipients == ["ada@example.com"]


async def test_pointless_mail_is_dropped(
    database: Database, clock: SettableClock, server: Catcher, delivery: Delivery
):
    await queue(database, clock.now(), "ada@example.com", pointless_after=clock.now())
    assert await sweep(delivery) == 0
    assert server.taken == []
    assert await states(database) == {"superseded": 1}


async def test_a_mail_that_becomes_untrue_between_tries_is_dropped(
    database: Database, clock: SettableClock, server: Catcher, delivery: Delivery
):
    server.rcpt_answer = "451 come back later"
    end = clock.now() + timedelta(seconds=1)
    await queue(database, clock.now(), "ada@example.com", pointless_after=end)
    assert await sweep(delivery) == 1
    clock.advance(timedelta(minutes=1))
    assert await sweep(delivery) == 0
    assert await states(database) == {"superseded": 1}


async def test_the_message_id_is_the_same_for_every_try(
    database: Database, clock: SettableClock, server: Catcher, delivery: Delivery
):
    await queue(database, clock.now(), "ada@example.com")
    await sweep(delivery)
    async with database.write() as unit:
        await unit.write(update(Notification).values(status="queued"))
    await sweep(delivery)
    [row] = await all_mails(database)
    contents = [envelope.original_content for envelope in server.taken]
    assert len(contents) == 2
    for content in contents:
        assert f"Message-ID: <{row.id}@example.com>".encode() in (content or b"")


async def test_who_is_stopped_finishes_the_mail_in_hand(
    database: Database, clock: SettableClock, server: Catcher, delivery: Delivery
):
    server.hangs = True
    await queue(database, clock.now(), "ada@example.com")
    wake, stop = asyncio.Event(), asyncio.Event()
    work = asyncio.create_task(delivery.run(wake, stop))
    await server.reached.wait()
    stop.set()
    wake.set()
    server.released.set()
    await work
    assert await states(database) == {"sent": 1}


async def test_who_is_woken_delivers_at_once_and_again(
    database: Database, clock: SettableClock, server: Catcher, delivery: Delivery
):
    wake, stop = asyncio.Event(), asyncio.Event()
    work = asyncio.create_task(delivery.run(wake, stop))
    for number in range(3):
        server.reached.clear()
        await queue(database, clock.now(), f"v{number}@example.com")
        wake.set()
        await server.reached.wait()
    stop.set()
    wake.set()
    await work
    assert await states(database) == {"sent": 3}


async def test_a_server_that_hangs_with_one_mail_holds_up_no_other(
    database: Database, clock: SettableClock, server: Catcher, delivery: Delivery
):
    server.hangs = True
    await queue(database, clock.now(), "hangs@example.com")
    wake, stop = asyncio.Event(), asyncio.Event()
    work = asyncio.create_task(delivery.run(wake, stop))
    await server.reached.wait()
    server.hangs = False
    await queue(database, clock.now(), "ada@example.com")
    wake.set()
    await eventually(lambda: one_of_two_is_sent(database))
    assert server.recipients == ["ada@example.com"]
    server.released.set()
    stop.set()
    wake.set()
    await work
    assert await states(database) == {"sent": 2}


async def one_of_two_is_sent(database: Database) -> bool:
    return await states(database) == {"sending": 1, "sent": 1}
