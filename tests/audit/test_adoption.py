"""An installation of today keeps its entries, also while the previous release still writes."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy import text

from app import migrations
from app.audit import chain_service
from app.audit.chain import Signer
from app.audit.chain_repository import ChainRepository
from app.audit.verification_service import verify
from app.core.db.database import Database
from app.core.ids import new_id
from app.events.sequencer_service import Sequencer
from app.settings import Settings
from tests.audit.entries import all_entries, sql
from tests.conftest import recreate_database
from tests.support.database import add_site

# As the previous release writes them.
VISITOR_EVENT = """
INSERT INTO visitor_events (id, visitor_id, action, actor_role, actor_id, actor_name,
    client_address, request_id, details, created_at)
SELECT :id, :visitor, 'registered', 'anonymous', NULL, 'anonymous', '192.0.2.1', 'theirs',
    '{"gate": "North"}', now()
"""
ACCOUNT_EVENT = """
INSERT INTO account_events (id, account_id, action, actor_id, client_address, request_id, details,
    created_at)
VALUES (:id, :account, 'signed_in', :account, '192.0.2.1', 'theirs', '{}', now())
"""
HISTORY = "SELECT action FROM visitor_events WHERE visitor_id = :visitor ORDER BY id"
SIGN_INS = "SELECT count(*) FROM account_events WHERE account_id = :account"
VISITOR, ACCOUNT = new_id(), new_id()


@pytest.fixture
def url(worker_id: str) -> str:
    return recreate_database(f"vms_adoption_{worker_id}")


@pytest.fixture
async def former(url: str) -> AsyncIterator[Database]:
    """Return a database of the previous release with 40 entries of visitors, 1,200 of a user."""
    await asyncio.to_thread(migrations.upgrade, url, "0011")
    database = Database(url)
    await fill(database, 40, 1200)
    yield database
    await database.close()


async def fill(database: Database, visits: int, sign_ins: int) -> None:
    async with database.engine.begin() as connection:
        events = [{"id": new_id(), "visitor": VISITOR} for _ in range(visits)]
        await connection.execute(text(VISITOR_EVENT), events)
        others = [{"id": new_id(), "account": ACCOUNT} for _ in range(sign_ins)]
        await connection.execute(text(ACCOUNT_EVENT), others)


async def value(database: Database, statement: str, **values: UUID) -> object:
    async with database.engine.connect() as connection:
        return (await connection.execute(text(statement), values)).scalar()


def url_of(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


async def migrated(database: Database) -> None:
    await asyncio.to_thread(migrations.upgrade, url_of(database))


async def test_all_entries_are_moved_and_chained_in_their_order(
    former: Database, settings: Settings, signer: Signer
):
    await migrated(former)
    ring, url = settings.key_ring, url_of(former)
    assert await migrations.bring_log_up_to_date(url, ring, ["0015"]) == (1200, 1241)
    assert (await verify(former, signer)).faults == []
    entries = await all_entries(former)
    assert [entry.id for entry in entries] == sorted(entry.id for entry in entries)
    assert (entries[0].subject_type, entries[0].subject_id) == ("visitor", VISITOR)
    signed_in = entries[100]
    assert (signed_in.subject_type, signed_in.actor_role) == ("user", "user")
    assert (signed_in.subject_id, signed_in.actor_id) == (ACCOUNT, ACCOUNT)
    assert signed_in.is_request_id_of_client
    assert (entries[-1].action, entries[-1].details) == ("migrated", {"revisions": ["0015"]})
    assert await migrations.bring_log_up_to_date(url, ring, []) == (0, 0)


async def test_moving_goes_on_where_it_stopped(
    former: Database, signer: Signer, settings: Settings
):
    await migrated(former)
    async with former.write() as unit:
        chain = ChainRepository(unit)
        assert await chain.adopt_account_events(500) == 500
        await chain_service.chain_batch(unit, 100)
    await migrations.bring_log_up_to_date(url_of(former), settings.key_ring, [])
    verdict = await verify(former, signer)
    assert (verdict.faults, verdict.entries) == ([], 1240)


async def test_the_previous_release_reads_and_writes_beside(
    former: Database, settings: Settings, signer: Signer
):
    await migrated(former)
    ring, url = settings.key_ring, url_of(former)
    await migrations.bring_log_up_to_date(url, ring, ["0015"])
    await fill(former, 2, 3)
    assert await value(former, HISTORY, visitor=VISITOR) == "registered"
    assert await value(former, SIGN_INS, account=ACCOUNT) == 1203
    await migrations.bring_log_up_to_date(url, ring, [])
    # Its retention forgets addresses, and its nights delete old events of accounts.
    await sql(former, "UPDATE visitor_events SET client_address = NULL")
    await sql(former, "DELETE FROM account_events WHERE created_at < now() + interval '1 day'")
    verdict = await verify(former, signer)
    assert (verdict.faults, verdict.entries) == ([], 1246)
    forgotten = [e for e in await all_entries(former) if e.subject_type == "visitor"]
    assert {(e.client_address, e.request_id, e.value_key) for e in forgotten} == {
        (None, None, None)
    }
    assert all(e.details == {"gate": None} for e in forgotten)


async def test_a_migration_that_was_ended_goes_on_with_the_indexes(former: Database):
    await asyncio.to_thread(migrations.upgrade, url_of(former), "0015")
    await sql(former, "DROP INDEX ix_audit_entries_seq")
    await sql(former, "UPDATE alembic_version SET version_num = '0014'")
    await migrated(former)
    await asyncio.to_thread(migrations.check, url_of(former))


async def test_there_is_a_way_back_that_loses_nothing(
    former: Database, settings: Settings, signer: Signer
):
    await migrated(former)
    ring, url = settings.key_ring, url_of(former)
    await migrations.bring_log_up_to_date(url, ring, ["0015"])
    await asyncio.to_thread(migrations.downgrade, url, "0011")
    await former.engine.dispose()
    assert await value(former, SIGN_INS, account=ACCOUNT) == 1200
    assert await value(former, HISTORY, visitor=VISITOR) == "registered"
    await fill(former, 1, 1)
    await migrated(former)
    await former.engine.dispose()
    assert await migrations.bring_log_up_to_date(url, ring, []) == (1201, 1243)
    assert (await verify(former, signer)).faults == []
    assert [e.action for e in await all_entries(former) if e.subject_type == "database"] == [
        "migrated"
    ]


async def test_an_older_entry_gets_the_site_of_its_visitor(
    database: Database, sequencer: Sequencer, signer: Signer
):
    site = await add_site(database)
    await sql(
        database,
        """WITH slot AS (INSERT INTO slots (id, site_id, visit_date, hour, capacity,
            has_own_capacity, booked, excess, created_at)
            VALUES (gen_random_uuid(), :site, '2026-11-23', 10, 20, false, 1, 0, now())
            RETURNING id)
        INSERT INTO visitors (id, site_id, slot_id, name, email, visitor_type, visitor_category,
            purpose, visit_date, visit_time, status, qr_code, revision, is_rescheduled,
            checked_out_automatically, created_at, updated_at)
        SELECT :visitor, :site, id, 'Ada', 'a@x.org', 'professional', 'industry', 'other',
            '2026-11-23', '10:00', 'pending', 'code', 0, false, false, now(), now() FROM slot""",
        site=UUID(site),
        visitor=VISITOR,
    )
    await sql(database, VISITOR_EVENT, id=new_id(), visitor=VISITOR)
    await sequencer.step()
    [entry] = await all_entries(database)
    assert str(entry.site_id) == site
    assert (await verify(database, signer)).faults == []
