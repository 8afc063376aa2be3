"""Connecting to a database, through a pooler or not."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy import make_url, text

from app.core.db.engine import connect_options, make_engine, missing_limits


@pytest.fixture
async def role_url(database_url: str, worker_id: str) -> AsyncIterator[str]:
    """Yield the address for a role of the test's own."""
    role = f"pooled {worker_id}"
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    await connection.execute(f'CREATE ROLE "{role}" LOGIN')
    yield make_url(database_url).set(username=role).render_as_string(hide_password=False)
    await connection.execute(f'DROP ROLE "{role}"')
    await connection.close()


async def prepared(url: str) -> int:
    """Return the number of statements that one connection leaves prepared in its server."""
    engine = make_engine(url)
    async with engine.connect() as connection:
        for number in range(3):
            await connection.execute(text(f"SELECT {number} + :added"), {"added": 1})
        counted = await connection.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements")
        found: int = counted.scalar_one()
    await engine.dispose()
    return found


async def test_through_a_pooler_nothing_is_left_at_the_server(role_url: str):
    assert await prepared(role_url) > 0
    assert await prepared(f"{role_url}&pooler=transaction") == 0


async def test_a_pooler_is_sent_no_limits_that_it_would_refuse(role_url: str):
    assert "lock_timeout" in connect_options(role_url)["server_settings"]
    assert set(connect_options(f"{role_url}&pooler=transaction")["server_settings"]) == {
        "application_name",  # the two that PgBouncer forwards
        "timezone",
    }


async def test_through_a_pooler_the_limits_are_those_of_the_role(role_url: str, database_url: str):
    pooled = f"{role_url}&pooler=transaction"
    assert await missing_limits(role_url) == []
    missing = await missing_limits(pooled)
    assert len(missing) == 3
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    await connection.execute("".join(missing))
    await connection.close()
    assert await missing_limits(pooled) == []
