"""Whether one time can be booked."""

from typing import Any

import pytest

from app.core.db.database import Database
from tests.support.api import VISITOR, Api
from tests.support.database import add_site, change_default_site
from tests.support.problems import faulty_fields, problem

DAY = "2026-11-23"


async def test_a_free_time(api: Api):
    admin = await api.admin()
    await admin.register(visit_time="10:15")
    answer = await admin.get("visitors/check-slot/", visit_date=DAY, visit_time="10:45")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    assert isinstance(body.pop("message"), str)
    assert body == {
        "visit_date": DAY,
        "visit_time": "10:45",
        "available": True,
        "remaining": 19,
        "reason": None,
    }


async def test_a_full_time(api: Api, database: Database):
    await change_default_site(database, slot_capacity=1)
    admin = await api.admin()
    await admin.register()
    body = (await admin.get("visitors/check-slot/", visit_date=DAY, visit_time="10:59")).json()
    assert (body["available"], body["remaining"], body["reason"]) == (False, 0, "full")


@pytest.mark.parametrize(
    ("day", "at", "reason"),
    [
        ("2026-11-22", "10:00", "past"),
        (DAY, "07:00", "past"),
        (DAY, "17:00", "closed"),
        ("2026-11-28", "10:00", "closed"),
        ("2027-02-22", "10:00", "too_far"),
    ],
)
async def test_a_time_that_is_never_bookable(api: Api, day: str, at: str, reason: str):
    answer = await (await api.admin()).get("visitors/check-slot/", visit_date=day, visit_time=at)
    body = answer.json()
    assert (body["available"], body["remaining"], body["reason"]) == (False, 0, reason)


@pytest.mark.parametrize(
    ("day", "at"),
    [(DAY, "08:00"), (DAY, "09:00"), (DAY, "16:59"), (DAY, "17:00"), ("2026-11-28", "10:00"),
     ("2026-11-20", "10:00"), ("2027-02-19", "10:00"), ("2027-02-22", "10:00")],
)  # fmt: skip
async def test_the_answer_is_what_a_registration_meets(api: Api, day: str, at: str):
    admin = await api.admin()
    checked = (await admin.get("visitors/check-slot/", visit_date=day, visit_time=at)).json()
    answer = await admin.post("visitors/", VISITOR | {"visit_date": day, "visit_time": at})
    assert checked["available"] == (answer.status_code == 201)
    if not checked["available"]:
        assert answer.json()["code"].endswith(checked["reason"])


async def test_each_site_has_its_own_seats(api: Api, database: Database):
    admin, site = await api.admin(), await add_site(database, slot_capacity=3)
    await admin.register(site=site)
    answer = await admin.get("visitors/check-slot/", visit_date=DAY, visit_time="10:00", site=site)
    assert answer.json()["remaining"] == 2


@pytest.mark.parametrize("at", ["", "10", "10:0", "24:00", "10:00:00", "noon", "36000"])
async def test_what_is_no_time_is_422(api: Api, at: str):
    answer = await (await api.admin()).get("visitors/check-slot/", visit_date=DAY, visit_time=at)
    assert faulty_fields(answer) == {"visit_time"}


async def test_strangers_are_sent_away(api: Api):
    params = {"visit_date": DAY, "visit_time": "10:00"}
    answer = await api.http.get("/api/visitors/check-slot/", params=params)
    problem(answer, 401, "not_authenticated")
