"""The transitions between statuses."""

import pytest
from fastapi import FastAPI

from app.core.db.database import Database
from app.visitors.lifecycle import AFTER, InvalidTransition, require_transition
from app.visitors.models import VisitorStatus
from tests.conftest import forget_limits
from tests.support.api import Api
from tests.support.database import all_events, assert_seats_are_visitors, booked, set_status
from tests.support.mailbox import Mailbox
from tests.support.problems import problem

# pending -> verified -> completed; pending -> cancelled or expired.
ALLOWED = {
    ("pending", "verified"),
    ("verified", "completed"),
    ("pending", "cancelled"),
    ("pending", "expired"),
}
CALLS = {"cancel": "cancelled", "check-out": "completed", "complete": "completed"}


@pytest.mark.parametrize("wanted", list(VisitorStatus))
@pytest.mark.parametrize("present", list(VisitorStatus))
def test_no_other_change_exists(present: VisitorStatus, wanted: VisitorStatus):
    assert present in AFTER
    if (present.value, wanted.value) in ALLOWED:
        require_transition(present, wanted)
        return
    with pytest.raises(InvalidTransition) as refused:
        require_transition(present, wanted)
    assert refused.value.document()["current_status"] == present.value


@pytest.mark.parametrize("present", list(VisitorStatus))
@pytest.mark.parametrize("call", CALLS)
async def test_every_call_in_every_status(
    api: Api, database: Database, call: str, present: VisitorStatus
):
    admin = await api.admin()
    visitor = await admin.register()
    await set_status(database, visitor["id"], present)
    answer = await admin.post(f"visitors/{visitor['id']}/{call}/")
    if (present.value, CALLS[call]) in ALLOWED:
        assert answer.status_code == 200
        assert answer.json()["status"] == CALLS[call]
        assert await booked(database, "2026-11-23", 10) == 0
        return
    found = problem(answer, 409, "invalid_transition")
    assert found["current_status"] == present.value
    assert present.value in found["detail"]
    assert (await admin.get(f"visitors/{visitor['id']}/")).json()["status"] == present.value
    assert [event.action for event in await all_events(database)] == ["registered"]


@pytest.mark.parametrize("present", list(VisitorStatus))
async def test_only_a_pending_visit_is_confirmed_again(
    api: Api, database: Database, present: VisitorStatus
):
    admin = await api.admin()
    visitor = await admin.register()
    await set_status(database, visitor["id"], present)
    answer = await admin.post(f"visitors/{visitor['id']}/resend-email/")
    if present is VisitorStatus.PENDING:
        assert answer.status_code == 202
    else:
        found = problem(answer, 409, "invalid_transition")
        assert found["current_status"] == present.value


async def test_the_whole_life_of_a_visit(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.scan(visitor["qr_code"])
    assert await booked(database, "2026-11-23", 10) == 1
    ended = (await admin.post(f"visitors/{visitor['id']}/check-out/")).json()
    assert ended["status"] == "completed"
    assert ended["checked_in_at"] == ended["checked_out_at"] == "2026-11-23T08:00:00Z"
    assert not ended["checked_out_automatically"]
    await assert_seats_are_visitors(database)


async def test_a_cancelled_seat_is_free_again(api: Api, database: Database):
    admin = await api.admin()
    visitors = [await admin.register() for _ in range(20)]
    await admin.post(f"visitors/{visitors[7]['id']}/cancel/")
    await admin.register()
    await assert_seats_are_visitors(database)


async def test_cancelling_notifies_both_and_drops_queued_mails(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.post(f"visitors/{visitor['id']}/cancel/")
    mails = await mailbox.deliver()
    assert len(mails) == 2
    answer = await admin.get(f"visitors/{visitor['id']}/notifications/")
    states = {mail["kind"]: mail["status"] for mail in answer.json()}
    assert states.pop("visitor_cancelled") == states.pop("host_cancelled") == "sent"
    assert not {"queued", "sending", "sent"} & set(states.values())


async def test_the_confirmation_goes_out_once_for_each_resend(
    app: FastAPI, api: Api, mailbox: Mailbox
):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    for _ in range(2):
        await forget_limits(app.state.redis)
        await admin.post(f"visitors/{visitor['id']}/resend-email/")
    assert len(await mailbox.deliver()) == 3
