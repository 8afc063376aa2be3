from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Uuid,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased
from sqlalchemy.sql.dml import ReturningDelete, ReturningUpdate

from app.audit.models import VISITOR
from app.core.db.prepared import Command
from app.core.db.repository import Repository
from app.core.ids import new_id
from app.events.kinds import ActorKind, EventType
from app.events.models import PendingEvent
from app.events.outbox import emit
from app.notifications.fact_statements import true_facts
from app.notifications.kinds import NotificationKind
from app.notifications.models import Notification, NotificationStatus
from app.notifications.repository import VISITORS
from app.notifications.schedule import GIVE_UP_AFTER


@dataclass(frozen=True, slots=True)
class Claim:
    """A claimed notification with current facts; `attempts` is its fencing token.

    Without a recipient it was superseded.
    """

    id: UUID
    visitor_id: UUID | None
    kind: NotificationKind
    request_id: str | None
    recipient: str | None
    recipient_name: str
    payload: dict[str, Any]
    attempts: int
    created_at: datetime
    tries_began_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryOutcome:
    """The outcome of an attempt; `next_attempt_at` is set to queue it again."""

    status: NotificationStatus
    last_error: str | None = None
    sent_at: datetime | None = None
    next_attempt_at: datetime | None = None


TOLD = {
    NotificationStatus.SENT: EventType.MAIL_SENT,
    NotificationStatus.FAILED: EventType.MAIL_FAILED,
}


def _word(status: NotificationStatus) -> ColumnElement[NotificationStatus]:
    # A literal: a parameter could not use the partial indexes.
    return literal_column(f"'{status.value}'", Notification.status.type)


def _due(now: ColumnElement[datetime]) -> tuple[ColumnElement[bool], ...]:
    return (
        Notification.status == _word(NotificationStatus.QUEUED),
        Notification.next_attempt_at <= now,
        or_(Notification.pointless_after.is_(None), Notification.pointless_after > now),
        ~_is_awaited(now),
    )


