"""Numbers are given after the commit: a reader that follows misses nothing."""

import asyncio
from contextlib import suppress
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from app.audit.chain import Signer
from app.audit.chain_service import chain_batch
from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.db.scope import Scope
from app.core.ids import new_id
from app.events.filters import EventFilter
from app.events.kinds import EventType
from app.events.models import PendingEvent
from app.events.repository import ReadEvent
from app.events.sequencer_service import Sequencer
from app.settings import Settings
from tests.audit.entries import sql
from tests.events.following import AT, DESK, Follower, read, write_entry, write_pending


async def test_events_of_entries_and_of_the_outbox_are_numbered(
    database: Database, sequencer: Sequencer
):
    site = new_id()
    async with database.write() as unit:
        subjects = [write_entry(unit, site), write_pending(unit, site), write_entry(unit, site)]
    assert await sequencer.step() == 3
    follower = Follower(database)
    events = await follower.follow()
    assert follower.subjects == subjects
    assert [event.seq for event in events] == [1, 2, 3]
    first = events[0]
    assert (first.type, first.site_id, first.created_at) == ("muster.started", site, AT)
    assert (first.actor_kind, first.actor_id) == ("user", DESK.id)
    assert (events[1].type, events[1].actor_kind) == ("slot.full", "system")
    assert await sequencer.step() == 0


async def test_an_event_that_commits_late_comes_after_those_read(
    database: Database, sequencer: Sequencer
):
    follower = Follower(database)
    async with database.write() as late:
        slow = [write_entry(late), write_pending(late)]
        await late.flush()
        async with database.write() as unit:
            quick = [write_entry(unit), write_pending(unit)]
        await sequencer.step()
        await follower.follow()
        assert follower.subjects == quick
    await sequencer.step()
    await follower.follow()
    assert follower.subjects == quick + slow


async def test_what_is_rolled_back_makes_no_event(database: Database, sequencer: Sequencer):
    async with database.write() as unit:
        write_entry(unit)
        write_pending(unit)
        unit.dry_run()
    assert await sequencer.step() == 0
    assert (await read(database)).head == 0


async def test_an_event_that_somebody_holds_does_not_stop_others(
    database: Database, sequencer: Sequencer
):
    async with database.write() as unit:
        held = write_pending(unit)
    async with database.write() as holder:
        await holder.write(update(PendingEvent).values(request_id=None))
        async with database.write() as unit:
            other = write_pending(unit)
        await sequencer.step()
        assert [e.subject_id for e in (await read(database)).events] == [other]
    await sequencer.step()
    assert [e.subject_id for e in (await read(database)).events] == [other, held]


async def test_entries_from_before_events_make_none(database: Database, sequencer: Sequencer):
    async with database.write() as unit:
        write_entry(unit)
    await sql(database, "UPDATE audit_entries SET makes_event = false")
    assert await sequencer.step() == 1
    assert (await read(database)).head == 0


async def test_what_the_previous_release_chains_makes_events(
    database: Database, sequencer: Sequencer, clock: SettableClock
):
    """During an update its sequencer holds the lease, and knows no events."""
    async with database.write() as unit:
        first = write_entry(unit)
    await sequencer.step()
    async with database.write() as unit:
        theirs = [write_entry(unit) for _ in range(3)]
    async with database.write() as unit:
        assert len(await chain_batch(unit, 100)) == 3
    async with database.write() as unit:
        last = write_entry(unit)
    assert await sequencer.step() == 4
    follower = Follower(database)
    await follower.follow()
    assert follower.subjects == [first, *theirs, last]
    assert await sequencer.chain_next() == 0


async def _write_now_and_then(own: Database, number: int, opened: asyncio.Barrier) -> list[UUID]:
    kept = []
    for turn in range(8):
        async with own.write() as unit:
            subjects = [write_entry(unit), write_pending(unit)]
            await unit.flush()
            if turn == number % 8:  # all of them are open at once, whatever is read meanwhile
                await opened.wait()
            if (turn + number) % 5 == 0:
                unit.dry_run()
            else:
                kept += subjects
    return kept


async def test_a_reader_sees_every_event_once_and_in_order(
    database: Database, clock: SettableClock, settings: Settings
):
    """Two processes write and sequence; leases run out, transactions stay open or roll back."""
    signer = Signer(settings.key_ring)
    processes = [Database(settings.database_url, pool_size=10) for _ in range(2)]
    opened, done = asyncio.Barrier(4), asyncio.Event()
    follower = Follower(database)

    async def sequence(own: Database) -> None:
        while not done.is_set():
            with suppress(SQLAlchemyError):  # a starved one is ended by the server
                await Sequencer(own, clock, signer).chain_next()
                # As if its holder had been killed.
                await sql(database, "UPDATE leases SET until = now() - interval '1 second'")

    async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
        for own in processes:
            tasks.create_task(sequence(own))
        tasks.create_task(follower.keep_on(done))
        writers = (_write_now_and_then(processes[n % 2], n, opened) for n in range(8))
        kept = [subject for part in await asyncio.gather(*writers) for subject in part]
        done.set()
    await sql(database, "DELETE FROM leases")
    await Sequencer(database, clock, signer).chain_next()
    events = await follower.follow()
    assert len(events) == len(kept) == len(set(kept))
    assert set(follower.subjects) == set(kept)
    follower.assert_in_order()
    for own in processes:
        await own.close()


async def test_numbers_are_told_of_after_the_commit(
    database: Database, clock: SettableClock, settings: Settings
):
    heads: list[int] = []

    async def tell() -> None:
        heads.append((await read(database)).head)

    sequencer = Sequencer(database, clock, Signer(settings.key_ring), tell)
    async with database.write() as unit:
        write_entry(unit)
    await sequencer.step()
    await sequencer.chain_next()
    assert heads == [1]


SITES = [UUID(int=n) for n in range(2)]
HOSTS = [UUID(int=n) for n in range(10, 12)]
SCOPES = [
    Scope(),
    Scope(sites=frozenset(SITES[:1])),
    Scope(sites=frozenset(SITES)),
    Scope(sites=frozenset()),
    Scope(hosts=frozenset(HOSTS[:1])),
    Scope(hosts=frozenset(HOSTS)),
    Scope(sites=frozenset(SITES[:1]), besides=frozenset(HOSTS[1:])),
    Scope(besides=frozenset(HOSTS[1:])),
]


@pytest.mark.parametrize("site", [None, SITES[0]])
@pytest.mark.parametrize("types", [None, frozenset({EventType.SLOT_FULL}), frozenset()])
async def test_query_and_predicate_agree_on_what_is_in_scope(
    database: Database,
    sequencer: Sequencer,
    types: frozenset[EventType] | None,
    site: UUID | None,
):
    async with database.write() as unit:
        for at in (None, *SITES):
            write_entry(unit, at)
            for host in (None, *HOSTS):
                write_pending(unit, at, host)
    await sequencer.step()
    everything = (await read(database)).events
    assert len(everything) == 12

    def seqs(events: list[ReadEvent]) -> list[int]:
        return [event.seq for event in events]

    for scope in SCOPES:
        chosen = EventFilter(types=types, site=site, scope=scope)
        found = await read(database, chosen=chosen)
        assert seqs([*found.events]) == seqs([e for e in everything if chosen.allows(e)]), scope
        assert found.next_after == found.head == 12
