"""What an attempt comes to."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.webhooks.client import Answer
from app.webhooks.models import DeliveryStatus
from app.webhooks.schedule import next_attempt, retry_after
from app.webhooks.statements import Claim, Outcome

GONE = 410
RESULTS = {
    DeliveryStatus.DELIVERED: "delivered",
    DeliveryStatus.PENDING: "deferred",
    DeliveryStatus.FAILED: "failed",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """A claim with what was answered, or the reason why nothing was.

    One that `is_refused` was not sent, since the maker may not see the event.
    """

    claim: Claim
    answer: Answer | None = None
    error: str | None = None
    is_refused: bool = False

    @property
    def is_delivered(self) -> bool:
        return self.answer is not None and 200 <= self.answer.status < 300

    @property
    def is_test(self) -> bool:
        return self.claim.event_seq is None

    @property
    def has_failed(self) -> bool:
        """Return whether it says something about the receiver."""
        return not self.is_delivered and not self.is_refused

    @property
    def is_gone(self) -> bool:
        return self.answer is not None and self.answer.status == GONE

    @property
    def status(self) -> int | None:
        return self.answer.status if self.answer else None

    @property
    def reason(self) -> str | None:
        """Return why it failed, for the maker of the webhook."""
        if self.answer is None or self.is_delivered:
            return self.error
        if 300 <= self.answer.status < 400:
            return f"Answered {self.answer.status}; redirects are not followed"
        return f"Answered {self.answer.status}"

    def wish(self, now: datetime) -> timedelta | None:
        """Return the pause that the receiver asks for."""
        return retry_after(self.answer.retry_after, now) if self.answer else None

    def outcome(self, now: datetime, chance: float) -> Outcome:
        """Return what is recorded; `chance` in [0, 1) varies the pause."""
        own = self.claim
        if self.is_delivered:
            return Outcome(
                id=own.id,
                attempts=own.attempts,
                status=DeliveryStatus.DELIVERED,
                last_status=self.status,
                delivered_at=now,
            )
        due = None
        if not (self.is_refused or self.is_test or self.is_gone):
            due = next_attempt(own.tries_began_at, own.tries, now, chance, self.wish(now))
        return Outcome(
            id=own.id,
            attempts=own.attempts,
            status=DeliveryStatus.FAILED if due is None else DeliveryStatus.PENDING,
            last_status=self.status,
            last_error=self.reason,
            next_attempt_at=due,
        )
