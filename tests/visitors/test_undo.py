"""`POST /api/visitors/{id}/undo/`: who undoes what, how long, and what follows."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.db.rollout import Rollout
from app.users.models import Role
from app.visitors.closing_jobs import close_past_visits
from tests.devices.devices import add_device
from tests.support.api import Api, Client, app_of
from tests.support.database import (
    add_site,
    all_events,
    assert_seats_are_visitors,
    booked,
    change_default_site,
)
from tests.support.mailbox import Mailbox
from tests.support.problems import problem
from tests.support.stays import assert_presence_follows_stays, ways
from tests.visitors.told import subjects, waiting

DAY = "2026-11-23"


async def undo(client: Client, visitor: dict[str, Any], **body: Any) -> httpx.Response:
    return await client.post(f"visitors/{visitor['id']}/undo/", body or None)


async def undone(client: Client, visitor: dict[str, Any], act: str) -> dict[str, Any]:
    answer = await undo(client, visitor)
    assert answer.status_code == 200, answer.text
    assert answer.json()["undone"] == act
    now: dict[str, Any] = answer.json()["visitor"]
    return now


async def cancel(client: Client, visitor: dict[str, Any]) -> None:
    answer = await client.post(f"visitors/{visitor['id']}/cancel/")
    assert answer.status_code == 200, answer.text


async def assert_consistent(database: Database) -> None:
    await assert_seats_are_visitors(database)
    await assert_presence_follows_stays(database)


async def test_an_undone_cancellation_is_a_registration_anew(
    api: Api, database: Database, mailbox: Mailbox
):
    desk = await api.of_role(Role.RECEPTIONIST)
    visitor = await desk.register()
    await cancel(desk, visitor)
    assert len(await mailbox.deliver()) == 2  # those of the registration were superseded
    again = await undo(desk, visitor, reason="The wrong visitor")
    body = again.json()
    assert body.keys() == {"visitor", "undone", "consequences"}
    assert (body["undone"], body["visitor"]["status"]) == ("cancelled", "pending")
    assert body["visitor"]["qr_code"] == visitor["qr_code"]
    assert [(each["kind"], each["recipient"]) for each in body["consequences"]] == [
        ("visitor_cancelled", "ada@example.com"),
        ("host_cancelled", "charles@example.com"),
    ]
    assert all(each["sent_at"] for each in body["consequences"])
    await mailbox.deliver()
    states = await waiting(desk, visitor)
    assert states["visitor_confirmation", "ada@example.com"] == "sent"
    assert states["host_registration", "charles@example.com"] == "sent"
    assert await booked(database, DAY, 10) == 1
    acts = [(event.action, event.details) for event in await all_events(database)]
    names = [action for action, _ in acts if action in {"cancelled", "undone"}]
    assert names == ["cancelled", "undone"]
    assert ("reason", "The wrong visitor") in dict(acts)["undone"].items()
    assert (await desk.scan(visitor["qr_code"])).status_code == 200
    await assert_consistent(database)


async def test_co_hosts_hear_of_an_undone_cancellation(api: Api):
    admin = await api.admin()
    visitor = await admin.register(co_hosts=[{"email": "mary@example.com"}])
    await cancel(admin, visitor)
    await undone(admin, visitor, "cancelled")
    states = await waiting(admin, visitor)
    assert states["host_registration", "mary@example.com"] == "queued"


async def test_a_mail_of_a_cancellation_that_waits_is_superseded(api: Api):
    desk = await api.of_role(Role.RECEPTIONIST)
    visitor = await desk.register()
    await cancel(desk, visitor)
    assert (await undo(desk, visitor)).json()["consequences"] == []
    states = await waiting(desk, visitor)
    assert states["visitor_cancelled", "ada@example.com"] == "superseded"
    assert states["visitor_confirmation", "ada@example.com"] == "queued"


async def test_a_seat_that_was_taken_meanwhile_is_gone(api: Api, database: Database):
    await change_default_site(database, slot_capacity=1)
    admin = await api.admin()
    visitor = await admin.register()
    await cancel(admin, visitor)
    other = await admin.register(email="eve@example.com")
    problem(await undo(admin, visitor), 409, "seat_gone")
    await cancel(admin, other)
    await undone(admin, visitor, "cancelled")
    problem(await undo(admin, other), 409, "seat_gone")
    await assert_consistent(database)


async def visitor_now(client: Client, visitor: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(f"visitors/{visitor['id']}/")).json()
    return found


async def test_a_closed_day_takes_nobody_back(api: Api, database: Database):
    root = await api.superadmin()
    visitor = await root.register(visit_date="2026-11-24")
    site = visitor["site"]
    body = {"date": "2026-11-24", "cancel_visits": True}
    assert (await root.post(f"sites/{site}/closures/", body)).status_code == 201
    problem(await undo(root, visitor), 409, "seat_gone")


async def test_only_admins_undo_what_others_did(api: Api, database: Database, clock: SettableClock):
    desk, gate = await api.of_role(Role.RECEPTIONIST), await add_device(api)
    other = await api.of_role(Role.RECEPTIONIST, email="other@example.com")
    host, guard = await api.host(), await api.of_role(Role.GUARD)
    visitor = await desk.register()
    problem(await undo(desk, visitor), 409, "nothing_to_undo")
    await gate.scan(visitor["qr_code"])
    for nobody in (desk, host):
        problem(await undo(nobody, visitor), 403, "not_your_act")
    problem(await undo(guard, visitor), 403, "forbidden")
    await undone(await api.admin(), visitor, "checked_in")
    await desk.scan(visitor["qr_code"])
    problem(await undo(other, visitor), 403, "not_your_act")
    await undone(desk, visitor, "checked_in")
    problem(await undo(desk, visitor), 409, "nothing_to_undo")
    await cancel(host, visitor)
    problem(await undo(desk, visitor), 403, "not_your_act")
    await undone(host, visitor, "cancelled")
    await assert_consistent(database)


async def test_undo_has_its_time(api: Api, clock: SettableClock):
    desk = await api.of_role(Role.RECEPTIONIST)
    first, second = await desk.register(), await desk.register(email="eve@example.com")
    for visitor in (first, second):
        await cancel(desk, visitor)
    clock.set(clock.now() + timedelta(minutes=14))
    await undone(desk, first, "cancelled")
    clock.set(clock.now() + timedelta(minutes=1, microseconds=1))
    desk = await api.sign_in("receptionist@example.com", desk.user_id)
    problem(await undo(desk, second), 409, "undo_expired")
    clock.set(clock.now() + timedelta(hours=23, minutes=44))
    admin = await api.admin()
    await undone(admin, second, "cancelled")
    await cancel(admin, second)
    clock.set(clock.now() + timedelta(hours=24, seconds=1))
    admin = await api.admin("another@example.com")
    problem(await undo(admin, second), 409, "undo_expired")


async def test_a_visit_of_another_site_is_none(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register()
    await cancel(admin, visitor)
    elsewhere = await api.of_role(Role.RECEPTIONIST, await add_site(database))
    problem(await undo(elsewhere, visitor), 404, "not_found")


async def test_a_check_in_and_a_check_out_are_undone_in_turn(
    api: Api, database: Database, clock: SettableClock
):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.scan(visitor["qr_code"])
    clock.set(clock.now() + timedelta(minutes=5))
    await admin.scan(visitor["qr_code"], direction="out")
    inside = await undone(admin, visitor, "checked_out")
    assert (inside["status"], inside["presence"]) == ("verified", "inside")
    assert inside["checked_out_at"] is None
    assert await ways(database) == [("gate", None)]
    await assert_consistent(database)
    pending = await undone(admin, visitor, "checked_in")
    assert (pending["status"], pending["checked_in_at"]) == ("pending", None)
    assert await ways(database) == []
    problem(await undo(admin, visitor), 409, "nothing_to_undo")
    assert (await admin.scan(visitor["qr_code"])).status_code == 200
    await assert_consistent(database)


async def test_an_undone_completion_takes_the_seat_again(api: Api, database: Database):
    await change_default_site(database, slot_capacity=1)
    admin = await api.admin()
    visitor = await admin.register()
    await admin.scan(visitor["qr_code"])
    await admin.post(f"visitors/{visitor['id']}/complete/")
    other = await admin.register(email="eve@example.com")
    problem(await undo(admin, visitor), 409, "seat_gone")
    await cancel(admin, other)
    assert (await undone(admin, visitor, "completed"))["presence"] == "inside"
    await assert_consistent(database)


async def test_with_re_entry_the_newest_passage_is_undone(
    api: Api, database: Database, clock: SettableClock
):
    await change_default_site(database, re_entry="same_day")
    admin = await api.admin()
    visitor = await admin.register()
    for way in ("in", "out", "in", "out"):
        assert (await admin.scan(visitor["qr_code"], direction=way)).status_code == 200
        clock.set(clock.now() + timedelta(minutes=1))
    await admin.post(f"visitors/{visitor['id']}/complete/")
    assert (await undone(admin, visitor, "completed"))["presence"] == "away"
    for act, presence in (
        ("checked_out", "inside"),
        ("checked_in", "away"),
        ("checked_out", "inside"),
        ("checked_in", "expected"),
    ):
        await assert_consistent(database)
        assert (await undone(admin, visitor, act))["presence"] == presence
    await assert_consistent(database)
    kinds = [kind for kind, _ in await waiting(admin, visitor)]
    assert kinds.count("host_arrival_withdrawn") == 0


async def test_a_stay_that_is_opened_again_counts_from_the_undo(
    api: Api, database: Database, clock: SettableClock
):
    visitor = await (await api.admin()).register()
    gate = await add_device(api)
    await gate.scan(visitor["qr_code"])
    clock.set(clock.now() + timedelta(hours=14))
    assert (await close_past_visits(database, clock.now())).completed == 1
    admin = await api.admin("late@example.com")
    inside = await undone(admin, visitor, "completed")
    assert (inside["presence"], inside["checked_out_automatically"]) == ("inside", False)
    clock.set(again := clock.now() + timedelta(hours=14))
    assert (await close_past_visits(database, again - timedelta(seconds=1))).completed == 0
    assert (await close_past_visits(database, again)).completed == 1
    left = await visitor_now(await api.admin("later@example.com"), visitor)
    assert left["checked_out_at"] == f"{again:%Y-%m-%dT%H:%M:%SZ}"
    await assert_consistent(database)


async def test_a_host_who_was_told_of_an_arrival_is_told_again(
    api: Api, database: Database, mailbox: Mailbox
):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.scan(visitor["qr_code"])
    await mailbox.deliver()
    answer = (await undo(admin, visitor)).json()
    assert [(each["kind"], each["recipient"]) for each in answer["consequences"]] == [
        ("host_arrival", "charles@example.com")
    ]
    await mailbox.deliver()
    await admin.scan(visitor["qr_code"])
    sent = subjects(await mailbox.deliver(), "charles@example.com")
    assert [subject for subject in sent if "arrived" in subject] == [
        "Ada Lovelace has arrived",
        "Correction: Ada Lovelace has not arrived",
        "Ada Lovelace has arrived",
    ]


async def test_an_arrival_that_was_not_told_is_only_superseded(
    api: Api, database: Database, mailbox: Mailbox
):
    await change_default_site(database, reception_email="reception@example.com")
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    await admin.scan(visitor["qr_code"])
    assert (await undo(admin, visitor)).json()["consequences"] == []
    await admin.scan(visitor["qr_code"])
    sent = subjects(await mailbox.deliver(), "reception@example.com")
    assert sent == ["Ada Lovelace has arrived"]
    await undone(admin, visitor, "checked_in")
    sent = subjects(await mailbox.deliver(), "reception@example.com")
    assert sent[1:] == ["Correction: Ada Lovelace has not arrived"]


async def test_of_two_at_once_exactly_one_undoes(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register()
    await cancel(admin, visitor)
    answers = await asyncio.gather(*(undo(admin, visitor) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert await booked(database, DAY, 10) == 1
    await assert_consistent(database)


async def test_an_undo_races_with_the_gate(api: Api, database: Database):
    admin, gate = await api.admin(), await add_device(api)
    for number in range(3):
        visitor = await admin.register(email=f"ada{number}@example.com")
        await gate.scan(visitor["qr_code"])
        await asyncio.gather(
            undo(admin, visitor),
            gate.scan(visitor["qr_code"], direction="out"),
            undo(admin, visitor),
            gate.scan(visitor["qr_code"]),
        )
        await assert_consistent(database)


async def test_a_repeated_undo_is_answered_again(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.scan(visitor["qr_code"])
    await admin.scan(visitor["qr_code"], direction="out")
    admin.headers["Idempotency-Key"] = "again"
    first, second = await undo(admin, visitor), await undo(admin, visitor)
    assert (first.status_code, first.json()) == (200, second.json())
    assert [event.action for event in await all_events(database)].count("undone") == 1


async def test_a_stranger_gets_a_seat_of_the_share_back(api: Api, database: Database):
    await change_default_site(
        database, self_registration=True, slot_capacity=4, self_registration_share=25
    )
    admin = await api.admin()
    form = {"visit_date": DAY, "visit_time": "10:00", "host_name": "Charles"}

    async def of_stranger(name: str) -> str:
        body = form | {"name": name, "email": f"{name}@example.com"}
        answer = await api.http.post("/api/visitors/", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    ada = {"id": await of_stranger("ada")}
    await cancel(admin, ada)
    eve = {"id": await of_stranger("eve")}
    problem(await undo(admin, ada), 409, "seat_gone")
    await cancel(admin, eve)
    await undone(admin, ada, "cancelled")
    await assert_consistent(database)


async def test_during_an_update_nothing_is_undone(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
):
    """The previous release could not read what an undo writes."""
    admin = await api.admin()
    visitor = await admin.register()
    await cancel(admin, visitor)
    async with database.write() as unit:
        unit.add(Rollout(revision="of a test", finished_at=None))
    monkeypatch.setattr(app_of(api).state.database, "rollout_is_finished", False)
    problem(await undo(admin, visitor), 503, "update_under_way")
