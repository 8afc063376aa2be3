"""The counts behind the dashboard always equal a new count of all visitors."""

import asyncio
from datetime import date

from sqlalchemy import text, update

from app.core.db.database import Database
from app.visitors.models import Visitor
from tests.reports.data import Visitors, fold
from tests.support.api import Api
from tests.support.database import add_department, add_site

KEPT = """
SELECT site_id, dimension, visit_date, value, sum(visits) AS visits FROM (
    SELECT site_id, dimension, visit_date, value, visits FROM visit_counts
    UNION ALL
    SELECT site_id, dimension, visit_date, value, visits FROM visit_changes, LATERAL (VALUES
        ('status', status), ('purpose', purpose), ('hour', hour::text),
        ('department', coalesce(department_id::text, ''))) AS told (dimension, value)
) AS kept GROUP BY 1, 2, 3, 4 HAVING sum(visits) <> 0 ORDER BY 1, 2, 3, 4
"""


FOLD_OF_0003 = """
WITH taken AS (DELETE FROM visit_changes RETURNING *)
INSERT INTO visit_counts (site_id, dimension, visit_date, value, visits)
SELECT site_id, dimension, visit_date, value, sum(visits) FROM taken, LATERAL (VALUES
    ('status', status), ('purpose', purpose), ('hour', hour::text),
    ('department', coalesce(department_id::text, ''))) AS told (dimension, value)
GROUP BY 1, 2, 3, 4
ON CONFLICT (site_id, dimension, visit_date, value)
DO UPDATE SET visits = visit_counts.visits + excluded.visits
"""
OF_MONTHS = """
SELECT site_id, dimension, month, value, visits FROM visit_month_counts
WHERE visits <> 0 ORDER BY 1, 2, 3, 4
"""
OF_DAYS = """
SELECT site_id, dimension, date_trunc('month', visit_date)::date, value, sum(visits)
FROM visit_counts GROUP BY 1, 2, 3, 4 HAVING sum(visits) <> 0 ORDER BY 1, 2, 3, 4
"""


async def kept(database: Database) -> list[tuple[object, ...]]:
    async with database.engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(text(KEPT))]


async def changes(database: Database) -> int:
    async with database.engine.connect() as connection:
        return int(await connection.scalar(text("SELECT count(*) FROM visit_changes")) or 0)


async def recount(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text("SELECT recount_visits()"))


async def assert_exact(database: Database) -> None:
    """Assert that the stored counts equal a new count of all visitors."""
    await assert_months_are_sums(database)
    before = await kept(database)
    await recount(database)
    assert await kept(database) == before
    assert await changes(database) == 0
    await assert_months_are_sums(database)


async def assert_months_are_sums(database: Database) -> None:
    async with database.engine.connect() as connection:
        months, days = [(await connection.execute(text(sql))).all() for sql in (OF_MONTHS, OF_DAYS)]
    assert months == days


async def test_the_life_of_a_visit_is_counted(api: Api, database: Database) -> None:
    admin, annex = await api.admin(), await add_site(database)
    staying, going, cancelled = [await admin.register(email=f"{n}@example.com") for n in range(3)]
    await admin.patch(
        f"visitors/{staying['id']}/",
        {"purpose": "interview", "department": await add_department(database)},
    )
    await fold(database)
    await admin.post(
        f"visitors/{staying['id']}/reschedule/",
        {"visit_date": "2026-11-24", "visit_time": "14:00"},
    )
    await admin.scan(going["qr_code"])
    await admin.scan(going["qr_code"], direction="out")
    await admin.patch(f"visitors/{staying['id']}/", {"site": annex})
    await admin.post(f"visitors/{cancelled['id']}/cancel/")
    await assert_exact(database)
    await admin.request("DELETE", f"visitors/{staying['id']}/")
    await assert_exact(database)


async def test_unreported_columns_are_no_change(database: Database, visitors: Visitors) -> None:
    await visitors.add({}, {})
    await fold(database)
    async with database.write() as unit:
        await unit.write(update(Visitor).values(notes="Comes by bicycle"))
        await unit.write(update(Visitor).values(visit_date=date(2026, 11, 23)))  # unchanged
    assert await changes(database) == 0


async def test_two_who_move_changes_at_once_move_each_once(
    database: Database, visitors: Visitors
) -> None:
    await visitors.add({}, {"status": "cancelled"})
    await fold(database)
    await visitors.add({}, {"status": "cancelled"}, {"purpose": "delivery"})
    await asyncio.gather(*(fold(database) for _ in range(4)))
    assert await changes(database) == 0
    await assert_exact(database)


async def test_rows_written_without_triggers_are_counted_anew(
    database: Database, visitors: Visitors
) -> None:
    await visitors.add({})
    async with database.engine.begin() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.execute(text("UPDATE visitors SET status = 'expired'"))
        await connection.execute(text("UPDATE visit_month_counts SET visits = visits + 1"))
    before = await kept(database)
    await recount(database)
    assert await kept(database) != before
    await assert_exact(database)


async def test_the_previous_release_moves_changes_into_months(
    database: Database, visitors: Visitors
) -> None:
    await visitors.add({}, {"visit_date": date(2026, 12, 1)})
    await fold(database)
    await visitors.add({"status": "expired"})
    async with database.engine.begin() as connection:
        await connection.execute(text(FOLD_OF_0003))
    await assert_exact(database)
