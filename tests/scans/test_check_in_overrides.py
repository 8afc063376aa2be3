"""Check-ins by hand against refusals, by name and reason."""

import asyncio
from datetime import datetime, time
from typing import Any

import httpx
import pytest

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.users.models import Role
from app.visitors.closing_jobs import close_past_visits
from app.visitors.retention_jobs import anonymise_past
from tests.scans.walk_ins import REASON, admitted, override
from tests.support.api import Api, Client
from tests.support.database import (
    all_events,
    all_mails,
    all_scans,
    assert_seats_are_visitors,
    booked,
    change_default_site,
)
from tests.support.problems import faulty_fields, problem

MONDAY, TUESDAY = "2026-11-23", "2026-11-24"
HALF_PAST_TEN = datetime.fromisoformat("2026-11-23T10:30:45Z")
DAY_AFTER = datetime.fromisoformat("2026-11-24T10:30:45Z")


@pytest.fixture
async def desk(api: Api, clock: SettableClock) -> Client:
    clock.set(HALF_PAST_TEN)
    return await api.of_role(Role.RECEPTIONIST)


async def check_in(
    desk: Client, visitor: dict[str, Any], *codes: str, **said: Any
) -> httpx.Response:
    body = said | (override(*codes) if codes else {})
    return await desk.post(f"visitors/{visitor['id']}/check-in/", body)


async def came(desk: Client, visitor: dict[str, Any], *codes: str) -> dict[str, Any]:
    answer = await check_in(desk, visitor, *codes, gate="Reception")
    assert answer.status_code == 200, answer.text
    record: dict[str, Any] = answer.json()
    return record


async def next_day(api: Api, clock: SettableClock, desk: Client) -> Client:
    clock.set(DAY_AFTER)
    return await api.sign_in("receptionist@example.com", desk.user_id)


