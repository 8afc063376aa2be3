"""Sends what is due in the outbox."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from opentelemetry import trace
from sqlalchemy.exc import SQLAlchemyError

from app.core.clock import Clock
from app.core.database import Database
from app.core.logging import logger
from app.core.request_context import RequestContext, set_request_context, subjects
from app.notifications import metrics
from app.notifications.links import Links
from app.notifications.message import Mailbox, Message, build_message
from app.notifications.models import Notification, NotificationStatus
from app.notifications.payloads import PAYLOADS
from app.notifications.rendering import render
from app.notifications.repository import DeliveryQueue
from app.notifications.schedule import next_attempt
from app.notifications.smtp import Mailer, PermanentMailError, TemporaryMailError

# A claim outlives the longest delivery by this, so that no mail is taken over while it is sent.
LEASE_MARGIN = timedelta(seconds=5)
SWEEP_SECONDS = 2.0
SETTLE_PAUSE_SECONDS = 0.5

_tracer = trace.get_tracer("vms.worker")


@dataclass(frozen=True, slots=True)
class Delivery:
    """Takes mails from the outbox to the SMTP server, at most `senders` at a time."""

    database: Database
    clock: Clock
    mailer: Callable[[], Mailer]
    sender: Mailbox
    links: Links
    timeout: timedelta
    senders: int = 4
    beat: Callable[[], None] = lambda: None  # called whenever the delivery moves on

    async def run(self, wake: asyncio.Event, stop: asyncio.Event) -> None:
        """Deliver until `stop`: at once when woken, and every `SWEEP_SECONDS` all the same.

        It needs no Redis: a wake-up only makes it faster. A mail in hand is finished first.
        """
        while not stop.is_set():
            wake.clear()
            self.beat()
            try:
                await self.sweep(stop)
            except (SQLAlchemyError, OSError) as error:
                logger.warning("outbox unreachable", error=type(error).__name__)
            with suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), SWEEP_SECONDS)

    async def sweep(self, stop: asyncio.Event | None = None) -> int:
        """Take over what a dead worker left, drop what is pointless, send what is due.

        Says how many mails were tried.
        """
        now = self.clock.now()
        async with self.database.write() as unit:
            queue = DeliveryQueue(unit)
            taken_over = await queue.take_over(now)
            dropped = await queue.drop_pointless(now)
            due = await queue.count_due(now, self.senders)
        if taken_over or dropped:
            logger.info("outbox swept", taken_over=taken_over, superseded=dropped)
            metrics.count_sweep(taken_over, dropped)
        senders = (self._send_all(stop) for _ in range(due))
        tried = await asyncio.gather(*senders, return_exceptions=True)
        return sum(_number(result) for result in tried)

    async def _send_all(self, stop: asyncio.Event | None) -> int:
        tried = 0
        async with self.mailer() as mailer:
            while not (stop and stop.is_set()) and (claimed := await self._claim()):
                await self._deliver(mailer, claimed)
                self.beat()
                tried += 1
        return tried

    async def _claim(self) -> Notification | None:
        async with self.database.write() as unit:
            await unit.commit_each()
            return await DeliveryQueue(unit).claim(self.clock.now(), self._lease)

    @property
    def _lease(self) -> timedelta:
        return self.timeout + LEASE_MARGIN

    @_tracer.start_as_current_span("mail", record_exception=False)
    async def _deliver(self, mailer: Mailer, claimed: Notification) -> None:
        set_request_context(_cause(claimed))
        outcome = await self._attempt(mailer, claimed)
        settled = await self._settle(claimed, outcome)
        metrics.count_attempt(claimed, outcome, settled=settled)
        logger.info(
            "mail",
            kind=claimed.kind.value,
            attempt=claimed.attempts,
            status=outcome["status"].value if settled else "claim lost",
        )

    async def _settle(self, claimed: Notification, outcome: dict[str, Any]) -> bool:
        """Write the outcome down, for as long as the claim holds.

        A database that is away for a moment must not have a sent mail sent again.
        """
        deadline = asyncio.get_running_loop().time() + self._lease.total_seconds()
        while True:
            try:
                async with self.database.write() as unit:
                    await unit.commit_each()
                    return await DeliveryQueue(unit).settle(claimed, **outcome)
            except (SQLAlchemyError, OSError):
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(SETTLE_PAUSE_SECONDS)

    async def _attempt(self, mailer: Mailer, claimed: Notification) -> dict[str, Any]:
        """Send one mail; the values that its row gets."""
        try:
            message = self._message(claimed)
        except Exception:
            # A mail that can't be made must not stop the ones behind it.
            logger.exception("mail can't be made")
            return _failed("The mail could not be made")
        try:
            async with asyncio.timeout(self.timeout.total_seconds()):
                await mailer.send(message, claimed.recipient)
        except PermanentMailError as error:
            return _failed(error.reply)
        except TemporaryMailError as error:
            return self._again(claimed, error.reply)
        except TimeoutError:
            return self._again(claimed, "The mail server did not answer in time")
        return {
            "status": NotificationStatus.SENT,
            "sent_at": self.clock.now(),
            "last_error": None,
        }

    def _message(self, claimed: Notification) -> Message:
        payload = PAYLOADS[claimed.kind].model_validate(claimed.payload)
        mail = render(
            claimed.kind,
            payload,
            made_at=claimed.created_at,
            organizer=self.sender.address,
            links=self.links,
        )
        return build_message(
            mail,
            sender=self.sender,
            recipient=Mailbox(claimed.recipient_name, claimed.recipient),
            message_id=f"<{claimed.id}@{self.sender.address.partition('@')[2]}>",
            date=claimed.created_at,
        )

    def _again(self, claimed: Notification, reply: str) -> dict[str, Any]:
        chance = random.random()  # noqa: S311 - spreads retries, guards nothing
        due: datetime | None = next_attempt(
            claimed.tries_began_at, claimed.attempts, self.clock.now(), chance
        )
        if due is None:
            return _failed(reply)
        return {
            "status": NotificationStatus.QUEUED,
            "next_attempt_at": due,
            "last_error": reply,
        }


def _cause(claimed: Notification) -> RequestContext:
    """The request that caused the mail, so that the log joins the two."""
    ids = subjects(notification_id=claimed.id, visitor_id=claimed.visitor_id)
    return RequestContext(claimed.request_id or "-", subjects=ids)


def _failed(reply: str) -> dict[str, Any]:
    return {"status": NotificationStatus.FAILED, "last_error": reply}


def _number(result: int | BaseException) -> int:
    if isinstance(result, BaseException):
        raise result
    return result
