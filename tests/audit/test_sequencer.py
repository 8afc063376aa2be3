"""Numbers are given after the commit, by one sequencer at a time."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import SQLAlchemyError

from app.audit.chain import START, Position, Signer
from app.audit.models import AuditAction, AuditEntry, AuditHead
from app.audit.repository import record
from app.audit.verification_service import verify
from app.core.clock import SettableClock
from app.core.db.database import Database, WriteSession
from app.core.db.leases import Lease, take
from app.core.ids import new_id
from app.events import sequencer_service
from app.events.sequencer_service import LEASE, Sequencer
from app.settings import Settings
from tests.audit.entries import AT, DESK, all_entries, sql, write
from tests.e2e.installation import eventually


async def assert_sound(database: Database, signer: Signer, entries: int) -> None:
    """Every committed entry has a place in an unbroken chain, once."""
    verdict = await verify(database, signer)
    assert (verdict.faults, verdict.entries) == ([], entries)
    found = await all_entries(database)
    assert [entry.seq for entry in found] == list(range(1, entries + 1))


async def test_an_entry_that_commits_late_is_not_missed(
    database: Database, sequencer: Sequencer, signer: Signer
):
    async with database.write() as late:
        record(late, AuditAction.SITE_UPDATED, new_id(), DESK, AT)
        await late.flush()
        await write(database, 3)
        assert await sequencer.step() == 3
    assert await sequencer.step() == 1
    entries = await all_entries(database)
    assert entries[-1].id < entries[0].id
    await assert_sound(database, signer, 4)


async def test_what_is_rolled_back_has_no_number(
    database: Database, sequencer: Sequencer, signer: Signer
):
    unit = database.write()
    async with unit:
        record(unit, AuditAction.SITE_UPDATED, new_id(), DESK, AT)
        unit.dry_run()
    await write(database)
    await sequencer.step()
    await assert_sound(database, signer, 1)


async def test_an_entry_that_somebody_holds_does_not_stop_the_others(
    database: Database, sequencer: Sequencer, signer: Signer
):
    await write(database)
    [held] = await all_entries(database)
    async with database.write() as unit:
        await unit.write(update(AuditEntry).where(AuditEntry.id == held.id).values(site_id=None))
        await write(database)
        assert await sequencer.step() == 1
    assert await sequencer.step() == 1
    await assert_sound(database, signer, 2)


async def test_a_clock_that_is_put_back_stops_nobody(database: Database, sequencer: Sequencer):
    await write(database)
    async with database.write() as unit:  # by a process that is gone, an hour from now
        await take(unit, LEASE, new_id(), timedelta(hours=1))
    assert await sequencer.step() == 1


async def test_only_the_holder_of_the_lease_gives_numbers(
    database: Database,
    clock: SettableClock,
    signer: Signer,
    sequencer: Sequencer,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(sequencer_service, "LASTS", timedelta(hours=1))
    other = Sequencer(database, clock, signer)
    await write(database)
    assert await sequencer.step() == 1
    await write(database)
    assert await other.step() == await other.chain_next() == 0
    assert await sequencer.step() == 1


async def test_another_takes_over_when_the_lease_has_run_out(
    database: Database,
    clock: SettableClock,
    signer: Signer,
    sequencer: Sequencer,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(sequencer_service, "LASTS", timedelta(hours=1))
    other = Sequencer(database, clock, signer)
    await write(database)
    await sequencer.step()
    await sql(database, "UPDATE leases SET until = now() - interval '1 second'")
    await write(database)
    assert await other.step() == 1
    assert await sequencer.chain_next() == 0
    await assert_sound(database, signer, 2)


def test_another_sequencer_takes_over_within_five_seconds():
    waits = sequencer_service.LASTS.total_seconds() + sequencer_service.POLL_SECONDS
    assert waits + sequencer_service.RETRY_SECONDS < 5


async def test_a_lease_is_renewed_while_nothing_happens(database: Database, sequencer: Sequencer):
    await write(database)
    await sequencer.step()
    await sql(database, "UPDATE leases SET until = now() + interval '1 second'")
    assert await sequencer.step() == 0
    async with database.read() as session:
        is_renewed = Lease.until > func.clock_timestamp() + timedelta(seconds=1)
        assert await session.scalar(select(is_renewed))


async def test_a_sequencer_that_freezes_in_its_transaction_is_ended(
    database: Database, sequencer: Sequencer, monkeypatch: pytest.MonkeyPatch
):
    await write(database)
    limit = select(func.current_setting("idle_in_transaction_session_timeout"))
    seen: list[str | None] = []

    async def look_at(unit: WriteSession, *args: Any) -> bool:
        seen.append(await unit.scalar(limit))
        return await take(unit, *args)

    monkeypatch.setattr("app.core.db.leases.take", look_at)
    await sequencer.step()
    assert seen == ["3s"]


async def test_an_entry_that_can_not_be_hashed_ends_nothing(
    database: Database, sequencer: Sequencer, log: Callable[[], list[dict[str, Any]]]
):
    await write(database)
    await sql(database, "UPDATE audit_entries SET details = '[1]'")
    stop = asyncio.Event()
    running = asyncio.create_task(sequencer.run(stop))
    told: list[str] = []
    while "entries cannot be chained" not in told:
        await asyncio.sleep(0.01)
        told += [line["event"] for line in log()]
    await sql(database, "UPDATE audit_entries SET details = '{}'")
    await eventually(lambda: _is_chained(database))
    stop.set()
    await running


async def _is_chained(database: Database) -> bool:
    return all(entry.seq is not None for entry in await all_entries(database))


async def _write_now_and_then(own: Database, number: int) -> None:
    for turn in range(10):
        async with own.write() as unit:
            record(unit, AuditAction.SITE_UPDATED, new_id(), DESK, AT, number=number)
            await unit.flush()
            await asyncio.sleep(0.001 * (number % 7))
            if (turn + number) % 5 == 0:
                unit.dry_run()


async def test_many_writers_and_sequencers_make_one_chain(
    database: Database, clock: SettableClock, signer: Signer, settings: Settings
):
    """Entries commit late, are rolled back, and are chained by the holder of the lease."""
    processes = [Database(settings.database_url, pool_size=10) for _ in range(2)]
    done = asyncio.Event()

    async def sequence(own: Database) -> None:
        while not done.is_set():
            with suppress(SQLAlchemyError):  # a starved one is ended by the server
                for _ in range(3):
                    await Sequencer(own, clock, signer).chain_next()
                # As if its holder had been killed.
                await sql(database, "UPDATE leases SET until = now() - interval '1 second'")

    async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
        for own in (*processes, *processes):
            tasks.create_task(sequence(own))
        writers = (_write_now_and_then(processes[n % 2], n) for n in range(8))
        await asyncio.gather(*writers)
        done.set()
    await sql(database, "DELETE FROM leases")
    await Sequencer(database, clock, signer).chain_next()
    await assert_sound(database, signer, 64)
    for own in processes:
        await own.close()


async def test_the_head_is_signed_once_a_minute_in_which_entries_came(
    database: Database, clock: SettableClock, sequencer: Sequencer, signer: Signer
):
    heads = select(AuditHead).order_by(AuditHead.seq)
    for seconds, number in ((0, 2), (30, 1), (29, 1), (1, 0), (120, 0), (60, 1)):
        clock.advance(timedelta(seconds=seconds))
        await write(database, number)
        await sequencer.chain_next()
    async with database.read() as session:
        found = (await session.scalars(heads)).all()
    assert [head.seq for head in found] == [2, 4, 5]
    assert [head.signed_at - found[0].signed_at for head in found] == [
        timedelta(0),
        timedelta(minutes=1),
        timedelta(minutes=4),
    ]


async def test_a_signed_head_is_logged(database: Database, sequencer: Sequencer, log: Any):
    await write(database, 3)
    await sequencer.step()
    [line] = [line for line in log() if line["event"] == "audit head"]
    last = (await all_entries(database))[-1]
    assert line["head"] == str(Position(3, last.hash or b""))


async def test_a_chain_begins_with_zeros(database: Database, sequencer: Sequencer):
    await write(database, 3)
    await sequencer.step()
    entries = await all_entries(database)
    assert entries[0].previous_hash == START
    assert all(a.hash == b.previous_hash for a, b in pairwise(entries))


async def test_the_lease_is_one_row(database: Database, sequencer: Sequencer):
    await write(database)
    await sequencer.step()
    async with database.read() as session:
        [lease] = (await session.scalars(select(Lease))).all()
    assert (lease.name, lease.holder) == (LEASE, sequencer.holder)
