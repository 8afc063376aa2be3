"""The sequencer: it chains entries after their commit, one process at a time.

Entries are written unchained, so that nothing queues for the chain. The holder of the lease takes
all that wait, whatever their ids, and so misses none that commits late.
"""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlalchemy.exc import EmulatedDBAPIException, SQLAlchemyError

from app.audit.chain import Facts, Link, Position, Signed, Signer, chained
from app.audit.chain_repository import FACTS, ChainReader, ChainRepository, facts_of, look
from app.audit.models import AuditAction
from app.audit.repository import WORKER, record
from app.core.clock import Clock
from app.core.db import leases
from app.core.db.batches import Batch, in_batches
from app.core.db.database import Database, WriteSession
from app.core.observability.logging import logger
from app.core.observability.outages import Outage

LEASE = "sequencer"
LASTS = timedelta(seconds=3)
RENEWED_SECONDS = 1.5  # before its end
POLL_SECONDS = 0.25
RETRY_SECONDS = 1.0
SIGNED_EVERY = timedelta(minutes=1)
# Entries per transaction: hashed in a few hundredths of a second.
BATCH = 500
_OUTAGES = (SQLAlchemyError, EmulatedDBAPIException, OSError)


class Sequencer:
    """Gives entries their numbers and hashes, and signs the head of the chain every minute."""

    def __init__(self, database: Database, clock: Clock, signer: Signer) -> None:
        self.database, self.clock, self.signer = database, clock, signer
        self.holder: UUID = uuid4()

    async def run(self, stop: asyncio.Event) -> None:
        """Chain entries until `stop`; wait while another process does."""
        outage = Outage("the sequencer waits for the database", "the sequencer works again")
        while not stop.is_set():
            pause = POLL_SECONDS
            try:
                while await self.step():
                    pass
                outage.over()
            except _OUTAGES as error:
                outage.report(error)
                pause = RETRY_SECONDS
            except Exception:
                # Entries wait then, but mail does not.
                logger.exception("entries cannot be chained")
                pause = RETRY_SECONDS
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)

    async def step(self) -> int:
        """Chain the next entries if the lease allows it; return how many."""
        async with self.database.read() as session:
            waits, holder, seconds = await look(session, LEASE)
        if seconds > 0 and holder != self.holder:
            return 0
        if not waits and seconds > RENEWED_SECONDS:
            return 0
        return await self.chain_next()

    async def chain_next(self) -> int:
        """Chain up to `BATCH` entries, holding the lease; return how many."""
        async with self.database.write() as unit:
            # A process that freezes here must not keep the others waiting.
            limit = f"{LASTS.total_seconds():.0f}s"
            name = "idle_in_transaction_session_timeout"
            await unit.rows(select(func.set_config(name, limit, True)))
            if not await leases.take(unit, LEASE, self.holder, LASTS):
                return 0
            done = await chain_batch(unit, BATCH)
            await self._sign_if_due(unit)
        return done

    async def _sign_if_due(self, unit: WriteSession) -> None:
        chain, now = ChainRepository(unit), self.clock.now()
        end, newest = await chain.end(), await chain.newest_head()
        signed_at, signed = (newest.signed_at, newest.position.seq) if newest else (None, 0)
        if end.seq <= signed or (signed_at and signed_at <= now < signed_at + SIGNED_EVERY):
            return
        await _sign(chain, self.signer.sign(end, now))


async def chain_batch(unit: WriteSession, at_most: int) -> int:
    """Chain entries at the end of the chain; return how many."""
    chain = ChainRepository(unit)
    rows = await chain.take(at_most)
    if rows:
        linked = await asyncio.to_thread(_linked, await chain.end(), rows)
        await chain.link(linked)
    return len(rows)


def _linked(end: Position, rows: Any) -> list[tuple[Facts, str | None, Link]]:
    known = [_completed(row) for row in rows]
    links = chained(end, [facts for facts, _ in known])
    return [(facts, name, link) for (facts, name), link in zip(known, links, strict=True)]


def _completed(row: Any) -> tuple[Facts, str | None]:
    """Return the facts with the site that the writer did not know, and the actor's name."""
    site_id, name = row[len(FACTS)], row[len(FACTS) + 1]
    facts = facts_of(row)
    return (facts if site_id is None else replace(facts, site_id=site_id)), name or None


async def _sign(chain: ChainRepository, signed: Signed) -> None:
    await chain.add_head(signed)

    async def tell() -> None:
        # Kept elsewhere, these lines prove that the end was not cut.
        logger.info("audit head", head=str(signed.position), key=signed.key_id)

    chain.unit.after_commit(tell)


async def chain_all(database: Database, clock: Clock, signer: Signer) -> int:
    """Chain everything that waits, unless another process does; return how many entries."""
    sequencer = Sequencer(database, clock, signer)
    total, done, tries = 0, BATCH, int(2 * LASTS.total_seconds() / POLL_SECONDS)
    while done == BATCH:
        done = await sequencer.chain_next()
        total += done
    async with database.read() as session:
        waits, holder, _ = await look(session, LEASE)
    while waits and holder != sequencer.holder and tries:  # it may be that of a killed process
        await asyncio.sleep(POLL_SECONDS)
        done, tries = await sequencer.chain_next(), tries - 1
        total += done
    return total


async def adopt_account_events(database: Database) -> int:
    """Move the account events of older releases to the log; return how many."""

    async def some(unit: WriteSession) -> Batch:
        moved = await ChainRepository(unit).adopt_account_events(BATCH)
        return Batch(moved, more=moved == BATCH)

    return await in_batches(database, some)


async def cut(database: Database, signer: Signer, now: datetime, days: int) -> int:
    """Cut off entries that are older than `days`; return how many.

    Each batch leaves a signed anchor, at which the rest of the chain begins.
    """
    before = now - timedelta(days=days)

    async def some(unit: WriteSession) -> Batch:
        chain = ChainRepository(unit)
        old = [*takewhile(lambda row: row.created_at < before, await chain.oldest(BATCH))]
        if old:
            last = Position(old[-1].seq, old[-1].hash)
            await chain.cut_through(last.seq)
            record(unit, AuditAction.AUDIT_CUT, None, WORKER, now, through=last.seq)
            await _sign(chain, signer.sign(last, now, is_anchor=True))
        return Batch(len(old), more=len(old) == BATCH)

    return await in_batches(database, some)


async def sign_anew(database: Database, signer: Signer) -> int:
    """Sign heads of earlier keys with the current one; return how many.

    Those that do not verify are left as they are, for the verification to find.
    """
    after = 0

    async def some(unit: WriteSession) -> Batch:
        nonlocal after
        chain = ChainRepository(unit)
        heads = await chain.heads_after(after, BATCH)
        former = [h for h in heads if not signer.is_current(h) and signer.verifies(h)]
        for head in former:
            anew = signer.sign(head.position, head.signed_at, is_anchor=head.is_anchor)
            await chain.sign_anew(anew)
        after = heads[-1].position.seq if heads else after
        return Batch(len(former), more=len(heads) == BATCH)

    return await in_batches(database, some)


async def waiting_since(database: Database) -> datetime | None:
    """Return since when the oldest entry waits to be chained, if one does."""
    async with database.read() as session:
        return await ChainReader(session).waiting_since()
