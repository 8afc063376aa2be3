from collections.abc import Sequence
from datetime import date, datetime, time
from uuid import UUID

from pydantic import BaseModel, Field

from app.core.db.plain import new_plain
from app.core.errors import Problem
from app.visitors.models import Visitor, VisitorStatus
from app.visitors.stay_models import InMethod, OutMethod, Stay

AFTER: dict[VisitorStatus, frozenset[VisitorStatus]] = {
    VisitorStatus.PENDING: frozenset(
        {VisitorStatus.VERIFIED, VisitorStatus.CANCELLED, VisitorStatus.EXPIRED}
    ),
    VisitorStatus.VERIFIED: frozenset({VisitorStatus.COMPLETED}),
    VisitorStatus.COMPLETED: frozenset(),
    VisitorStatus.CANCELLED: frozenset(),
    VisitorStatus.EXPIRED: frozenset(),
}
HOLDS_SEAT = frozenset({VisitorStatus.PENDING, VisitorStatus.VERIFIED})


class InvalidTransition(Problem):
    status, code, title = 409, "invalid_transition", "The status of the visit does not permit this"

    class Members(BaseModel):
        current_status: VisitorStatus
        by: str | None = Field(
            None, description="Who cancelled or ended the visit before", examples=["Front Desk"]
        )


def require_transition(present: VisitorStatus, wanted: VisitorStatus) -> None:
    """Raise `InvalidTransition` unless `wanted` may follow `present`."""
    if wanted not in AFTER[present]:
        raise InvalidTransition(
            f"The visit is {present.value}: it cannot become {wanted.value}",
            current_status=present.value,
        )


def require_pending(present: VisitorStatus, what: str) -> None:
    if present is not VisitorStatus.PENDING:
        raise InvalidTransition(
            f"The visit is {present.value}: it cannot be {what}", current_status=present.value
        )


def require_open(present: VisitorStatus, what: str) -> None:
    if present not in HOLDS_SEAT:
        raise InvalidTransition(
            f"The visit is {present.value}: it cannot be {what}", current_status=present.value
        )


def enter(
    visitor: Visitor,
    newest: Stay | None,
    gate: str | None,
    at: datetime,
    now: datetime,
    by: InMethod = InMethod.GATE,
) -> Stay:
    """Check in, or in again; return the new stay.

    `at` is earlier than `now` if the gate was offline; clocks that differ let no stays overlap.
    """
    at = max(at, newest.out_at) if newest and newest.out_at else at
    if visitor.is_away:
        visitor.is_away, visitor.checked_out_automatically = False, False
        visitor.checked_out_at = None
    else:
        require_transition(visitor.status, VisitorStatus.VERIFIED)
        visitor.status = VisitorStatus.VERIFIED
        visitor.checked_in_at, visitor.checked_in_gate = at, gate
    visitor.updated_at = now
    return new_plain(
        Stay,
        visitor_id=visitor.id,
        site_id=visitor.site_id,
        in_at=at,
        in_gate=gate,
        in_method=by,
        out_at=None,
        out_method=None,
        reopened_at=None,
        created_at=now,
    )


def leave(
    visitor: Visitor,
    stay: Stay,
    at: datetime,
    now: datetime,
    by: OutMethod = OutMethod.GATE,
    *,
    may_return: bool = False,
) -> None:
    """Check out; unless the visitor `may_return` the visit is over, and the caller frees the seat.

    Raise `InvalidTransition` unless the visitor is inside.
    """
    require_transition(visitor.status, VisitorStatus.COMPLETED)
    _end_stay(visitor, stay, at, by)
    if may_return:
        visitor.is_away = True
    else:
        visitor.status = VisitorStatus.COMPLETED
    visitor.updated_at = now


def correct_exit(
    visitor: Visitor, stay: Stay, at: datetime, now: datetime, by: OutMethod = OutMethod.GATE
) -> None:
    """Set the real time of an automatic check-out."""
    _end_stay(visitor, stay, at, by)
    visitor.updated_at = now


def reopen(visitor: Visitor) -> None:
    """Let a visit that is over begin again with `enter`; the caller takes the seat."""
    if visitor.status is VisitorStatus.COMPLETED:
        visitor.status, visitor.is_away = VisitorStatus.VERIFIED, True
    elif visitor.status is VisitorStatus.EXPIRED:
        visitor.status = VisitorStatus.PENDING


def reschedule(
    visitor: Visitor, site_id: UUID, slot_id: UUID, day: date, at: time
) -> dict[str, str]:
    """Set another time of a visit whose seat is moved; return both for the audit log."""
    before = visitor.visit_date, visitor.visit_time
    if not visitor.is_rescheduled:
        visitor.original_visit_date, visitor.original_visit_time = before
    visitor.site_id, visitor.slot_id = site_id, slot_id
    visitor.visit_date, visitor.visit_time = day, at
    visitor.is_rescheduled = True
    visitor.revision += 1
    return {"before": _when(*before), "after": _when(day, at)}


def _when(day: date, at: time) -> str:
    return f"{day.isoformat()} {at:%H:%M}"


def reopen_stay(visitor: Visitor, stay: Stay, now: datetime) -> None:
    """Take a check-out back; the caller must take the seat if the visit was over."""
    stay.out_at, stay.out_method, stay.reopened_at = None, None, now
    visitor.status, visitor.is_away = VisitorStatus.VERIFIED, False
    visitor.checked_out_at, visitor.checked_out_automatically = None, False


def take_back_entry(visitor: Visitor, earlier: Sequence[Stay]) -> None:
    """Take a check-in back, so that the visitor is where the `earlier` stays left them.

    The caller must free the seat if the visit was over before it.
    """
    if earlier:
        first, last = earlier[0], earlier[-1]
        visitor.is_away = True
        visitor.checked_in_at, visitor.checked_in_gate = first.in_at, first.in_gate
        visitor.checked_out_at = last.out_at
        visitor.checked_out_automatically = last.out_method is OutMethod.AUTOMATIC
    else:
        visitor.status = VisitorStatus.PENDING
        visitor.checked_in_at = visitor.checked_in_gate = None


def end_away(visitor: Visitor, now: datetime) -> None:
    """Complete the visit of somebody who went out before; the caller must free the seat."""
    require_transition(visitor.status, VisitorStatus.COMPLETED)
    visitor.status, visitor.is_away = VisitorStatus.COMPLETED, False
    visitor.updated_at = now


def _end_stay(visitor: Visitor, stay: Stay, at: datetime, by: OutMethod) -> None:
    stay.out_at, stay.out_method = max(at, stay.in_at), by
    visitor.checked_out_at = stay.out_at
    visitor.checked_out_automatically = by is OutMethod.AUTOMATIC


def expire(visitor: Visitor, now: datetime) -> None:
    """Expire a missed visit; the caller must free the seat."""
    require_transition(visitor.status, VisitorStatus.EXPIRED)
    visitor.status = VisitorStatus.EXPIRED
    visitor.updated_at = now
