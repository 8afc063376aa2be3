"""SQL of the worker's side of the outbox: who has which mail in hand."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate, Update

from app.core.prepared import Prepared
from app.core.repository import Repository
from app.notifications.kinds import NotificationKind
from app.notifications.models import Notification, NotificationStatus
from app.notifications.schedule import GIVE_UP_AFTER


@dataclass(frozen=True, slots=True)
class Claim:
    """A mail in a worker's hands; `attempts` is the fence of the claim."""

    id: UUID
    visitor_id: UUID | None
    kind: NotificationKind
    request_id: str | None
    recipient: str
    recipient_name: str
    payload: dict[str, Any]
    attempts: int
    created_at: datetime
    tries_began_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an attempt came to; `next_attempt_at` is for a mail that goes back into the queue."""

    status: NotificationStatus
    last_error: str | None = None
    sent_at: datetime | None = None
    next_attempt_at: datetime | None = None


def _word(status: NotificationStatus) -> ColumnElement[NotificationStatus]:
    # Spelled out: a plan for any status could not use the indexes of the queued and the claimed.
    return literal_column(f"'{status.value}'", Notification.status.type)


def _due(now: ColumnElement[datetime]) -> tuple[ColumnElement[bool], ...]:
    return (
        Notification.status == _word(NotificationStatus.QUEUED),
        Notification.next_attempt_at <= now,
        or_(Notification.pointless_after.is_(None), Notification.pointless_after > now),
    )


def _claiming() -> ReturningUpdate[Any]:
    """The mail that is due longest, taken `until` then."""
    first = (
        select(Notification.id)
        .where(*_due(bindparam("now", type_=Notification.next_attempt_at.type)))
        .order_by(Notification.next_attempt_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    values = {
        "status": _word(NotificationStatus.SENDING),
        "attempts": Notification.attempts + 1,
        "lease_until": bindparam("until"),
    }
    columns = (getattr(Notification, name) for name in Claim.__slots__)
    return update(Notification).where(Notification.id == first).values(values).returning(*columns)


def _settling() -> Update:
    """An outcome, written down for as long as its claim holds."""
    held = (
        Notification.id == bindparam("claimed_id"),
        Notification.status == _word(NotificationStatus.SENDING),
        Notification.attempts == bindparam("claimed_attempts"),
    )
    due = Notification.next_attempt_at
    values = {
        "status": bindparam("status"),
        "last_error": bindparam("last_error"),
        "sent_at": bindparam("sent_at"),
        "next_attempt_at": func.coalesce(bindparam("next_attempt_at", type_=due.type), due),
        "lease_until": null(),
    }
    return update(Notification).where(*held).values(values)


def _settling_and_claiming() -> Prepared:
    """Both at once. Neither sees what the other does: a mail that goes back is not taken again."""
    settled = _settling().returning(Notification.id).cte("settled")
    claimed = _claiming().cte("claimed")
    was_held = select(func.count()).select_from(settled).scalar_subquery()
    always = select(literal_column("1")).subquery("always")
    return Prepared(select(was_held, claimed).select_from(always.outerjoin(claimed, true())))


_CLAIM = Prepared(_claiming())
_SETTLE = Prepared(_settling())
_SETTLE_AND_CLAIM = _settling_and_claiming()


class DeliveryQueue(Repository[Notification]):
    """Claims mails, settles them, and takes over what was never settled."""

    model = Notification

    async def claim(self, now: datetime, lease: timedelta) -> Claim | None:
        """Take the mail that is due longest, passing over those in other workers' hands.

        The claim holds for `lease`, which must be longer than a delivery can take.
        """
        row = await self.session.row(_CLAIM, now=now, until=now + lease)
        return _claim(row) if row else None

    async def count_due(self, now: datetime, at_most: int) -> int:
        """How many mails are due, counted no further than `at_most`."""
        some = select(Notification.id).where(*_due(literal(now))).limit(at_most).subquery()
        return await self.session.scalar(select(func.count()).select_from(some)) or 0

    async def settle(self, claim: Claim, outcome: Outcome) -> bool:
        """Write the outcome of a claim, unless the claim was lost meanwhile."""
        return bool(await self.unit.run(_SETTLE, **_settled(claim, outcome)))

    async def settle_and_claim(
        self, claim: Claim, outcome: Outcome, now: datetime, lease: timedelta
    ) -> tuple[bool, Claim | None]:
        """Both in one statement, for who goes from mail to mail."""
        values = {**_settled(claim, outcome), "now": now, "until": now + lease}
        row = await self.session.row(_SETTLE_AND_CLAIM, **values)
        held, *claimed = tuple(row) if row else (0, None)
        return bool(held), _claim(claimed) if claimed[0] else None

    async def take_over(self, now: datetime) -> int:
        """Queue again what a worker claimed and never settled; after a day it has failed.

        A mail that kills every worker that takes it must not go round for ever.
        """
        spent = Notification.tries_began_at <= now - GIVE_UP_AFTER
        result = await self.unit.write(
            update(Notification)
            .where(
                Notification.status == _word(NotificationStatus.SENDING),
                Notification.lease_until <= now,
            )
            .values(
                status=case((spent, NotificationStatus.FAILED), else_=NotificationStatus.QUEUED),
                last_error=case(
                    (spent, "No worker came to an end with it"), else_=Notification.last_error
                ),
                lease_until=None,
                next_attempt_at=now,
            )
        )
        return result.rowcount

    async def drop_pointless(self, now: datetime) -> int:
        """End the mails whose time has passed before they went out."""
        result = await self.unit.write(
            update(Notification)
            .where(
                Notification.status == _word(NotificationStatus.QUEUED),
                Notification.pointless_after <= now,
            )
            .values(status=NotificationStatus.SUPERSEDED)
        )
        return result.rowcount


def _claim(values: Iterable[Any]) -> Claim:
    id_, visitor_id, kind, *others = values
    return Claim(id_, visitor_id, NotificationKind(kind), *others)


def _settled(claim: Claim, outcome: Outcome) -> dict[str, Any]:
    return {"claimed_id": claim.id, "claimed_attempts": claim.attempts, **asdict(outcome)}