def _is_awaited(now: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Select mails that must wait for an outdated one about the same visit."""
    earlier = aliased(Notification)
    return exists().where(
        earlier.status == _word(NotificationStatus.SENDING),
        earlier.visitor_id == Notification.visitor_id,
        earlier.pointless_after <= now,
    )


def _claiming() -> ReturningUpdate[Any]:
    """Claim the notification that has been due longest, with current facts."""
    now = bindparam("now", type_=Notification.next_attempt_at.type)
    first = (
        select(
            Notification.id,
            Notification.visitor_id,
            Notification.kind,
            Notification.co_host,
            Notification.recipient,
            Notification.recipient_name,
            Notification.payload,
            Notification.created_at,
        )
        .where(*_due(now))
        .order_by(Notification.next_attempt_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .cte("first")
    )
    facts = true_facts(first)
    nobody = facts.c.recipient.is_(None)
    until = bindparam("until", type_=Notification.lease_until.type)
    sending, superseded = NotificationStatus.SENDING, NotificationStatus.SUPERSEDED
    values = {
        "status": case((nobody, _word(superseded)), else_=_word(sending)),
        "attempts": Notification.attempts + 1,
        "lease_until": case((nobody, null()), else_=until),
        "recipient": func.coalesce(facts.c.recipient, Notification.recipient),
        "recipient_name": facts.c.recipient_name,
    }
    taken = update(Notification).where(Notification.id == facts.c.id).values(values)
    current = ("recipient", "payload")
    return taken.returning(
        *(
            (facts.c if name in current else Notification.__table__.c)[name]
            for name in Claim.__slots__
        )
    )


def _held() -> tuple[ColumnElement[bool], ...]:
    return (
        Notification.id == bindparam("claimed_id"),
        Notification.status == _word(NotificationStatus.SENDING),
        Notification.attempts == bindparam("claimed_attempts"),
    )


def _came_to() -> ColumnElement[NotificationStatus]:
    """Return the resulting status; an outdated notification is not tried again."""
    status = bindparam("status", type_=Notification.status.type)
    untrue = Notification.pointless_after <= bindparam(
        "settled_at", type_=Notification.next_attempt_at.type
    )
    not_sent = status != _word(NotificationStatus.SENT)
    return case((and_(untrue, not_sent), _word(NotificationStatus.SUPERSEDED)), else_=status)


_TOLD: tuple[Any, ...] = (
    Notification.id,
    Notification.visitor_id,
    Notification.request_id,
    Notification.status,
)


def _settling() -> tuple[ReturningUpdate[Any], ReturningDelete[Any]]:
    """Record an outcome while the claim holds; delete a notification to be erased."""
    is_over = _came_to() != _word(NotificationStatus.QUEUED)
    goes = and_(Notification.erase_when_done, is_over)
    due = Notification.next_attempt_at
    values = {
        "status": _came_to(),
        "last_error": bindparam("last_error"),
        "sent_at": bindparam("sent_at"),
        "next_attempt_at": func.coalesce(bindparam("next_attempt_at", type_=due.type), due),
        "lease_until": null(),
    }
    kept = update(Notification).where(*_held(), ~goes).values(values)
    return kept.returning(*_TOLD), delete(Notification).where(*_held(), goes).returning(
        Notification.id
    )


def _settled_count() -> ColumnElement[int]:
    kept, erased = _settling()
    settled = kept.cte("kept")
    both = union_all(select(settled.c.id), select(erased.cte("erased").c.id))
    counted = select(func.count()).select_from(both.subquery("settled"))
    return counted.add_cte(_told(settled)).scalar_subquery()


def _told(settled: CTE) -> CTE:
    """Tell of a mail about a visit that is sent or given up; those that are erased are of none."""
    words = {_word(status): literal(type_.value) for status, type_ in TOLD.items()}
    values = {
        "id": bindparam("event_id", type_=Uuid()),
        "type": case(*((settled.c.status == word, type_) for word, type_ in words.items())),
        "created_at": bindparam("settled_at", type_=PendingEvent.created_at.type),
        "site_id": VISITORS.c.site_id,
        "host_id": VISITORS.c.host_id,
        "subject_type": literal_column(f"'{VISITOR}'"),
        "subject_id": VISITORS.c.id,
        "actor_kind": literal_column(f"'{ActorKind.SYSTEM}'"),
        "request_id": settled.c.request_id,
    }
    rows = (
        select(*values.values())
        .select_from(settled)
        .join(VISITORS, VISITORS.c.id == settled.c.visitor_id)
        .where(or_(*(settled.c.status == word for word in words)))
    )
    stored = insert(PendingEvent).from_select([*values], rows, include_defaults=False)
    return stored.cte("told")


def _settling_and_claiming() -> Command:
    """Settle and claim in one statement, whose parts do not see each other."""
    claimed = _claiming().cte("claimed")
    always = select(literal_column("1")).subquery("always")
    return Command(select(_settled_count(), claimed).select_from(always.outerjoin(claimed, true())))


_CLAIM = Command(_claiming())
_SETTLE = Command(select(_settled_count()))
_SETTLE_AND_CLAIM = _settling_and_claiming()


class DeliveryQueue(Repository[Notification]):
    model = Notification

    async def claim(self, now: datetime, lease: timedelta) -> Claim | None:
        """Claim the notification that has been due longest.

        `lease` must be longer than any delivery.
        """
        row = await self.unit.row(_CLAIM, now=now, until=now + lease)
        return _claim(row) if row else None

    async def count_due(self, now: datetime, at_most: int) -> int:
        """Count due notifications, up to `at_most`."""
        some = select(Notification.id).where(*_due(literal(now))).limit(at_most).subquery()
        return await self.session.scalar(select(func.count()).select_from(some)) or 0

    async def record(self, claim: Claim, outcome: DeliveryOutcome, now: datetime) -> bool:
        """Record an outcome; return False if the claim was lost."""
        row = await self.unit.row(_SETTLE, **_settled(claim, outcome, now))
        return bool(row and row[0])

    async def record_and_claim(
        self, claim: Claim, outcome: DeliveryOutcome, now: datetime, lease: timedelta
    ) -> tuple[bool, Claim | None]:
        """Record an outcome and claim the next notification in one statement."""
        values = {**_settled(claim, outcome, now), "now": now, "until": now + lease}
        row = await self.unit.row(_SETTLE_AND_CLAIM, **values)
        held, *claimed = tuple(row) if row else (0, None)
        return bool(held), _claim(claimed) if claimed[0] else None

    async def erase_pointless(self, now: datetime) -> None:
        waits = Notification.status == _word(NotificationStatus.QUEUED)
        was_left = and_(
            Notification.status == _word(NotificationStatus.SENDING),
            Notification.lease_until <= now,
        )
        await self.unit.write(
            delete(Notification).where(
                or_(waits, was_left),
                Notification.erase_when_done,
                Notification.pointless_after <= now,
            )
        )

    async def take_over(self, now: datetime) -> int:
        """Queue notifications of expired claims again, or fail them after a day."""
        spent = Notification.tries_began_at <= now - GIVE_UP_AFTER
        untrue = Notification.pointless_after <= now
        result = await self.unit.returning(
            update(Notification)
            .where(
                Notification.status == _word(NotificationStatus.SENDING),
                Notification.lease_until <= now,
            )
            .values(
                status=case(
                    (untrue, NotificationStatus.SUPERSEDED),
                    (spent, NotificationStatus.FAILED),
                    else_=NotificationStatus.QUEUED,
                ),
                last_error=case(
                    (spent, "No worker finished sending it"), else_=Notification.last_error
                ),
                lease_until=None,
                next_attempt_at=now,
            )
            .returning(Notification.visitor_id, Notification.status)
            .execution_options(synchronize_session=False)
        )
        taken = result.all()
        await self._tell_of_failed(
            [row.visitor_id for row in taken if row.status is NotificationStatus.FAILED], now
        )
        return len(taken)

    async def _tell_of_failed(self, of_visits: Sequence[UUID | None], now: datetime) -> None:
        if not of_visits:
            return
        visits = await self.unit.rows(
            select(VISITORS.c.id, VISITORS.c.site_id, VISITORS.c.host_id).where(
                VISITORS.c.id.in_(of_visits)
            )
        )
        about = {id_: {"site": site, "host": host} for id_, site, host in visits}
        for id_ in of_visits:
            if id_ in about:
                emit(self.unit, EventType.MAIL_FAILED, VISITOR, id_, now, **about[id_])

    async def drop_pointless(self, now: datetime) -> int:
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
    return Claim(id_, visitor_id, NotificationKind[kind], *others)


def _settled(claim: Claim, outcome: DeliveryOutcome, now: datetime) -> dict[str, Any]:
    return {
        "event_id": new_id(),
        "claimed_id": claim.id,
        "claimed_attempts": claim.attempts,
        "settled_at": now,
        **asdict(outcome),
    }
