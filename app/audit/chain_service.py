"""Chain entries after their commit, sign the head of the chain, and cut off old entries."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from app.audit.chain import Facts, Link, Moment, Position, Signed, Signer, chained
from app.audit.chain_repository import (
    ChainReader,
    ChainRepository,
    facts_of,
    moment_of,
)
from app.audit.models import AuditAction
from app.audit.repository import WORKER, record
from app.core.db.batches import Batch, in_batches
from app.core.db.database import Database, WriteSession
from app.core.observability.logging import logger

SIGNED_EVERY = timedelta(minutes=1)
# Entries per transaction: hashed in a few hundredths of a second.
BATCH = 500


@dataclass(frozen=True, slots=True)
class Chained:
    """An entry that has been chained, and has no event yet."""

    seq: int
    facts: Facts
    moment: Moment


async def chain_batch(unit: WriteSession, at_most: int) -> list[Chained]:
    """Chain entries at the end of the chain, under the lease; return them in its order."""
    chain = ChainRepository(unit)
    rows = await chain.take(at_most)
    if not rows:
        return []
    linked = await asyncio.to_thread(_linked, await chain.end(), rows)
    await chain.link(linked)
    return [
        Chained(link.seq, facts, moment_of(row))
        for row, (facts, _, link) in zip(rows, linked, strict=True)
    ]


async def chained_by_others(unit: WriteSession, at_most: int) -> list[Chained]:
    """Return entries that processes of the previous release have chained since the last batch."""
    rows = await ChainRepository(unit).without_event(at_most)
    return [Chained(row[-1], facts_of(row), moment_of(row)) for row in rows]


async def sign_if_due(unit: WriteSession, signer: Signer, now: datetime) -> None:
    """Sign the head of the chain, once a minute in which entries came."""
    chain = ChainRepository(unit)
    end, newest = await chain.end(), await chain.newest_head()
    signed_at, signed = (newest.signed_at, newest.position.seq) if newest else (None, 0)
    if end.seq <= signed or (signed_at and signed_at <= now < signed_at + SIGNED_EVERY):
        return
    await _sign(chain, signer.sign(end, now))


def _linked(end: Position, rows: Any) -> list[tuple[Facts, str | None, Link]]:
    known = [_completed(row) for row in rows]
    links = chained(end, [facts for facts, _ in known])
    return [(facts, name, link) for (facts, name), link in zip(known, links, strict=True)]


def _completed(row: Any) -> tuple[Facts, str | None]:
    """Return the facts with the site that the writer did not know, and the actor's name."""
    site_id, name = row[-2], row[-1]
    facts = facts_of(row)
    return (facts if site_id is None else replace(facts, site_id=site_id)), name or None


async def _sign(chain: ChainRepository, signed: Signed) -> None:
    await chain.add_head(signed)

    async def tell() -> None:
        # Kept elsewhere, these lines prove that the end was not cut.
        logger.info("audit head", head=str(signed.position), key=signed.key_id)

    chain.unit.after_commit(tell)


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
