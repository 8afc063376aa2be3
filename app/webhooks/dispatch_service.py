"""The dispatcher: it gives each event to the webhooks that it is for, one process at a time.

What is to be delivered is stored together with how far it has read, so that a killed dispatcher
neither loses an event nor gives it twice.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from app.core.clock import Clock
from app.core.db import leases
from app.core.db.database import AfterCommit, Database, WriteSession
from app.core.db.errors import OUTAGES
from app.core.observability.logging import logger
from app.core.observability.outages import Outage
from app.events.filters import EventFilter
from app.events.repository import EventReader, ReadEvent
from app.webhooks.disabling import record_disabled
from app.webhooks.dispatch_repository import ActiveWebhook, DispatchRepository, look
from app.webhooks.matching import Subscription, Subscriptions, known_types, seen_by
from app.webhooks.models import Webhook
from app.webhooks.repository import makers
from app.webhooks.statements import queue

LEASE = "webhooks"
LASTS = timedelta(seconds=5)
# A process that freezes must not keep the others waiting, but a busy one must end its work.
IDLE = "15s"
POLL_SECONDS = 0.25
RETRY_SECONDS = 1.0
# Events that one transaction reads, and rows that it writes unless one event is for more webhooks.
BATCH = 200
MOST_ROWS = 5_000
# A replay is fed in as it is delivered.
MOST_WAITING = 1_000


@dataclass(slots=True)
class Dispatcher:
    """Queues deliveries; `tell` is called after each commit that queued some."""

    database: Database
    clock: Clock
    tell: AfterCommit
    holder: UUID = field(default_factory=uuid4)

    async def run(self, stop: asyncio.Event) -> None:
        """Dispatch until `stop`; wait while another process does."""
        outage = Outage("the dispatcher waits for the database", "the dispatcher works again")
        while not stop.is_set():
            pause = POLL_SECONDS
            try:
                while await self.step():
                    pass
                outage.over()
            except IntegrityError:
                continue  # a webhook was deleted meanwhile
            except OUTAGES as error:
                outage.report(error)
                pause = RETRY_SECONDS
            except Exception:
                # Events wait then, but mail does not.
                logger.exception("events cannot be dispatched")
                pause = RETRY_SECONDS
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)

    async def step(self) -> bool:
        """Dispatch the next events if the lease allows it; return whether to go on at once."""
        async with self.database.read() as session:
            waits, holder, seconds = await look(session, LEASE)
        if not waits or (0 < seconds <= LASTS.total_seconds() and holder != self.holder):
            return False
        async with self.database.write() as unit:
            name = "idle_in_transaction_session_timeout"
            await unit.rows(select(func.set_config(name, IDLE, True)))
            if not await leases.take(unit, LEASE, self.holder, LASTS):
                return False
            return await self._dispatch(unit)

    async def _dispatch(self, unit: WriteSession) -> bool:
        webhooks, now = DispatchRepository(unit), self.clock.now()
        for webhook in await webhooks.disable_without_maker():
            record_disabled(unit, webhook, now)
        active = await webhooks.active()
        found = await _subscriptions(unit, active)
        goes_on = await self._new_ones(unit, found)
        for each in active:
            if each.replay_after is not None and each.id in found:
                goes_on |= await self._replay(unit, each.id, found[each.id])
        return goes_on

    async def _new_ones(self, unit: WriteSession, found: dict[UUID, Subscription]) -> bool:
        """Queue new events; return whether there are more."""
        webhooks, events = DispatchRepository(unit), EventReader(unit)
        if not found:
            await webhooks.move_cursor(await events.head())
            return False
        cursor, everyone = await webhooks.cursor(), Subscriptions(found.values())
        read = await events.after(cursor, EventFilter(types=everyone.types), BATCH)
        rows: list[tuple[UUID, ReadEvent]] = []
        reached = read.next_after
        for event in read.events:
            takers = [(id_, event) for id_ in everyone.of(event)]
            if rows and len(rows) + len(takers) > MOST_ROWS:
                reached = event.seq - 1
                break
            rows += takers
        await self._queue(unit, rows)
        if reached != cursor:
            await webhooks.move_cursor(reached)
        return reached < read.head

    async def _replay(self, unit: WriteSession, webhook_id: UUID, taker: Subscription) -> bool:
        """Queue the next events of a replay; return whether to go on at once."""
        webhooks = DispatchRepository(unit)
        webhook = await webhooks.lock(Webhook.id == webhook_id, key_share=True)
        if webhook is None or webhook.replay_after is None or webhook.replay_until is None:
            return False
        if await webhooks.count_waiting(webhook_id, MOST_WAITING) >= MOST_WAITING:
            return False
        until = webhook.replay_until
        chosen = replace(taker.seen, types=known_types(taker.types))
        read = await EventReader(unit).after(webhook.replay_after, chosen, BATCH)
        events = [event for event in read.events if event.seq <= until]
        await self._queue(unit, [(webhook_id, event) for event in events], again=True)
        await webhooks.move_replay(webhook_id, min(read.next_after, until), until)
        return read.next_after < until

    async def _queue(
        self, unit: WriteSession, rows: Sequence[tuple[UUID, ReadEvent]], *, again: bool = False
    ) -> None:
        if await queue(unit, rows, self.clock.now(), again=again):
            unit.after_commit(self.tell)


async def _subscriptions(
    unit: WriteSession, webhooks: Sequence[ActiveWebhook]
) -> dict[UUID, Subscription]:
    """Return what each webhook takes, by the present rights of its maker."""
    ids = {each.maker_id for each in webhooks if each.maker_id is not None}
    callers = await makers(unit, ids)
    return {
        each.id: Subscription(
            each.id,
            frozenset(each.types),
            each.starts_after,
            seen_by(callers[each.maker_id], each.site_id),
        )
        for each in webhooks
        if each.maker_id in callers
    }
