"""The migration that permits visitors without an address."""

import asyncio

import asyncpg
import pytest

from app import migrations
from tests.conftest import recreate_database
from tests.test_migrations import JUERGEN, UNPROVEN, run


@pytest.fixture
def url(worker_id: str) -> str:
    return recreate_database(f"vms_migrations_{worker_id}")


async def test_the_way_back_refuses_visitors_without_an_address(url: str) -> None:
    await asyncio.to_thread(migrations.upgrade, url, "0016")
    await run(url, JUERGEN.replace("6000", "3"))
    await run(url, UNPROVEN)  # accounts: the previous release may be running
    await asyncio.to_thread(migrations.upgrade, url)
    assert await migrations.rollout_status(url, finish=False)
    with pytest.raises(asyncpg.CheckViolationError):
        await run(url, "UPDATE visitors SET language = 'xx'")
    await run(url, "UPDATE visitors SET email = NULL, language = 'de' WHERE qr_code > 'code 1'")
    with pytest.raises(RuntimeError, match="2 rows of visitors have no address"):
        await asyncio.to_thread(migrations.downgrade, url, "0016")
    await run(url, "UPDATE visitors SET email = 'ada@example.com' WHERE email IS NULL")
    await asyncio.to_thread(migrations.downgrade, url, "0016")
    with pytest.raises(asyncpg.NotNullViolationError):
        await run(url, "UPDATE visitors SET email = NULL")
    await asyncio.to_thread(migrations.upgrade, url)
    assert not await migrations.rollout_status(url, finish=True)
