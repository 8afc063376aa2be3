"""The migration to API keys, and its way back."""

import asyncio

import pytest
from alembic.script import ScriptDirectory

from app import migrations
from tests.test_migrations import connected, run, tables, url

__all__ = ["url"]  # the fixture

_scripts = ScriptDirectory.from_config(migrations.alembic_config(""))
BEFORE = str(_scripts.get_revision("0028").down_revision)
KEY = """
INSERT INTO api_keys (id, name, scopes, sites, expires_at, key_hash, created_at)
SELECT gen_random_uuid(), 'Door', '{gate:scan}', ARRAY[id], now(), '', now() FROM sites
"""


async def test_the_way_back_loses_no_key(url: str) -> None:
    await asyncio.to_thread(migrations.upgrade, url, "0028")
    await run(url, KEY)
    async with connected(url) as connection:
        assert await connection.fetchval("SELECT count(*) FROM api_key_sites") == 1
    with pytest.raises(RuntimeError, match="1 API keys would be lost"):
        await asyncio.to_thread(migrations.downgrade, url, BEFORE)
    await run(url, "UPDATE api_keys SET sites = NULL")
    async with connected(url) as connection:
        assert await connection.fetchval("SELECT count(*) FROM api_key_sites") == 0
    await run(url, "DELETE FROM api_keys")
    await asyncio.to_thread(migrations.downgrade, url, BEFORE)
    assert not {"api_keys", "api_key_sites"} & await tables(url)