async def history(database: Database, visitor: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    events = await all_events(database)
    return [(e.action, e.details) for e in events if str(e.subject_id) == visitor["id"]][1:]


async def queued(database: Database) -> list[str]:
    return [mail.kind for mail in await all_mails(database) if mail.status == "queued"]


async def test_who_is_too_early_keeps_the_time(desk: Client, database: Database):
    visitor = await desk.register(visit_time="15:00")
    refused = problem(await check_in(desk, visitor), 409, "too_early")
    assert (refused["overridable"], refused["refusals"]) == (True, ["too_early"])
    record = await came(desk, visitor, "too_early")
    assert (record["status"], record["visit_time"]) == ("verified", "15:00")
    assert (record["is_rescheduled"], record["qr_code"]) == (False, visitor["qr_code"])
    details = {"gate": "Reception", "overridden": ["too_early"], "reason": REASON}
    assert await history(database, visitor) == [("checked_in", details)]
    verdicts = [(scan.verdict, scan.code, scan.method) for scan in await all_scans(database)]
    assert verdicts == [("refused", "too_early", "desk"), ("admitted", None, "desk")]


async def test_a_visit_of_another_day_moves_to_now(desk: Client, database: Database):
    visitor = await desk.register(visit_date=TUESDAY, visit_time="11:00")
    record = await came(desk, visitor, "wrong_day")
    assert (record["visit_date"], record["visit_time"]) == (MONDAY, "10:30")
    original = record["original_visit_date"], record["original_visit_time"]
    assert (record["is_rescheduled"], original) == (True, (TUESDAY, "11:00"))
    assert (record["status"], record["qr_code"]) == ("verified", visitor["qr_code"])
    moved, entered = await history(database, visitor)
    times = {"before": f"{TUESDAY} 11:00", "after": f"{MONDAY} 10:30"}
    assert moved == ("rescheduled", {**times, "was": "pending"})
    assert entered[1]["overridden"] == ["wrong_day"]
    assert await queued(database) == ["host_arrival"]  # nothing of the former time, or of a move
    assert (await booked(database, TUESDAY, 11), await booked(database, MONDAY, 10)) == (0, 1)
    await assert_seats_are_visitors(database)
    assert (await desk.scan(visitor["qr_code"], direction="out")).status_code == 200


@pytest.mark.parametrize("is_closed_by_cron", [True, False])
async def test_a_missed_visit_moves_to_now(
    api: Api, desk: Client, database: Database, clock: SettableClock, is_closed_by_cron: bool
):
    visitor = await desk.register(visit_time="15:00")
    desk = await next_day(api, clock, desk)
    if is_closed_by_cron:
        await close_past_visits(database, DAY_AFTER)
    assert problem(await check_in(desk, visitor), 409, "expired")["refusals"] == ["expired"]
    record = await came(desk, visitor, "expired")
    assert (record["visit_date"], record["visit_time"]) == (TUESDAY, "10:30")
    assert (record["status"], record["presence"]) == ("verified", "inside")
    was = "expired" if is_closed_by_cron else "pending"
    assert [details.get("was") for _, details in await history(database, visitor)][-2] == was
    assert (await booked(database, MONDAY, 15), await booked(database, TUESDAY, 10)) == (0, 1)
    await assert_seats_are_visitors(database)


async def test_a_moved_visit_needs_a_seat_in_the_hour_of_now(desk: Client, database: Database):
    await change_default_site(database, slot_capacity=1)
    await admitted(desk)
    visitor = await desk.register(visit_date=TUESDAY, visit_time="11:00")
    refused = problem(await check_in(desk, visitor), 409, "wrong_day")
    assert refused["refusals"] == ["wrong_day", "slot_full"]
    mismatch = problem(await check_in(desk, visitor, "wrong_day"), 409, "override_mismatch")
    assert mismatch["refusals"] == ["wrong_day", "slot_full"]
    await change_default_site(database, opens_at=time(11))
    refused = problem(await check_in(desk, visitor), 409, "wrong_day")
    assert refused["refusals"] == ["wrong_day", "slot_closed", "slot_full"]
    assert await booked(database, TUESDAY, 11) == 1
    await came(desk, visitor, "slot_full", "slot_closed", "wrong_day")
    assert (await booked(database, TUESDAY, 11), await booked(database, MONDAY, 10)) == (0, 2)
    await assert_seats_are_visitors(database)


async def test_who_has_left_takes_the_seat_again(desk: Client, database: Database):
    await change_default_site(database, slot_capacity=1)
    visitor = await desk.register(visit_time="12:00")
    await came(desk, visitor)
    await desk.post(f"visitors/{visitor['id']}/check-out/")
    await change_default_site(database, opens_at=time(13))  # does not bind the own slot
    refused = problem(await check_in(desk, visitor), 409, "already_completed")
    assert refused["refusals"] == ["already_completed"]
    record = await came(desk, visitor, "already_completed")
    assert (record["visit_time"], record["is_rescheduled"]) == ("12:00", False)
    assert (record["presence"], record["checked_out_at"]) == ("inside", None)
    stays = (await desk.get(f"visitors/{visitor['id']}/stays/")).json()
    assert [stay["out_method"] for stay in stays] == ["desk", None]
    kinds = [str(mail.kind) for mail in await all_mails(database)]
    assert kinds.count("host_arrival") == 1  # of the first entry
    await assert_seats_are_visitors(database)


async def test_a_seat_that_was_given_away_is_one_more(desk: Client, database: Database):
    await change_default_site(database, slot_capacity=1)
    visitor = await desk.register(visit_time="12:00")
    await came(desk, visitor)
    await desk.post(f"visitors/{visitor['id']}/check-out/")
    await desk.register(visit_time="12:00", email="grace@example.com")
    refused = problem(await check_in(desk, visitor), 409, "already_completed")
    assert refused["refusals"] == ["already_completed", "slot_full"]
    await came(desk, visitor, "already_completed", "slot_full")
    assert await booked(database, MONDAY, 12) == 2
    await assert_seats_are_visitors(database)


async def test_a_visit_that_was_over_on_another_day_moves(
    api: Api, desk: Client, database: Database, clock: SettableClock
):
    visitor = await desk.register(visit_time="12:00")
    await came(desk, visitor)
    await desk.post(f"visitors/{visitor['id']}/check-out/")
    desk = await next_day(api, clock, desk)
    record = await came(desk, visitor, "already_completed")
    assert (record["visit_date"], record["original_visit_date"]) == (TUESDAY, MONDAY)
    assert record["checked_in_at"] == "2026-11-23T10:30:45Z"  # the first entry
    await assert_seats_are_visitors(database)


async def test_what_cannot_be_overridden_is_the_answer(desk: Client, database: Database):
    cancelled = await desk.register(visit_date=TUESDAY)
    await desk.post(f"visitors/{cancelled['id']}/cancel/")
    refused = problem(await check_in(desk, cancelled, "wrong_day"), 409, "cancelled")
    assert (refused["overridable"], refused["refusals"]) == (False, ["cancelled", "wrong_day"])
    inside = await admitted(desk)
    refused = problem(await check_in(desk, inside, "too_early"), 409, "already_inside")
    assert (refused["overridable"], refused["refusals"]) == (False, ["already_inside"])
    assert "since" in refused
    assert [scan.code for scan in await all_scans(database)] == [
        "cancelled",
        None,
        "already_inside",
    ]
    sent = {"codes": ["cancelled"], "reason": REASON}
    faulty = await check_in(desk, cancelled, override=sent)
    assert faulty_fields(faulty) == {"override.codes.0"}


async def test_an_override_that_does_not_fit_is_not_recorded(desk: Client, database: Database):
    on_time = await desk.register(visit_time="12:00")
    early = await desk.register(visit_time="15:00", email="grace@example.com")
    for visitor, codes, holding in (
        (on_time, ["too_early"], []),
        (early, ["wrong_day"], ["too_early"]),
        (early, ["too_early", "slot_full"], ["too_early"]),
    ):
        refused = problem(await check_in(desk, visitor, *codes), 409, "override_mismatch")
        assert refused["refusals"] == holding
    assert await all_scans(database) == []


async def test_a_guard_checks_in_without_overrides(api: Api, desk: Client):
    guard = await api.of_role(Role.GUARD)
    on_time = await desk.register(visit_time="12:00")
    early = await desk.register(visit_time="15:00", email="grace@example.com")
    problem(await check_in(guard, early, "too_early"), 403, "forbidden")
    assert (await check_in(guard, on_time)).status_code == 200


async def test_an_override_is_decided_as_of_the_instant_observed(
    api: Api, desk: Client, database: Database, clock: SettableClock
):
    visitor = await desk.register(visit_date=TUESDAY, visit_time="15:00")
    clock.set(datetime.fromisoformat("2026-11-23T12:10:00Z"))
    desk = await api.sign_in("receptionist@example.com", desk.user_id)
    observed = {"observed_at": "2026-11-23T11:05:00Z"}
    answer = await check_in(desk, visitor, "wrong_day", **observed)
    assert answer.status_code == 200, answer.text
    assert answer.json()["visit_time"] == "11:05"
    assert await booked(database, MONDAY, 11) == 1


async def test_nobody_is_admitted_for_an_erased_visit(
    api: Api, desk: Client, database: Database, clock: SettableClock
):
    visitor = await desk.register(visit_time="15:00")
    desk = await next_day(api, clock, desk)
    await close_past_visits(database, DAY_AFTER)
    assert await anonymise_past(database, DAY_AFTER, 0) == 1
    problem(await check_in(desk, visitor, "expired"), 409, "invalid_transition")
    assert await booked(database, TUESDAY, 10) == 0


async def test_a_strangers_seat_stays_within_the_share(api: Api, desk: Client, database: Database):
    rules = {"self_registration": True, "self_registration_share": 50, "slot_capacity": 4}
    await change_default_site(database, **rules)
    visits = []
    for number, hour in enumerate((10, 10, 11, 11, 12), start=1):
        body = {"name": "Ada", "email": f"guest{number}@example.com", "visit_date": TUESDAY}
        answer = await api.http.post("/api/visitors/", json=body | {"visit_time": f"{hour}:00"})
        assert answer.status_code == 201, answer.text
        visits.append(answer.json())
    for visitor in visits[:2]:
        await came(desk, visitor, "wrong_day")
    for visitor in visits[2:]:
        refused = problem(await check_in(desk, visitor), 409, "wrong_day")
        assert refused["refusals"] == ["wrong_day", "slot_full"]
        await came(desk, visitor, "wrong_day", "slot_full")
    assert await booked(database, MONDAY, 10) == 5


async def test_of_two_desks_with_an_override_one_admits(desk: Client, database: Database):
    visitor = await desk.register(visit_date=TUESDAY)
    answers = await asyncio.gather(*(check_in(desk, visitor, "wrong_day") for _ in range(4)))
    codes = sorted(answer.json().get("code", "admitted") for answer in answers)
    assert codes == ["admitted"] + ["already_inside"] * 3
    assert await booked(database, MONDAY, 10) == 1
    await assert_seats_are_visitors(database)


async def test_overrides_into_one_full_hour_each_raise_it(desk: Client, database: Database):
    await change_default_site(database, slot_capacity=1)
    await admitted(desk)
    hours = ("10:00", "11:00", "12:00", "13:00")
    visits = [await desk.register(visit_date=TUESDAY, visit_time=hour) for hour in hours]
    calls = [check_in(desk, visitor, "wrong_day", "slot_full") for visitor in visits]
    answers = await asyncio.gather(*calls, *(check_in(desk, v) for v in visits))
    assert [answer.status_code for answer in answers[:4]] == [200] * 4
    assert await booked(database, MONDAY, 10) == 5
    await assert_seats_are_visitors(database)


async def test_an_override_and_a_cancellation_exclude_each_other(desk: Client, database: Database):
    for _ in range(5):
        visitor = await desk.register(visit_date=TUESDAY)
        cancelling = desk.post(f"visitors/{visitor['id']}/cancel/")
        answers = await asyncio.gather(check_in(desk, visitor, "wrong_day"), cancelling)
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        await assert_seats_are_visitors(database)
