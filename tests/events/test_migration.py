"""The migration to events, of a database in use."""

import asyncio

from alembic.script import ScriptDirectory

from app import migrations
from app.audit.chain import Signer
from app.core.clock import SystemClock
from app.core.db.database import Database
from app.events.sequencer_service import Sequencer
from app.settings import Settings
from tests.events.following import read
from tests.test_migrations import JUERGEN, connected, run, url

__all__ = ["url"]  # the fixture

# As the previous release writes.
ENTRY = """
INSERT INTO audit_entries (id, subject_type, subject_id, action, actor_role, actor_name,
    request_id, details, created_at)
SELECT gen_random_uuid(), 'visitor', id, 'updated', 'admin', '', '-', '{}', now()
FROM visitors LIMIT 1
"""
MOVED = "UPDATE visitors SET phone = '+49 30 1234'"
_scripts = ScriptDirectory.from_config(migrations.alembic_config(""))
BEFORE = str(_scripts.get_revision("0029").down_revision)


async def test_events_begin_with_what_happens_afterwards(url: str, settings: Settings) -> None:
    await asyncio.to_thread(migrations.upgrade, url, BEFORE)
    for statement in (JUERGEN, ENTRY):
        await run(url, statement)
    await asyncio.to_thread(migrations.upgrade, url)
    for statement in (MOVED, ENTRY):  # of a process of the previous release
        await run(url, statement)
    database = Database(url)
    assert await Sequencer(database, SystemClock(), Signer(settings.key_ring)).chain_next() >= 2
    events = (await read(database)).events
    await database.close()
    assert [(e.type, e.subject_version, e.request_id) for e in events] == [
        ("visit.updated", 2, None)
    ]
    assert events[0].site_id is not None
    await asyncio.to_thread(migrations.downgrade, url, BEFORE)
    async with connected(url) as connection:
        assert await connection.fetchval("SELECT count(*) FROM audit_entries") == 2
    await run(url, MOVED)
