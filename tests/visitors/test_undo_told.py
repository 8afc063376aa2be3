"""Undo of an act that kept mails from being sent: nobody stays untold."""

from datetime import timedelta
from typing import Any

import pytest

from app.core.clock import SettableClock
from tests.conftest import MONDAY
from tests.scans.test_check_in_overrides import check_in
from tests.support.api import Api, Client
from tests.support.mailbox import Mailbox
from tests.visitors.test_undo import undone
from tests.visitors.told import subjects, waiting

ADA, CHARLES, MARY = "ada@example.com", "charles@example.com", "mary@example.com"
CO_HOSTS = [{"name": "Mary", "email": MARY}]
BOOKED = [
    ("visitor_confirmation", ADA),
    ("host_registration", CHARLES),
    ("host_registration", MARY),
]


@pytest.fixture
async def desk(api: Api, clock: SettableClock) -> Client:
    clock.set(MONDAY + timedelta(hours=2))
    return await api.admin()


async def states(desk: Client, visitor: dict[str, Any], *mails: tuple[str, str]) -> list[str]:
    found = await waiting(desk, visitor)
    return [found.get(mail, "none") for mail in mails]


async def test_who_was_not_told_before_a_move_is_told_after_its_undo(
    desk: Client, clock: SettableClock, mailbox: Mailbox
):
    visitor = await desk.register(visit_date="2026-11-24", co_hosts=CO_HOSTS)
    clock.advance(timedelta(minutes=1))
    assert (await check_in(desk, visitor, "wrong_day")).status_code == 200
    assert await states(desk, visitor, *BOOKED) == ["superseded"] * 3
    clock.advance(timedelta(minutes=1))
    await undone(desk, visitor, "checked_in")
    mails = await mailbox.deliver()
    assert await states(desk, visitor, *BOOKED) == ["sent"] * 3
    assert [len(subjects(mails, to)) for to in (ADA, CHARLES, MARY)] == [1, 1, 1]
    [confirmed] = [mail for mail in mails if ADA in str(mail["To"])]
    assert "24 November" in str(confirmed.get_body(("plain",)))


async def test_who_was_told_before_a_move_is_not_told_again(
    desk: Client, clock: SettableClock, mailbox: Mailbox
):
    visitor = await desk.register(visit_date="2026-11-24")
    assert len(await mailbox.deliver()) == 2
    clock.advance(timedelta(minutes=1))
    assert (await check_in(desk, visitor, "wrong_day")).status_code == 200
    clock.advance(timedelta(minutes=1))
    await undone(desk, visitor, "checked_in")
    assert len(await mailbox.deliver()) == 2


@pytest.mark.parametrize("end", ["check-out", "complete", "scan"])
async def test_an_arrival_is_told_after_the_undo_of_an_end(
    desk: Client, clock: SettableClock, mailbox: Mailbox, end: str
):
    visitor = await desk.register(co_hosts=CO_HOSTS, visit_time="11:00")
    await mailbox.deliver()
    assert (await check_in(desk, visitor)).status_code == 200
    arrivals = [("host_arrival", to) for to in (CHARLES, MARY)]
    assert await states(desk, visitor, *arrivals) == ["queued"] * 2
    clock.advance(timedelta(minutes=1))
    if end == "scan":
        left = await desk.scan(visitor["qr_code"], direction="out")
    else:
        left = await desk.post(f"visitors/{visitor['id']}/{end}/")
    assert left.status_code == 200, left.text
    assert await states(desk, visitor, *arrivals) == ["superseded"] * 2
    clock.advance(timedelta(minutes=1))
    await undone(desk, visitor, "completed" if end == "complete" else "checked_out")
    mails = await mailbox.deliver()
    for to in (CHARLES, MARY):
        assert subjects(mails, to)[1:] == ["Ada Lovelace has arrived"]
    assert await states(desk, visitor, *BOOKED) == ["sent"] * 3
    # Nothing is told a second time.
    assert len(mails) == len(await mailbox.deliver()) == 5
