"""SQL of the delivery: what is due, and its outcome."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Uuid,
    all_,
    any_,
    bindparam,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY

from app.core.db.database import WriteSession
from app.core.db.inserting import as_json, given_rows, insertion
from app.core.db.prepared import Command
from app.core.ids import new_id
from app.events.models import Event
from app.events.repository import ReadEvent
from app.users.models import User
from app.webhooks.models import DeliveryStatus, Webhook, WebhookDelivery, WebhookStatus
from app.webhooks.repository import may_make

_hooks, _deliveries, _events = (
    Webhook.__table__,
    WebhookDelivery.__table__,
    Event.__table__,
)
_instant = _deliveries.c.next_attempt_at.type
# Literals: parameters could not use the partial index.
_PENDING = literal_column(f"'{DeliveryStatus.PENDING.value}'", _deliveries.c.status.type)
_ACTIVE = literal_column(f"'{WebhookStatus.ACTIVE.value}'", _hooks.c.status.type)


@dataclass(frozen=True, slots=True)
class Receiver:
    """The webhook of a claim."""

    id: UUID
    url: str
    payload: str
    site_id: UUID | None
    maker_id: UUID
    secret: bytes
    previous_secret: bytes | None
    previous_secret_until: datetime | None
    older_secret: bytes | None
    older_secret_until: datetime | None
    failing_since: datetime | None


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that this process tries; `attempts` is its fencing token.

    Without an event it is a test, or the event is no longer kept.
    """

    id: UUID
    attempts: int
    tries: int
    tries_began_at: datetime
    created_at: datetime
    event_id: UUID
    type: str
    event_seq: int | None
    receiver: Receiver
    event: ReadEvent | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of an attempt; `next_attempt_at` is set to try again."""

    id: UUID
    attempts: int
    status: DeliveryStatus
    last_status: int | None = None
    last_error: str | None = None
    next_attempt_at: datetime | None = None
    delivered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Slowness:
    """Which webhooks a claim is for: those that answer, or those that fail or are slow."""

    is_slow: bool
    batch: int


_CLAIMED = (
    "id",
    "attempts",
    "tries",
    "tries_began_at",
    "created_at",
    "event_id",
    "type",
    "event_seq",
)


def _claiming(kind: Slowness) -> Command:
    """Claim the first deliveries that are due of some webhooks, the longest due first."""
    now, until = bindparam("now", type_=_instant), bindparam("until", type_=_instant)
    ids = ARRAY(Uuid())
    slow = or_(
        _hooks.c.failing_since.is_not(None),
        _hooks.c.id == any_(bindparam("slow", type_=ids)),
    )
    is_due = [
        _deliveries.c.webhook_id == _hooks.c.id,
        _deliveries.c.status == _PENDING,
        _deliveries.c.next_attempt_at <= now,
    ]
    first = select(func.min(_deliveries.c.next_attempt_at)).where(*is_due).scalar_subquery()
    waiting = (
        select(_hooks.c.id, first.label("first"))
        .join(User, User.id == _hooks.c.maker_id)
        .where(
            may_make(),
            _hooks.c.status == _ACTIVE,
            or_(_hooks.c.paused_until.is_(None), _hooks.c.paused_until <= now),
            _hooks.c.id != all_(bindparam("at_work", type_=ids)),
            slow if kind.is_slow else ~slow,
        )
        .subquery("waiting")
    )
    chosen = (
        select(waiting.c.id)
        .where(waiting.c.first.is_not(None))
        .order_by(waiting.c.first)
        .limit(bindparam("lanes", type_=BigInteger()))
        .subquery("chosen")
    )
    due = (
        select(_deliveries.c.id)
        .where(
            _deliveries.c.webhook_id == chosen.c.id,
            _deliveries.c.status == _PENDING,
            _deliveries.c.next_attempt_at <= now,
        )
        .order_by(_deliveries.c.next_attempt_at)
        .limit(kind.batch)
        .with_for_update(skip_locked=True)
        .lateral("due")
    )
    rows = select(due.c.id).select_from(chosen.join(due, true())).cte("rows")
    claimed = (
        update(WebhookDelivery)
        .where(_deliveries.c.id == rows.c.id)
        .values(
            attempts=_deliveries.c.attempts + 1,
            tries=_deliveries.c.tries + 1,
            next_attempt_at=until,
            last_attempt_at=now,
        )
        .returning(_deliveries.c.webhook_id, *(_deliveries.c[name] for name in _CLAIMED))
        .cte("claimed")
    )
    return Command(
        select(
            *(claimed.c[name] for name in _CLAIMED),
            *(_hooks.c[name] for name in Receiver.__slots__),
            *(_events.c[name] for name in ReadEvent.__slots__),
        )
        .select_from(claimed)
        .join(_hooks, _hooks.c.id == claimed.c.webhook_id)
        .outerjoin(_events, _events.c.seq == claimed.c.event_seq)
        .order_by(claimed.c.event_seq)
    )


ANSWERING, SLOW = Slowness(is_slow=False, batch=16), Slowness(is_slow=True, batch=4)
_CLAIMS = {kind: _claiming(kind) for kind in (ANSWERING, SLOW)}


async def claim(
    unit: WriteSession,
    kind: Slowness,
    now: datetime,
    until: datetime,
    *,
    lanes: int,
    at_work: Collection[UUID],
    slow: Collection[UUID],
) -> list[Claim]:
    """Claim deliveries of up to `lanes` webhooks, none of those `at_work`, until an instant."""
    rows = await unit.fetch(
        _CLAIMS[kind],
        now=now,
        until=until,
        lanes=lanes,
        at_work=list(at_work),
        slow=list(slow),
    )
    return [_claim(tuple(row)) for row in rows]


def _claim(row: Sequence[Any]) -> Claim:
    own = dict(zip(_CLAIMED, row, strict=False))
    rest = row[len(_CLAIMED) :]
    receiver = Receiver(*rest[: len(Receiver.__slots__)])
    event = rest[len(Receiver.__slots__) :]
    return Claim(**own, receiver=receiver, event=None if event[0] is None else _event(event))


def _event(values: Sequence[Any]) -> ReadEvent:
    event = ReadEvent(*values)
    if isinstance(event.fields, str):  # a prepared statement has JSON as text
        return replace(event, fields=json.loads(event.fields))
    return event


_OUTCOME = tuple(Outcome.__dataclass_fields__)


def _settling() -> Command:
    """Record outcomes of claims that still hold."""
    given = given_rows(WebhookDelivery, _OUTCOME, "rows")
    values: dict[str, Any] = {name: given.c[name] for name in _OUTCOME[2:]}
    values["next_attempt_at"] = func.coalesce(
        given.c.next_attempt_at, _deliveries.c.next_attempt_at
    )
    return Command(
        update(WebhookDelivery)
        .where(
            _deliveries.c.id == given.c.id,
            _deliveries.c.attempts == given.c.attempts,
            _deliveries.c.status == _PENDING,
        )
        .values(values)
    )


_SETTLE = _settling()


async def settle(unit: WriteSession, outcomes: Sequence[Outcome]) -> None:
    """Record the outcome of attempts; of claims that were lost, nothing."""
    await unit.run(_SETTLE, rows=as_json([asdict(outcome) for outcome in outcomes]))


_QUEUED = (
    "id",
    "webhook_id",
    "event_id",
    "event_seq",
    "type",
    "status",
    "attempts",
    "tries",
    "tries_began_at",
    "next_attempt_at",
    "created_at",
)
_ONE_EACH = [_deliveries.c.webhook_id, _deliveries.c.event_id]
_QUEUE = Command(
    insertion(WebhookDelivery, _QUEUED, "rows").on_conflict_do_nothing(index_elements=_ONE_EACH)
)


def _queueing_again() -> Command:
    statement = insertion(WebhookDelivery, _QUEUED, "rows")
    given = ("status", "tries", "tries_began_at", "next_attempt_at")
    values: dict[str, Any] = {name: statement.excluded[name] for name in given}
    return Command(
        statement.on_conflict_do_update(
            index_elements=_ONE_EACH,
            set_={**values, "delivered_at": null()},
            where=_deliveries.c.status != _PENDING,
        )
    )


_QUEUE_AGAIN = _queueing_again()


async def queue(
    unit: WriteSession,
    found: Iterable[tuple[UUID, ReadEvent]],
    now: datetime,
    *,
    again: bool = False,
) -> int:
    """Queue events for webhooks; with `again` those that were delivered or failed, too."""
    rows = [_row(webhook_id, event, now) for webhook_id, event in found]
    if not rows:
        return 0
    return await unit.run(_QUEUE_AGAIN if again else _QUEUE, rows=as_json(rows))


def _row(webhook_id: UUID, event: ReadEvent, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "webhook_id": webhook_id,
        "event_id": event.id,
        "event_seq": event.seq,
        "type": event.type,
        "status": DeliveryStatus.PENDING,
        "attempts": 0,
        "tries": 0,
        "tries_began_at": now,
        "next_attempt_at": now,
        "created_at": now,
    }
