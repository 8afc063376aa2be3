"""The sequencer: it numbers entries and events after their commit, one process at a time.

Both are written without a number, so that nothing queues for it. The holder of the lease takes all
that wait, whatever their ids, and so misses none that commits late; entries that make events are
chained in the same transaction. A reader of a number knows that none at or below it
will appear.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import func, select

from app.audit import chain_service
from app.audit.chain import Signer
from app.core.clock import Clock
from app.core.db import leases
from app.core.db.database import AfterCommit, Database, WriteSession
from app.core.db.errors import OUTAGES
from app.core.observability.logging import logger
from app.core.observability.outages import Outage
from app.events.conversion import events_of
from app.events.repository import EventRepository, look

LEASE = "sequencer"
LASTS = timedelta(seconds=3)
RENEWED_SECONDS = 1.5  # before its end
POLL_SECONDS = 0.25
RETRY_SECONDS = 1.0


class Sequencer:
    """Gives entries and events their numbers, and signs the head of the chain every minute.

    `tell` is called after each commit that gave events their numbers.
    """

    def __init__(
        self, database: Database, clock: Clock, signer: Signer, tell: AfterCommit | None = None
    ) -> None:
        self.database, self.clock, self.signer = database, clock, signer
        self.tell = tell
        self.holder: UUID = uuid4()

    async def run(self, stop: asyncio.Event) -> None:
        """Give numbers until `stop`; wait while another process does."""
        outage = Outage("the sequencer waits for the database", "the sequencer works again")
        while not stop.is_set():
            pause = POLL_SECONDS
            try:
                while await self.step():
                    pass
                outage.over()
            except OUTAGES as error:
                outage.report(error)
                pause = RETRY_SECONDS
            except Exception:
                # Entries wait then, but mail does not.
                logger.exception("entries cannot be chained")
                pause = RETRY_SECONDS
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)

    async def step(self) -> int:
        """Give the next ones their numbers if the lease allows it; return how many."""
        async with self.database.read() as session:
            waits, holder, seconds = await look(session, LEASE)
        if 0 < seconds <= LASTS.total_seconds() and holder != self.holder:
            return 0
        if not waits and seconds > RENEWED_SECONDS:
            return 0
        return await self.chain_next()

    async def chain_next(self) -> int:
        """Give numbers to up to `BATCH` of each, holding the lease; return how many."""
        async with self.database.write() as unit:
            # A process that freezes here must not keep the others waiting.
            limit = f"{LASTS.total_seconds():.0f}s"
            name = "idle_in_transaction_session_timeout"
            await unit.rows(select(func.set_config(name, limit, True)))
            if not await leases.take(unit, LEASE, self.holder, LASTS):
                return 0
            done = await self._number(unit)
            await chain_service.sign_if_due(unit, self.signer, self.clock.now())
        return done

    async def _number(self, unit: WriteSession) -> int:
        at_most = chain_service.BATCH
        entries = await chain_service.chained_by_others(unit, at_most)
        if len(entries) < at_most:
            entries += await chain_service.chain_batch(unit, at_most)
        through = entries[-1].seq if entries else 0
        numbered = await EventRepository(unit).number(
            events_of(entries), self.clock.now(), at_most, through=through
        )
        if numbered.events and self.tell is not None:
            unit.after_commit(self.tell)
        return len(entries) + numbered.moved


async def chain_all(database: Database, clock: Clock, signer: Signer) -> int:
    """Give numbers to everything that waits, unless another process does; return how much."""
    sequencer = Sequencer(database, clock, signer)
    total, tries = 0, int(2 * LASTS.total_seconds() / POLL_SECONDS)
    done = batch = chain_service.BATCH
    while done >= batch:
        done = await sequencer.chain_next()
        total += done
    async with database.read() as session:
        waits, holder, _ = await look(session, LEASE)
    while waits and holder != sequencer.holder and tries:  # it may be that of a killed process
        await asyncio.sleep(POLL_SECONDS)
        done, tries = await sequencer.chain_next(), tries - 1
        total += done
    return total
