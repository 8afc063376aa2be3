"""The slots offered for a day."""

from datetime import UTC, datetime, time

import pytest

from app.core.clock import SettableClock
from app.core.db.database import Database
from tests.support.api import Api
from tests.support.database import add_site, change_default_site, close_default_site
from tests.support.problems import faulty_fields, problem

DAY = "2026-11-23"


async def test_a_whole_day(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    answer = await admin.get("visitors/available-slots/", visit_date=DAY)
    assert answer.status_code == 200
    body = answer.json()
    assert body.keys() == {"visit_date", "site", "timezone", "slots"}
    assert (body["visit_date"], body["site"], body["timezone"]) == (DAY, visitor["site"], "UTC")
    assert [slot["time"] for slot in body["slots"]] == [f"{hour:02}:00" for hour in range(9, 17)]
    assert body["slots"][1] == {
        "time": "10:00",
        "end_time": "11:00",
        "starts_at": "2026-11-23T10:00:00Z",
        "capacity": 20,
        "booked": 1,
        "available": 19,
        "bookable": True,
        "reason": None,
    }


async def test_a_full_hour_says_so(api: Api, database: Database):
    await change_default_site(database, slot_capacity=1)
    admin = await api.admin()
    await admin.register()
    slots = (await admin.get("visitors/available-slots/", visit_date=DAY)).json()["slots"]
    reasons = {slot["time"]: (slot["reason"], slot["available"]) for slot in slots}
    assert reasons["10:00"] == ("full", 0)
    assert reasons["11:00"] == (None, 1)


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        ("2026-11-22", "past"),
        ("2026-11-28", "closed"),
        ("2027-02-22", "too_far"),
        ("9999-12-31", "too_far"),
        ("0001-01-01", "past"),
    ],
)
async def test_a_day_that_is_never_bookable_says_why(api: Api, day: str, reason: str):
    answer = await (await api.admin()).get("visitors/available-slots/", visit_date=day)
    assert {slot["reason"] for slot in answer.json()["slots"]} == {reason}
    assert not any(slot["bookable"] for slot in answer.json()["slots"])


async def test_a_closure_closes_every_hour(api: Api, database: Database):
    await close_default_site(database, DAY)
    answer = await (await api.admin()).get("visitors/available-slots/", visit_date=DAY)
    assert {slot["reason"] for slot in answer.json()["slots"]} == {"closed"}


async def test_the_hours_of_today_pass(api: Api, clock: SettableClock):
    clock.set(datetime(2026, 11, 23, 10, 45, tzinfo=UTC))
    admin = await api.admin()
    slots = (await admin.get("visitors/available-slots/", visit_date=DAY)).json()["slots"]
    assert [slot["reason"] for slot in slots[:4]] == ["past", "past", "too_soon", None]


async def test_another_site_in_another_zone(api: Api, database: Database):
    site = await add_site(database, timezone="Europe/Berlin", opens_at=time(8, 30))
    answer = await (await api.admin()).get(
        "visitors/available-slots/", visit_date="2026-11-24", site=site
    )
    first = answer.json()["slots"][0]
    assert answer.json()["timezone"] == "Europe/Berlin"
    assert (first["time"], first["end_time"]) == ("08:30", "09:00")
    assert first["starts_at"] == "2026-11-24T07:30:00Z"


async def test_an_hour_that_the_clocks_skip_has_no_instant(api: Api, database: Database):
    site = await add_site(
        database, timezone="Europe/Berlin", opens_at=time(0), open_weekdays=[7],
        booking_horizon_days=365,
    )  # fmt: skip
    answer = await (await api.admin()).get(
        "visitors/available-slots/", visit_date="2027-03-28", site=site
    )
    slot = answer.json()["slots"][2]
    assert (slot["time"], slot["starts_at"], slot["reason"]) == ("02:00", None, "closed")


@pytest.mark.parametrize(
    "day", ["", "today", "2026-02-30", "1795392000", "2026-11-23T00:00:00", "23.11.2026"]
)
async def test_what_is_no_day_is_422(api: Api, day: str):
    answer = await (await api.admin()).get("visitors/available-slots/", visit_date=day)
    assert faulty_fields(answer) == {"visit_date"}


async def test_a_missing_day_and_an_unknown_site_are_422(api: Api):
    admin = await api.admin()
    assert faulty_fields(await admin.get("visitors/available-slots/")) == {"visit_date"}
    answer = await admin.get("visitors/available-slots/", visit_date=DAY, site=admin.user_id)
    assert faulty_fields(answer) == {"site"}


async def test_hosts_see_it_and_strangers_do_not(api: Api):
    path = "visitors/available-slots/"
    assert (await (await api.host()).get(path, visit_date=DAY)).status_code == 200
    answer = await api.http.get(f"/api/{path}", params={"visit_date": DAY})
    problem(answer, 401, "not_authenticated")


async def test_what_is_offered_can_be_booked_and_nothing_else(api: Api, database: Database):
    await change_default_site(database, opens_at=time(8, 30), closes_at=time(10, 15))
    admin = await api.admin()
    slots = (await admin.get("visitors/available-slots/", visit_date=DAY)).json()["slots"]
    offered = {slot["time"] for slot in slots if slot["bookable"]}
    assert offered == {"08:30", "09:00", "10:00"}
    for begin in offered:
        await admin.register(visit_time=begin)
    for at in ("08:29", "10:15", "11:00"):
        answer = await admin.get("visitors/check-slot/", visit_date=DAY, visit_time=at)
        assert answer.json()["reason"] == "closed"
