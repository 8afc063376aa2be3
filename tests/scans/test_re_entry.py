"""Visitors who go out and come in again, where their site permits it."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.db.rollout import Rollout
from app.sites.models import ReEntry
from app.visitors.closing_jobs import Closed, close_past_visits
from tests.devices.devices import add_device
from tests.passes.helpers import Page
from tests.scans.offline import happened, report, words
from tests.scans.test_verify_qr import refused
from tests.support.api import Api, Client, app_of
from tests.support.database import (
    all_events,
    all_mails,
    assert_seats_are_visitors,
    booked,
    change_default_site,
)
from tests.support.problems import problem
from tests.support.stays import all_stays, assert_presence_follows_stays, ways

ALWAYS: dict[str, Any] = {
    "opens_at": time(0),
    "closes_at": time(0),
    "open_weekdays": [1, 2, 3, 4, 5, 6, 7],
    "re_entry": ReEntry.SAME_DAY,
}
MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


@pytest.fixture
async def gate(api: Api, database: Database) -> Client:
    await change_default_site(database, **ALWAYS)
    return await add_device(api, gate="North")


@pytest.fixture
async def desk(api: Api) -> Client:
    return await api.admin()


def instant(text: str) -> datetime:
    """Return a time of those days, such as `24 00:05`."""
    day, at = text.split()
    return datetime.fromisoformat(f"2026-11-{day}T{at}:00Z")


async def passes(gate: Client, clock: SettableClock, code: str, *times: str) -> None:
    """Let a visitor in and out, in turn, on that Monday."""
    for number, at in enumerate(times):
        clock.set(instant(f"23 {at}"))
        answer = await gate.scan(code, direction="out" if number % 2 else "in")
        assert answer.status_code == 200, answer.text


async def shown(api: Api, visitor: dict[str, Any], email: str = "later@example.com") -> Any:
    return (await (await api.admin(email)).get(f"visitors/{visitor['id']}/")).json()


async def test_a_visitor_who_goes_out_may_return(
    api: Api, desk: Client, gate: Client, clock: SettableClock, database: Database
):
    visitor = await desk.register(visit_time="10:00", host_email="charles@example.com")
    code = visitor["qr_code"]
    await passes(gate, clock, code, "09:00", "12:00")
    away = await shown(api, visitor)
    assert (away["status"], away["presence"]) == ("verified", "away")
    assert away["checked_out_at"] == "2026-11-23T12:00:00Z"
    assert await booked(database, "2026-11-23", 10) == 1
    later = await api.admin("figures@example.com")
    assert (await later.get("visitors/dashboard-stats/")).json()["on_site_now"] == 0
    found = (await later.get("visitors/", presence="away")).json()["items"]
    assert [each["id"] for each in found] == [visitor["id"]]
    assert (await later.get("visitors/", presence="inside")).json()["items"] == []
    page = Page(await api.http.get(f"/pass/{code}"))
    assert "Please show the code again to come back in." in page.words
    assert "I cannot come" not in page.words
    refused(await gate.scan(code, direction="out"), "not_inside")

    await passes(gate, clock, code, "13:00")
    inside = await shown(api, visitor, "again@example.com")
    assert (inside["presence"], inside["checked_out_at"]) == ("inside", None)
    assert inside["checked_in_at"] == "2026-11-23T09:00:00Z"
    page = Page(await api.http.get(f"/pass/{code}"))
    assert "You have been checked in since 13:00" in page.words
    again = refused(await gate.scan(code), "already_inside")
    assert again["since"] == "2026-11-23T13:00:00Z"
    arrivals = [mail for mail in await all_mails(database) if mail.kind == "host_arrival"]
    assert len(arrivals) == 1
    assert await ways(database) == [("gate", "gate"), ("gate", None)]
    await assert_presence_follows_stays(database)
    await assert_seats_are_visitors(database)


@pytest.mark.parametrize(
    ("visit_time", "ends"),
    [("10:00", "24 00:00"), ("23:30", "24 02:30"), ("22:00", "24 01:00")],
)
async def test_a_code_admits_until_the_window_ends_then_cron_completes(
    desk: Client,
    gate: Client,
    clock: SettableClock,
    database: Database,
    visit_time: str,
    ends: str,
):
    visitor = await desk.register(visit_time=visit_time)
    code, over = visitor["qr_code"], instant(ends)
    clock.set(instant(f"23 {visit_time}"))
    for direction in ("in", "out"):
        assert (await gate.scan(code, direction=direction)).status_code == 200
    assert await close_past_visits(database, over - MOMENT) == Closed(0, 0)
    clock.set(over - timedelta(minutes=2))
    for direction in ("in", "out"):
        assert (await gate.scan(code, direction=direction)).status_code == 200
    clock.set(over)
    refused(await gate.scan(code), "already_completed")
    assert await close_past_visits(database, over) == Closed(0, 1)
    refused(await gate.scan(code), "already_completed")
    assert await booked(database, "2026-11-23", int(visit_time[:2])) == 0
    event = (await all_events(database))[-1]
    assert (event.action, event.details) == ("completed", {"automatic": True})
    assert await ways(database) == [("gate", "gate"), ("gate", "gate")]
    await assert_presence_follows_stays(database)


async def test_an_exit_after_that_completes_at_once(
    desk: Client, gate: Client, clock: SettableClock, database: Database
):
    visitor = await desk.register(visit_time="16:00")
    await passes(gate, clock, visitor["qr_code"], "16:00")
    clock.set(MIDNIGHT)
    assert (await gate.scan(visitor["qr_code"], direction="out")).status_code == 200
    refused(await gate.scan(visitor["qr_code"]), "already_completed")
    assert await booked(database, "2026-11-23", 16) == 0
    await assert_presence_follows_stays(database)


async def test_from_away_complete_ends_and_check_out_is_refused(
    api: Api, desk: Client, gate: Client, database: Database
):
    visitor = await desk.register()
    path = f"visitors/{visitor['id']}"
    assert (await desk.post(f"{path}/check-in/")).status_code == 200
    assert (await desk.post(f"{path}/check-out/")).json()["presence"] == "away"
    refused(await desk.post(f"{path}/check-out/"), "not_inside")
    assert (await desk.post(f"{path}/check-in/")).json()["presence"] == "inside"
    assert (await desk.post(f"{path}/check-out/")).json()["presence"] == "away"
    ended = (await desk.post(f"{path}/complete/")).json()
    assert (ended["status"], ended["presence"]) == ("completed", "left")
    assert await ways(database) == [("desk", "desk"), ("desk", "desk")]
    refused(await desk.post(f"{path}/check-in/"), "already_completed")
    assert await booked(database, "2026-11-23", 10) == 0
    await assert_presence_follows_stays(database)


async def test_each_stay_is_closed_by_its_own_hours_and_corrected(
    api: Api, desk: Client, gate: Client, clock: SettableClock, database: Database
):
    await change_default_site(database, auto_check_out_hours=3)
    visitor = await desk.register(visit_time="10:00")
    code = visitor["qr_code"]
    await passes(gate, clock, code, "08:30", "12:00", "13:00")
    assert await close_past_visits(database, instant("23 16:00") - MOMENT) == Closed(0, 0)
    await close_past_visits(database, instant("23 16:00"))
    # The exit was assumed before the end of the window: the visitor may still return.
    assert await ways(database) == [("gate", "gate"), ("gate", "automatic")]
    assert await booked(database, "2026-11-23", 10) == 1
    clock.set(instant("23 17:00"))
    later = await api.admin("later@example.com")
    refused(await later.post(f"visitors/{visitor['id']}/check-out/"), "not_inside")
    assert (await gate.scan(code, direction="out")).status_code == 200
    last = (await all_stays(database))[-1]
    assert (last.out_at, last.out_method) == (instant("23 17:00"), "gate")
    refused(await gate.scan(code, direction="out"), "not_inside")
    await assert_presence_follows_stays(database)


async def test_an_exit_corrects_nothing_once_a_newer_stay_has_begun(
    desk: Client, gate: Client, clock: SettableClock, database: Database
):
    await change_default_site(database, auto_check_out_hours=1)
    visitor = await desk.register(visit_time="10:00")
    code = visitor["qr_code"]
    await passes(gate, clock, code, "09:00")
    await close_past_visits(database, instant("23 11:00"))
    await passes(gate, clock, code, "12:00")
    clock.set(instant("23 12:30"))
    late = happened(code, "11:30", direction="out")
    assert words(await report(gate, late)) == ["conflict not_inside"]
    first, second = await all_stays(database)
    assert (first.out_at, first.out_method) == (instant("23 11:00"), "automatic")
    assert second.out_at is None
    await assert_presence_follows_stays(database)


async def test_an_offline_gate_reports_several_stays_at_once(
    desk: Client, gate: Client, clock: SettableClock, database: Database
):
    code = (await desk.register(visit_time="10:00", host_email="charles@example.com"))["qr_code"]
    clock.set(instant("23 16:00"))
    scans = [
        happened(code, at, direction=direction)
        for at, direction in (("15:50", "out"), ("13:00", "in"), ("12:00", "out"), ("09:00", "in"))
    ]
    assert words(await report(gate, *scans)) == ["accepted"] * 4
    assert await ways(database) == [("gate", "gate"), ("gate", "gate")]
    earlier = happened(code, "12:30"), happened(code, "14:00", direction="out")
    assert words(await report(gate, *earlier)) == [
        "conflict already_inside",
        "conflict not_inside",
    ]
    assert await booked(database, "2026-11-23", 10) == 1
    await assert_presence_follows_stays(database)
    await assert_seats_are_visitors(database)


async def test_a_visitor_who_is_away_may_return_to_a_changed_site(
    desk: Client, gate: Client, database: Database
):
    visitor = await desk.register()
    for direction in ("in", "out"):
        await gate.scan(visitor["qr_code"], direction=direction)
    await change_default_site(database, re_entry=ReEntry.NONE)
    for direction in ("in", "out"):
        assert (await gate.scan(visitor["qr_code"], direction=direction)).status_code == 200
    refused(await gate.scan(visitor["qr_code"]), "already_completed")
    await assert_presence_follows_stays(database)


# -- the setting -------------------------------------------------------------------------------


async def test_a_site_permits_re_entry_and_forbids_it(api: Api):
    root = await api.superadmin()
    site = (await root.post("sites/", {"name": "Annex"})).json()
    assert site["re_entry"] == "none"
    path = f"sites/{site['id']}/"
    assert (await root.patch(path, {"re_entry": "same_day"})).json()["re_entry"] == "same_day"
    assert (await root.put(path, {"name": "Annex"})).json()["re_entry"] == "same_day"
    problem(await root.patch(path, {"re_entry": "always"}), 422, "invalid")
    assert (await root.patch(path, {"re_entry": "none"})).json()["re_entry"] == "none"


async def test_re_entry_waits_for_the_end_of_an_update(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(app_of(api).state.database, "rollout_is_finished", False)
    root = await api.superadmin()
    site = (await root.post("sites/", {"name": "Annex"})).json()
    async with database.write() as unit:
        unit.add(Rollout(revision="9999", finished_at=None))
    path = f"sites/{site['id']}/"
    problem(await root.patch(path, {"re_entry": "same_day"}), 503, "update_under_way")
    body = {"name": "Other", "re_entry": "same_day"}
    problem(await root.post("sites/", body), 503, "update_under_way")
    assert (await root.patch(path, {"re_entry": "none"})).status_code == 200
