"""The delivery: claims what is due, posts it, and records the outcome.

A claim ends by itself, so that what a killed worker had in flight is due again. Each webhook is one
lane at a time, and those that fail or are slow have lanes of their own: they delay nobody else.
"""

import asyncio
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from time import monotonic
from uuid import UUID

from app.auth.caller import Caller
from app.core.clock import Clock
from app.core.db.database import Database, WriteSession
from app.core.db.errors import OUTAGES
from app.core.db.rollout import is_finished
from app.core.observability.logging import logger
from app.core.observability.outages import Outage
from app.core.security.encryption import Encryption, UnreadableSecret
from app.users.repository import UserReader
from app.webhooks import metrics
from app.webhooks.attempts import RESULTS, Attempt
from app.webhooks.client import SECONDS, Poster, Unanswered
from app.webhooks.disabling import record_disabled
from app.webhooks.mails import WebhookMails
from app.webhooks.matching import seen_by
from app.webhooks.models import DisabledReason, PayloadKind
from app.webhooks.payload import as_text, full_message, message, test_message
from app.webhooks.record_service import Records, records_of
from app.webhooks.repository import WebhookRepository, makers
from app.webhooks.schedule import DISABLED_AFTER
from app.webhooks.signing import signed_headers
from app.webhooks.statements import (
    ANSWERING,
    SLOW,
    Claim,
    Outcome,
    Receiver,
    Slowness,
    claim,
    settle,
)

# Longer than any attempt.
LEASE = timedelta(seconds=SECONDS + 15)
POLL_SECONDS = 0.5
RETRY_SECONDS = 1.0
SETTLE_PAUSE_SECONDS = 0.5
# Deliveries in flight are at most the product of lanes and batch.
LANES = {ANSWERING: 32, SLOW: 128}
# A lane that takes longer is among the slow ones from then on, and so is its webhook next time.
SLOW_SECONDS = 2.0
HEADERS = {"Content-Type": "application/json", "User-Agent": "vms-webhooks/1"}


@dataclass(frozen=True, slots=True)
class Batch:
    """Claims of one webhook, and its maker, unless that may have none."""

    receiver: Receiver
    claims: Sequence[Claim]
    maker: Caller | None


@dataclass(slots=True)
class Lane:
    """The deliveries of one webhook that are in flight."""

    is_slow: bool
    began_at: float

    def is_slow_by(self, now: float) -> bool:
        return self.is_slow or now - self.began_at > SLOW_SECONDS


