import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from opentelemetry import trace

from app.core.clock import Clock
from app.core.db.database import Database
from app.core.db.errors import OUTAGES
from app.core.link_marks import unlinked
from app.core.observability.logging import logger
from app.core.observability.outages import Outage
from app.core.request_context import RequestContext, set_request_context, subjects
from app.notifications import metrics
from app.notifications.claim_statements import Claim, DeliveryOutcome, DeliveryQueue
from app.notifications.kinds import TO_VISITOR
from app.notifications.links import Links
from app.notifications.message import Mailbox, Message, build_message
from app.notifications.models import NotificationStatus
from app.notifications.payloads import Payload, VisitPayload
from app.notifications.rendering import render
from app.notifications.schedule import next_attempt
from app.notifications.smtp_client import Mailer, PermanentMailError, TemporaryMailError

# No claim may expire while its mail is being sent.
LEASE_MARGIN = timedelta(seconds=5)
SWEEP_SECONDS = 2.0
SETTLE_PAUSE_SECONDS = 0.5

_tracer = trace.get_tracer("vms.worker")


@dataclass(frozen=True, slots=True)
class Delivery:
    """Sends notifications with at most `senders` concurrent connections."""

    database: Database
    clock: Clock
    mailer: Callable[[], Mailer]
    sender: Mailbox
    links: Links
    timeout: timedelta
    senders: int = 4
    beat: Callable[[], None] = lambda: None  # called on progress
    outage: Outage = field(
        default_factory=lambda: Outage("outbox unreachable", "outbox reached again")
    )

    async def run(self, wake: asyncio.Event, stop: asyncio.Event) -> None:
        """Deliver until `stop`, when woken and every `SWEEP_SECONDS`, in case Redis is down."""
        async with asyncio.TaskGroup() as group:
            at_work: set[asyncio.Task[None]] = set()
            while not stop.is_set():
                if len(at_work) == self.senders:
                    await asyncio.wait(at_work, return_when=asyncio.FIRST_COMPLETED)
                    continue
                wake.clear()
                self.beat()
                for _ in range(await self._missing(len(at_work))):
                    at_work.add(task := group.create_task(self._send_in_turn(stop)))
                    task.add_done_callback(at_work.discard)
                with suppress(TimeoutError):
                    await asyncio.wait_for(wake.wait(), SWEEP_SECONDS)

    async def _missing(self, at_work: int) -> int:
        try:
            due = await self.tidy(self.senders - at_work)
        except OUTAGES as error:
            self.outage.report(error)
            return 0
        self.outage.over()
        return due

    async def tidy(self, at_most: int) -> int:
        """Recover expired claims and supersede expired notifications; return how many are due."""
        now = self.clock.now()
        async with self.database.write() as unit:
            queue = DeliveryQueue(unit)
            await queue.erase_pointless(now)
            taken_over = await queue.take_over(now)
            dropped = await queue.drop_pointless(now)
            due = await queue.count_due(now, at_most)
        if taken_over or dropped:
            logger.info("outbox swept", taken_over=taken_over, superseded=dropped)
            metrics.count_sweep(taken_over, dropped)
        return due

    async def _send_in_turn(self, stop: asyncio.Event) -> None:
        try:
            await self.send_all(stop)
        except OUTAGES as error:
            self.outage.report(error)

    async def send_all(self, stop: asyncio.Event) -> int:
        """Send mails until none is due or `stop` is set; return the number of attempts."""
        tried = 0
        claim = None if stop.is_set() else await self._claim()
        async with self.mailer() as mailer:
            while claim:
                if claim.recipient is None:  # superseded
                    claim = await self._claim()
                    continue
                claim = await self._deliver(mailer, claim, claim.recipient, stop)
                self.beat()
                tried += 1
        return tried

    async def _claim(self) -> Claim | None:
        async with self.database.write(single_statement=True) as unit:
            return await DeliveryQueue(unit).claim(self.clock.now(), self._lease)

    @property
    def _lease(self) -> timedelta:
        return self.timeout + LEASE_MARGIN

    @_tracer.start_as_current_span("mail", record_exception=False)
    async def _deliver(
        self, mailer: Mailer, claim: Claim, recipient: str, stop: asyncio.Event
    ) -> Claim | None:
        """Send one mail; return the next claim, if any."""
        set_request_context(_cause(claim))
        outcome = await self._attempt(mailer, claim, recipient)
        settled, following = await self._settle(claim, outcome, stop)
        metrics.count_attempt(claim, outcome, settled=settled)
        logger.info(
            "mail",
            kind=claim.kind.value,
            attempt=claim.attempts,
            status=outcome.status.value if settled else "claim lost",
        )
        return following

    async def _settle(
        self, claim: Claim, outcome: DeliveryOutcome, stop: asyncio.Event
    ) -> tuple[bool, Claim | None]:
        """Record the outcome, and claim the next notification.

        Retries while the database is down, so that no mail is sent twice.
        """
        deadline = asyncio.get_running_loop().time() + self._lease.total_seconds()
        while True:
            try:
                async with self.database.write(single_statement=True) as unit:
                    queue = DeliveryQueue(unit)
                    now = self.clock.now()
                    if stop.is_set():
                        return await queue.record(claim, outcome, now), None
                    return await queue.record_and_claim(claim, outcome, now, self._lease)
            except OUTAGES:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(SETTLE_PAUSE_SECONDS)

    async def _attempt(self, mailer: Mailer, claim: Claim, recipient: str) -> DeliveryOutcome:
        try:
            message = self._message(claim, recipient)
        except Exception:
            # It must not block the mails behind it.
            logger.exception("mail cannot be rendered")
            return _failed("The mail could not be rendered")
        try:
            async with asyncio.timeout(self.timeout.total_seconds()):
                await mailer.send(message, recipient)
        except PermanentMailError as error:
            return _failed(error.reply)
        except TemporaryMailError as error:
            return self._again(claim, error.reply)
        except TimeoutError:
            return self._again(claim, "The mail server did not answer in time")
        return DeliveryOutcome(status=NotificationStatus.SENT, sent_at=self.clock.now())

    def _message(self, claim: Claim, recipient: str) -> Message:
        payload = claim.kind.mail.payload.model_validate(claim.payload)
        reply_to = _answered_by(payload)
        mail = render(
            claim.kind,
            payload,
            is_answered=reply_to is not None,
            made_at=claim.created_at,
            organizer=self.sender.address,
            links=self.links,
        )
        return build_message(
            mail,
            sender=self.sender,
            recipient=Mailbox(_display_name(claim, payload), recipient),
            reply_to=reply_to,
            message_id=f"<{claim.id}@{self.sender.address.partition('@')[2]}>",
            date=claim.created_at,
        )

    def _again(self, claim: Claim, reply: str) -> DeliveryOutcome:
        chance = random.random()  # noqa: S311 - spreads retries, guards nothing
        due: datetime | None = next_attempt(
            claim.tries_began_at, claim.attempts, self.clock.now(), chance
        )
        if due is None:
            return _failed(reply)
        return DeliveryOutcome(
            status=NotificationStatus.QUEUED, next_attempt_at=due, last_error=reply
        )


def _display_name(claim: Claim, payload: Payload) -> str:
    """Return the name for the To header, without text typed by the visitor."""
    if (
        claim.kind in TO_VISITOR
        and isinstance(payload, VisitPayload)
        and payload.is_typed_by_stranger
    ):
        return ""
    return unlinked(claim.recipient_name)


def _answered_by(payload: Payload) -> Mailbox | None:
    address = payload.reply_to if isinstance(payload, VisitPayload) else None
    return Mailbox("", address) if address else None


def _cause(claim: Claim) -> RequestContext:
    """Return the context of the request that caused the mail, for the log."""
    ids = subjects(notification_id=claim.id, visitor_id=claim.visitor_id)
    return RequestContext(claim.request_id or "-", subjects=ids)


def _failed(reply: str) -> DeliveryOutcome:
    return DeliveryOutcome(status=NotificationStatus.FAILED, last_error=reply)
