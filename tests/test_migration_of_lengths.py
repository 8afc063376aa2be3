"""The migration to lengths of visits and co-hosts, of a database in use."""

import asyncio

import asyncpg
import pytest
from alembic.script import ScriptDirectory

from app import migrations
from tests.test_migrations import JUERGEN, UNPROVEN, connected, run, url

__all__ = ["url"]  # the fixture

MAILS = """
INSERT INTO notifications (id, visitor_id, kind, version, recipient, recipient_name, payload,
    status, attempts, tries_began_at, next_attempt_at, created_at)
SELECT gen_random_uuid(), id, 'host_registration', 0, 'host@x.org', '', '{}', 'sent', 1, now(),
    now(), now()
FROM visitors LIMIT 10
"""
IT = "0022"
KEYS = (
    "SELECT conname FROM pg_constraint WHERE conrelid = 'notifications'::regclass AND contype = 'u'"
)
FORMER, KEY = (
    "uq_notifications_visitor_id_kind_version",
    "uq_notifications_visitor_id_kind_version_co_host",
)
_scripts = ScriptDirectory.from_config(migrations.alembic_config(""))
BEFORE = str(_scripts.get_revision(IT).down_revision)


async def keys(url: str) -> list[str]:
    async with connected(url) as connection:
        return [row["conname"] for row in await connection.fetch(KEYS)]


async def test_former_visits_last_an_hour_and_mails_stay_unique(url: str) -> None:
    await asyncio.to_thread(migrations.upgrade, url, BEFORE)
    for rows in (JUERGEN, UNPROVEN, MAILS):
        await run(url, rows)
    await asyncio.to_thread(migrations.upgrade, url)
    assert await keys(url) == [KEY]
    async with connected(url) as connection:
        lengths = "SELECT DISTINCT duration_minutes, co_hosts::text FROM visitors"
        assert [tuple(row) for row in await connection.fetch(lengths)] == [(60, "[]")]
        with pytest.raises(asyncpg.UniqueViolationError):  # as the previous release writes
            await connection.execute(MAILS)
        for wrong in ("visitors SET duration_minutes = 14", "sites SET visit_minutes = 1441"):
            with pytest.raises(asyncpg.CheckViolationError):
                await connection.execute(f"UPDATE {wrong}")
    assert await migrations.rollout_status(url, finish=False)
    assert not await migrations.rollout_status(url, finish=True)
    await asyncio.to_thread(migrations.downgrade, url, BEFORE)
    assert await keys(url) == [FORMER]


LOSSES = {
    "10 rows of notifications": MAILS.replace("version,", "co_host, version,").replace(
        "0, '", "'co@x.org', 0, '"
    ),
    "1 rows of visitors": "UPDATE visitors SET co_hosts = '[{}]' WHERE qr_code = 'code 7'",
    "2 rows of visitors": "UPDATE visitors SET duration_minutes = 90"
    " WHERE qr_code IN ('code 7', 'code 8')",
}
GIVEN_UP = "DELETE FROM notifications; UPDATE visitors SET co_hosts = '[]', duration_minutes = 60"


async def test_the_way_back_is_refused_while_it_loses(url: str) -> None:
    await asyncio.to_thread(migrations.upgrade, url)
    await run(url, JUERGEN)
    for what, change in LOSSES.items():
        await run(url, change)
        with pytest.raises(RuntimeError, match=what):
            await asyncio.to_thread(migrations.downgrade, url, BEFORE)
        assert await keys(url) == [KEY]
        await run(url, GIVEN_UP)


async def test_an_index_that_was_left_half_built_is_built_again(url: str) -> None:
    """The columns are there by then: the migration continues with the index."""
    await asyncio.to_thread(migrations.upgrade, url, BEFORE)
    await run(url, JUERGEN)
    await run(url, MAILS)
    await asyncio.to_thread(migrations.upgrade, url, IT)
    async with connected(url) as connection:
        await connection.execute(f"ALTER TABLE notifications DROP CONSTRAINT {KEY}")
        await connection.execute(
            f"ALTER TABLE notifications ADD CONSTRAINT {FORMER} UNIQUE (visitor_id, kind, version);"
            f"CREATE UNIQUE INDEX {KEY} ON notifications (visitor_id, kind, version, co_host);"
            f"UPDATE alembic_version SET version_num = '{BEFORE}'"
        )
    await asyncio.to_thread(migrations.upgrade, url, IT)
    assert await keys(url) == [KEY]