@dataclass(slots=True)
class WebhookDeliverer:
    """Delivers until it is stopped."""

    database: Database
    clock: Clock
    secrets: Encryption
    poster: Poster
    mails: WebhookMails
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    lanes: dict[UUID, Lane] = field(default_factory=dict)
    slow: set[UUID] = field(default_factory=set)
    outage: Outage = field(
        default_factory=lambda: Outage("webhooks unreachable", "webhooks reached again")
    )

    async def wake(self) -> None:
        """Make it look for deliveries that are due now."""
        self.woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop`, when woken and every `POLL_SECONDS`."""
        stopping = asyncio.create_task(stop.wait())
        try:
            async with asyncio.TaskGroup() as group:
                while not stop.is_set():
                    self.woken.clear()
                    pause = await self._begin(group)
                    woken = asyncio.create_task(self.woken.wait())
                    try:
                        await asyncio.wait(
                            {woken, stopping}, timeout=pause, return_when=asyncio.FIRST_COMPLETED
                        )
                    finally:
                        woken.cancel()
        finally:
            stopping.cancel()

    async def _begin(self, group: asyncio.TaskGroup) -> float:
        """Begin lanes for what is due; return how long to wait if nobody wakes."""
        try:
            for batch in await self._batches():
                self._open(group, batch)
        except OUTAGES as error:
            self.outage.report(error)
            return RETRY_SECONDS
        except Exception:
            # Webhooks wait then, but mail does not.
            logger.exception("webhooks cannot be delivered")
            return RETRY_SECONDS
        self.outage.over()
        return POLL_SECONDS

    async def deliver_due(self) -> int:
        """Deliver what is due now; return how many attempts were made."""
        done = 0
        while batches := await self._batches():
            await asyncio.gather(*map(self._deliver, batches))
            done += sum(len(each.claims) for each in batches)
        return done

    async def _batches(self) -> list[Batch]:
        """Claim what is due; return it by webhook, with the present rights of the makers."""
        claims = await self._claims()
        if not claims:
            return []
        async with self.database.read() as session:
            callers = await makers(session, {each.receiver.maker_id for each in claims})
        return [
            Batch(receiver, some, callers.get(receiver.maker_id))
            for receiver, some in _by_webhook(claims)
        ]

    async def _claims(self) -> list[Claim]:
        now = self.clock.now()
        found: list[Claim] = []
        async with self.database.write(single_statement=True) as unit:
            for kind, free in self._free().items():
                found += await claim(
                    unit,
                    kind,
                    now,
                    now + LEASE,
                    lanes=free,
                    at_work=self.lanes,
                    slow=self.slow,
                )
        return found

    def _free(self) -> dict[Slowness, int]:
        now = monotonic()
        slow = sum(lane.is_slow_by(now) for lane in self.lanes.values())
        free = {
            ANSWERING: LANES[ANSWERING] - (len(self.lanes) - slow),
            SLOW: LANES[SLOW] - slow,
        }
        return {kind: number for kind, number in free.items() if number > 0}

    def _open(self, group: asyncio.TaskGroup, batch: Batch) -> None:
        receiver = batch.receiver
        is_slow = receiver.failing_since is not None or receiver.id in self.slow
        self.lanes[receiver.id] = lane = Lane(is_slow, monotonic())
        group.create_task(self._work(batch, lane))

    async def _work(self, batch: Batch, lane: Lane) -> None:
        webhook_id = batch.receiver.id
        try:
            await self._deliver(batch)
            self.outage.over()
        except OUTAGES as error:
            self.outage.report(error)
        except Exception:
            # The claims end by themselves; other webhooks go on.
            logger.exception("webhook cannot be delivered", webhook_id=str(webhook_id))
        finally:
            is_slow = monotonic() - lane.began_at > SLOW_SECONDS
            (self.slow.add if is_slow else self.slow.discard)(webhook_id)
            del self.lanes[webhook_id]
            self.woken.set()

    async def _deliver(self, batch: Batch) -> None:
        """Try the claims of one webhook side by side, and record the outcomes."""
        records = await self._records(batch)
        try:
            secrets = self._secrets(batch.receiver, self.clock.now())
        except UnreadableSecret:
            error = "The secret cannot be read: rotate it"
            attempts = [Attempt(claimed, error=error) for claimed in batch.claims]
        else:
            attempts = await asyncio.gather(
                *(self._try(batch, claimed, records, secrets) for claimed in batch.claims)
            )
        await self._settle(batch.receiver, attempts)

    async def _records(self, batch: Batch) -> Records:
        """Return the records for full messages; those that have left the site are left out."""
        if batch.maker is None or batch.receiver.payload != PayloadKind.FULL:
            return {}
        events = [each.event for each in batch.claims if each.event is not None]
        async with self.database.read() as session:
            found = await records_of(session, events, batch.maker)
        # Its maker may see more sites than those who may change where it is sent.
        site_id = batch.receiver.site_id
        return {
            id_: record
            for id_, record in found.items()
            if site_id is None or record["site"] == str(site_id)
        }

    async def _try(
        self, batch: Batch, claimed: Claim, records: Records, secrets: Sequence[str]
    ) -> Attempt:
        now = self.clock.now()
        body = _body(batch, claimed, records, now)
        if body is None:
            return Attempt(claimed, error="Its maker may not see this event", is_refused=True)
        headers = HEADERS | signed_headers(str(claimed.event_id), now, body, secrets)
        try:
            answer = await self.poster.post(batch.receiver.url, headers, body.encode())
        except Unanswered as reason:
            return Attempt(claimed, error=str(reason))
        return Attempt(claimed, answer)

    def _secrets(self, receiver: Receiver, now: datetime) -> list[str]:
        replaced = (
            (receiver.previous_secret, receiver.previous_secret_until),
            (receiver.older_secret, receiver.older_secret_until),
        )
        valid = [secret for secret, until in replaced if secret and until and now < until]
        stored = [receiver.secret, *valid]
        return [self.secrets.decrypt(each) for each in stored]

    async def _settle(self, receiver: Receiver, attempts: Sequence[Attempt]) -> None:
        """Record outcomes; retry while the database is down, as long as the claims hold."""
        deadline = monotonic() + LEASE.total_seconds() - SECONDS
        while True:
            try:
                await self._record(receiver, attempts)
                break
            except OUTAGES:
                if monotonic() > deadline:
                    raise
                await asyncio.sleep(SETTLE_PAUSE_SECONDS)
        # A line for each would cost more than the database.
        logger.info(
            "webhook",
            webhook_id=str(receiver.id),
            attempts=len(attempts),
            delivered=sum(each.is_delivered for each in attempts),
        )

    async def _record(self, receiver: Receiver, attempts: Sequence[Attempt]) -> None:
        now = self.clock.now()
        outcomes = [each.outcome(now, _chance()) for each in attempts]
        is_plain = all(each.is_delivered for each in attempts) and receiver.failing_since is None
        async with self.database.write(single_statement=is_plain) as unit:
            if not is_plain:
                # First, since users lock the webhook before its deliveries.
                await self._note(
                    unit, receiver, [each for each in attempts if not each.is_test], now
                )
            await settle(unit, outcomes)
        for each, outcome in zip(attempts, outcomes, strict=True):
            _count(each, outcome, now)

    async def _note(
        self, unit: WriteSession, receiver: Receiver, attempts: Sequence[Attempt], now: datetime
    ) -> None:
        """Note at the webhook that it works or fails; disable it if it is gone or has for long."""
        webhooks = WebhookRepository(unit)
        failed = [each for each in attempts if each.has_failed]
        if any(each.is_gone for each in failed):
            await self._disable(unit, receiver, DisabledReason.GONE, None, now)
        elif any(each.is_delivered for each in attempts):
            await webhooks.note_success(receiver.id)
        elif failed:
            since = receiver.failing_since
            if since is not None and since <= now - DISABLED_AFTER and await is_finished(unit):
                await self._disable(unit, receiver, DisabledReason.FAILING, failed[-1].reason, now)
            pauses = [wish for each in failed if (wish := each.wish(now)) is not None]
            until = now + max(pauses) if pauses else None
            await webhooks.note_failure(receiver.id, now, until)

    async def _disable(
        self,
        unit: WriteSession,
        receiver: Receiver,
        reason: DisabledReason,
        error: str | None,
        now: datetime,
    ) -> None:
        webhook = await WebhookRepository(unit).disable(receiver.id, reason)
        if webhook is None:
            return
        record_disabled(unit, webhook, now)
        if reason is DisabledReason.FAILING:
            maker = await UserReader(unit).get(receiver.maker_id)
            if maker is not None:
                self.mails.tell(unit, webhook, maker, error, now)


def _body(batch: Batch, claimed: Claim, records: Records, now: datetime) -> str | None:
    """Return the body of a message; None if its maker may not see the event."""
    receiver, event = batch.receiver, claimed.event
    if claimed.event_seq is None:
        return as_text(test_message(claimed.event_id, receiver.id, now))
    if batch.maker is None or event is None:
        return None
    if not seen_by(batch.maker, receiver.site_id).allows(event):
        return None
    if receiver.payload == PayloadKind.FULL:
        record = records.get(event.subject_id) if event.subject_id else None
        return as_text(full_message(event, record))
    return as_text(message(event))


def _by_webhook(claims: Sequence[Claim]) -> Iterator[tuple[Receiver, Sequence[Claim]]]:
    """Yield the claims of each webhook."""
    ordered = sorted(claims, key=lambda each: each.receiver.id)
    for _, some in groupby(ordered, key=lambda each: each.receiver.id):
        own = list(some)
        yield own[0].receiver, own


def _chance() -> float:
    return random.random()  # noqa: S311 - spreads retries, guards nothing


def _count(attempt: Attempt, outcome: Outcome, now: datetime) -> None:
    metrics.count_attempt(RESULTS[outcome.status])
    if attempt.is_delivered:
        metrics.count_delay((now - attempt.claim.tries_began_at).total_seconds())
