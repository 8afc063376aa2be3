"""The dashboard: exact, by each site's calendar, in few statements."""

import random
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.reports.schemas import PurposeCounts, StatusCounts
from app.visitors.models import Purpose, VisitorStatus
from tests.reports.data import Visitors, fold
from tests.support.api import Api, Client
from tests.support.counting import statements
from tests.support.database import add_department, add_site
from tests.support.problems import faulty_fields

# Mostly around today, but also in ten years: far enough for whole months.
DAYS = (*range(60), *range(0, 60, 2), *range(-2_000, 1_600, 101), -30, -1, 61)
TODAY = date(2026, 11, 23)
# Whole months alone, days on either side, on one, and a day too few for months.
LONG = (
    (date(2021, 1, 1), date(2030, 12, 31)),
    (date(2021, 1, 2), date(2030, 12, 30)),
    (date(2025, 12, 31), date(2027, 1, 1)),
    (date(2025, 12, 1), date(2026, 12, 1)),
)
STATUSES = list(VisitorStatus)
COUNTERS = (
    "total_visitors_today",
    "verified_visitors",
    "pending_verification",
    "on_site_now",
    "total_this_month",
)


async def stats(client: Client, **params: Any) -> dict[str, Any]:
    answer = await client.get("visitors/dashboard-stats/", **params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def counters(found: dict[str, Any]) -> tuple[int, ...]:
    return tuple(found[name] for name in COUNTERS)


def counted(pairs: list[dict[str, Any]], key: str) -> dict[Any, int]:
    """Return a list of counts as a mapping without its zeros."""
    return {pair[key]: pair["count"] for pair in pairs if pair["count"]}


def nonzero(counts: dict[str, int]) -> dict[str, int]:
    return {word: count for word, count in counts.items() if count}


async def test_every_figure_of_a_small_day(
    api: Api, visitors: Visitors, database: Database
) -> None:
    research = UUID(await add_department(database))
    await visitors.add(
        *({"status": status} for status in STATUSES),
        {"status": "verified", "visit_date": date(2026, 10, 30), "visit_time": time(16, 45)},
        {"visit_date": date(2026, 11, 30), "department_id": research, "purpose": "interview"},
        {"visit_date": date(2026, 12, 1)},
    )
    found = await stats(await api.admin())
    assert counters(found) == (4, 2, 1, 2, 5)
    assert (found["date_from"], found["date_to"]) == ("2026-11-01", "2026-11-30")
    assert found["by_status"] == {
        "pending": 2,
        "verified": 1,
        "completed": 1,
        "cancelled": 1,
        "expired": 1,
    }
    assert nonzero(found["by_purpose"]) == {"other": 5, "interview": 1}
    assert found["department_stats"] == [
        {"department": None, "department_name": None, "count": 5},
        {"department": str(research), "department_name": "Research", "count": 1},
    ]
    assert counted(found["by_hour"], "hour") == {10: 6}
    assert counted(found["by_day"], "date") == {"2026-11-23": 5, "2026-11-30": 1}
    assert len(found["by_hour"]) == 24
    assert len(found["by_day"]) == 30


async def test_an_empty_installation_has_all_its_zeros(api: Api) -> None:
    found = await stats(await api.admin())
    assert counters(found) == (0, 0, 0, 0, 0)
    assert found["department_stats"] == found["recent_visitors"] == []
    assert set(found["by_status"].values()) == set(found["by_purpose"].values()) == {0}


def test_the_answer_names_every_status_and_purpose() -> None:
    assert list(StatusCounts.model_fields) == [status.value for status in VisitorStatus]
    assert list(PurposeCounts.model_fields) == [purpose.value for purpose in Purpose]


async def test_the_five_registered_last_come_as_full_records(api: Api) -> None:
    admin = await api.admin()
    made = [await admin.register(name=f"Visitor {n}") for n in range(6)]
    assert (await stats(admin))["recent_visitors"] == made[:0:-1]
    past = await stats(admin, date_from="2026-01-01", date_to="2026-01-02")
    assert past["recent_visitors"] == made[:0:-1]


@pytest.mark.parametrize("seed", range(3))
async def test_the_figures_are_those_of_a_recount(
    api: Api, visitors: Visitors, database: Database, clock: SettableClock, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - test data
    now = datetime(2026, 11, 30, chance.randrange(24), 30, tzinfo=UTC)
    zones = {await visitors.default_site(): 0}
    for name, offset in (("Pacific/Kiritimati", 14), ("Pacific/Pago_Pago", -11)):
        zones[UUID(await add_site(database, name, timezone=name))] = offset
    today = {site: (now + timedelta(hours=hours)).date() for site, hours in zones.items()}
    departments = [None, UUID(await add_department(database))]
    host = await api.host()
    for part in (350, 250):  # the first ones are counted already, the others not yet
        await fold(database)
        await visitors.add(
            *(
                {
                    "site_id": chance.choice(list(zones)),
                    "status": chance.choice(STATUSES),
                    "purpose": chance.choice(list(Purpose)),
                    "department_id": chance.choice(departments),
                    "visit_date": date(2026, 11, 1) + timedelta(days=chance.choice(DAYS)),
                    "visit_time": time(chance.randrange(24), chance.randrange(60)),
                    "host_id": chance.choice([None, UUID(host.user_id)]),
                }
                for _ in range(part)
            )
        )
    admin = await api.admin()
    clock.set(now)
    admin, host = (
        await api.sign_in("desk@example.com", admin.user_id),
        await api.sign_in("charles@example.com", host.user_id),
    )
    mine = [row for row in visitors.added if row["host_id"] == UUID(host.user_id)]
    for client, rows in ((admin, visitors.added), (host, mine)):
        for site in (None, *zones):
            seen = [row for row in rows if site in (None, row["site_id"])]
            params = {} if site is None else {"site": str(site)}
            assert_recounted(await stats(client, **params), seen, today, None)
            for span in (*LONG, (date(2026, 11, 20), date(2026, 12, 10))):
                ranged = await stats(client, date_from=span[0], date_to=span[1], **params)
                assert_recounted(ranged, seen, today, span)


def assert_recounted(
    found: dict[str, Any],
    rows: list[dict[str, Any]],
    today: dict[UUID, date],
    span: tuple[date, date] | None,
) -> None:
    """Hold an answer against a count in plain Python."""

    def in_month(row: dict[str, Any]) -> bool:
        day: date = today[row["site_id"]]
        return (row["visit_date"].year, row["visit_date"].month) == (day.year, day.month)

    todays = Counter(r["status"] for r in rows if r["visit_date"] == today[r["site_id"]])
    month = [row for row in rows if in_month(row)]
    assert counters(found) == (
        todays.total() - todays[VisitorStatus.CANCELLED],
        todays[VisitorStatus.VERIFIED] + todays[VisitorStatus.COMPLETED],
        todays[VisitorStatus.PENDING],
        sum(row["status"] is VisitorStatus.VERIFIED for row in rows),
        sum(row["status"] is not VisitorStatus.CANCELLED for row in month),
    )
    chosen = [r for r in rows if span[0] <= r["visit_date"] <= span[1]] if span else month
    assert nonzero(found["by_status"]) == Counter(row["status"] for row in chosen)
    assert nonzero(found["by_purpose"]) == Counter(row["purpose"] for row in chosen)
    departments = {pair["department"]: pair["count"] for pair in found["department_stats"]}
    wanted = Counter(row["department_id"] and str(row["department_id"]) for row in chosen)
    assert departments == wanted
    assert counted(found["by_hour"], "hour") == Counter(r["visit_time"].hour for r in chosen)
    if span and (span[1] - span[0]).days > 365:
        assert counted(found["by_month"], "month") == Counter(
            str(row["visit_date"])[:7] for row in chosen
        )
        assert found["by_day"] is None
    else:
        assert counted(found["by_day"], "date") == Counter(str(r["visit_date"]) for r in chosen)
        assert found["by_month"] is None


async def test_today_is_tomorrow_already_in_auckland(
    api: Api, visitors: Visitors, database: Database, clock: SettableClock
) -> None:
    auckland = await add_site(database, timezone="Pacific/Auckland")
    await visitors.add(
        {"visit_date": date(2026, 11, 30)},
        {"visit_date": date(2026, 11, 30), "site_id": UUID(auckland)},
        {"visit_date": date(2026, 12, 1), "site_id": UUID(auckland), "status": "verified"},
        {"visit_date": date(2026, 12, 1), "site_id": UUID(auckland), "status": "pending"},
    )
    clock.set(datetime(2026, 11, 30, 12, 0, tzinfo=UTC))  # 01:00 on the 1st in Auckland
    admin = await api.admin()
    there, everywhere = await stats(admin, site=auckland), await stats(admin)
    assert counters(there) == (2, 1, 1, 1, 2)
    assert (there["date_from"], there["date_to"]) == ("2026-12-01", "2026-12-31")
    assert counters(everywhere) == (3, 1, 2, 1, 3)
    assert (everywhere["date_from"], everywhere["date_to"]) == ("2026-11-01", "2026-12-31")
    assert sum(everywhere["by_status"].values()) == 3


async def test_hosts_see_their_own_visitors_alone(api: Api) -> None:
    admin, host = await api.admin(), await api.host()
    mine = await host.register()
    await admin.register(host_email="somebody@example.com")
    found = await stats(host)
    assert counters(found) == (1, 0, 1, 0, 1)
    assert [visitor["id"] for visitor in found["recent_visitors"]] == [mine["id"]]
    assert counters(await stats(admin)) == (2, 0, 2, 0, 2)


@pytest.mark.parametrize("span", [{}, {"date_from": "2021-01-02", "date_to": "2030-12-30"}])
async def test_it_takes_four_statements_the_callers_included(
    api: Api, app: FastAPI, span: dict[str, str]
) -> None:
    admin = await api.admin()
    await admin.register()
    with statements(app) as sent:
        found = await stats(admin, **span)
    assert len(sent) == 4
    assert sum(each["count"] for each in found["by_month"] or found["by_day"]) == 1
    assert span == {} or [each["month"] for each in found["by_month"]] == [
        f"{year}-{month:02}" for year in range(2021, 2031) for month in range(1, 13)
    ]


@pytest.mark.parametrize(
    ("params", "first", "last"),
    [
        ({"date_from": "2024-02-28"}, "2024-02-28", "2024-02-29"),
        ({"date_to": "2026-12-05"}, "2026-12-01", "2026-12-05"),
        ({"date_from": "2024-01-01", "date_to": "2024-12-31"}, "2024-01-01", "2024-12-31"),
        ({"date_from": "9999-12-31"}, "9999-12-31", "9999-12-31"),
        ({"date_to": "0001-01-01"}, "0001-01-01", "0001-01-01"),
    ],
)
async def test_ranges(api: Api, params: dict[str, str], first: str, last: str) -> None:
    found = await stats(await api.admin(), **params)
    days = [pair["date"] for pair in found["by_day"]]
    assert (found["date_from"], found["date_to"]) == (days[0], days[-1]) == (first, last)


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"date_from": "2026-11-02", "date_to": "2026-11-01"}, "date_to"),
        ({"date_from": "2016-11-23", "date_to": "2026-11-26"}, "date_to"),
        ({"date_from": "0001-01-01", "date_to": "9999-12-31"}, "date_to"),
        ({"date_from": "yesterday"}, "date_from"),
        ({"site": "01234567-89ab-7def-8123-456789abcdef"}, "site"),
        ({"until": "2026-11-01"}, "until"),
    ],
)
async def test_an_impossible_range_or_site_is_refused(
    api: Api, params: dict[str, str], field: str
) -> None:
    answer = await (await api.admin()).get("visitors/dashboard-stats/", **params)
    assert faulty_fields(answer) == {field}
