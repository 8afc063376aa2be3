"""The outcome of visits over time."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI

from app.core.db.database import Database
from tests.reports.data import Visitors
from tests.support.api import Api, Client
from tests.support.counting import statements
from tests.support.database import add_department, add_site
from tests.support.problems import faulty_fields

IN = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
NOTHING = {
    "total": 0,
    "arrived": 0,
    "cancelled": 0,
    "expired": 0,
    "no_show_rate": None,
    "average_stay_minutes": None,
}


async def trends(client: Client, **params: Any) -> dict[str, Any]:
    answer = await client.get("analytics/trends/", **params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def stayed(minutes: float, **fields: Any) -> dict[str, Any]:
    """Return a completed visit."""
    out = IN + timedelta(minutes=minutes)
    return {"status": "completed", "checked_in_at": IN, "checked_out_at": out, **fields}


async def test_every_figure_of_two_weeks(api: Api, visitors: Visitors, database: Database) -> None:
    annex, research = UUID(await add_site(database)), UUID(await add_department(database))
    first, second = date(2026, 11, 4), date(2026, 11, 11)
    await visitors.add(
        stayed(30, visit_date=first, visit_time=time(9, 15), department_id=research),
        stayed(61, visit_date=first, visit_time=time(9, 45)),
        stayed(600, visit_date=first, checked_out_automatically=True),
        {"status": "expired", "visit_date": first, "site_id": annex},
        {"status": "verified", "visit_date": second, "checked_in_at": IN},
        {"status": "cancelled", "visit_date": second, "visit_time": time(15)},
        {"status": "pending", "visit_date": second, "department_id": research},
        {"status": "expired", "visit_date": date(2026, 11, 19)},
    )
    found = await trends(
        await api.admin(), date_from=first, date_to=date(2026, 11, 18), granularity="week"
    )
    early = {
        "total": 4,
        "arrived": 3,
        "cancelled": 0,
        "expired": 1,
        "no_show_rate": 0.25,
        "average_stay_minutes": 45.5,
    }
    late = NOTHING | {"total": 3, "arrived": 1, "cancelled": 1, "no_show_rate": 0.0}
    assert found["buckets"] == [
        {"start": "2026-11-02", **early},
        {"start": "2026-11-09", **late},
        {"start": "2026-11-16", **NOTHING},
    ]
    overall = early | {"total": 7, "arrived": 4, "cancelled": 1, "no_show_rate": 0.2}
    assert found["overall"] == overall
    assert found["busiest_hours"] == [{"hour": 10, "count": 4}, {"hour": 9, "count": 2}]
    assert [(each["site_name"], each["total"]) for each in found["by_site"]] == [
        ("Main site", 6),
        ("Annex", 1),
    ]
    assert found["by_site"][1]["no_show_rate"] == 1.0
    by_department = {each["department_name"]: each for each in found["by_department"]}
    assert by_department["Research"]["average_stay_minutes"] == 30.0
    assert by_department[None]["total"] == 5


@pytest.mark.parametrize(
    ("granularity", "starts"),
    [
        ("day", ["2026-12-30", "2026-12-31", "2027-01-01", "2027-01-02"]),
        ("week", ["2026-12-28"]),
        ("month", ["2026-12-01", "2027-01-01"]),
    ],
)
async def test_buckets_over_the_turn_of_the_year(
    api: Api, visitors: Visitors, granularity: str, starts: list[str]
) -> None:
    await visitors.add(*({"visit_date": date(2026, 12, day)} for day in (29, 30, 31)))
    found = await trends(
        await api.admin(), date_from="2026-12-30", date_to="2027-01-02", granularity=granularity
    )
    assert [bucket["start"] for bucket in found["buckets"]] == starts
    assert sum(bucket["total"] for bucket in found["buckets"]) == 2


async def test_narrowed_to_a_site_and_a_department(
    api: Api, visitors: Visitors, database: Database
) -> None:
    annex, research = await add_site(database), await add_department(database)
    there = {"site_id": UUID(annex), "department_id": UUID(research)}
    await visitors.add({}, there, {"site_id": UUID(annex)}, {"department_id": UUID(research)})
    admin = await api.admin()
    assert (await trends(admin, site=annex))["overall"]["total"] == 2
    assert (await trends(admin, department=research))["overall"]["total"] == 2
    assert (await trends(admin, site=annex, department=research))["overall"]["total"] == 1


async def test_the_last_thirty_days_by_default_up_to_the_sites_today(
    api: Api, database: Database
) -> None:
    kiritimati = await add_site(database, timezone="Pacific/Kiritimati")
    admin = await api.admin()
    here = await trends(admin, site=str(await Visitors(database).default_site()))
    assert (here["date_from"], here["date_to"]) == ("2026-10-25", "2026-11-23")
    assert (await trends(admin, site=kiritimati))["date_to"] == "2026-11-23"
    assert len(here["buckets"]) == 30


async def test_hosts_see_their_own_alone(api: Api, visitors: Visitors) -> None:
    host = await api.host()
    await visitors.add({}, {"host_id": UUID(host.user_id)})
    assert (await trends(host))["overall"]["total"] == 1


async def test_it_takes_three_statements_the_callers_included(api: Api, app: FastAPI) -> None:
    admin = await api.admin()
    with statements(app) as sent:
        await trends(admin)
    assert len(sent) == 3


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"date_from": "2026-11-02", "date_to": "2026-11-01"}, "date_to"),
        ({"date_from": "2016-11-23", "date_to": "2026-11-26"}, "date_to"),
        ({"granularity": "hour"}, "granularity"),
        ({"site": "01234567-89ab-7def-8123-456789abcdef"}, "site"),
    ],
)
async def test_an_impossible_question_is_refused(
    api: Api, params: dict[str, str], field: str
) -> None:
    answer = await (await api.admin()).get("analytics/trends/", **params)
    assert faulty_fields(answer) == {field}


async def test_ten_years_are_exact_from_their_first_to_their_last_day(
    api: Api, visitors: Visitors
) -> None:
    first, last = date(2016, 2, 28), date(2026, 2, 28)
    days = [first - timedelta(days=1), first, date(2020, 2, 29), last, last + timedelta(days=1)]
    await visitors.add(*({"visit_date": day} for day in days))
    admin = await api.admin()
    for granularity, buckets in [("day", 3_654), ("week", 523), ("month", 121)]:
        found = await trends(admin, date_from=first, date_to=last, granularity=granularity)
        assert len(found["buckets"]) == buckets
        assert sum(bucket["total"] for bucket in found["buckets"]) == 3
        assert found["overall"]["total"] == 3
