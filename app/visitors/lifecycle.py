from datetime import datetime

from pydantic import BaseModel

from app.core.errors import Problem
from app.visitors.models import Visitor, VisitorStatus

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


def enter(visitor: Visitor, gate: str | None, at: datetime, now: datetime) -> None:
    """Check in; `at` is earlier than `now` if the gate was offline."""
    require_transition(visitor.status, VisitorStatus.VERIFIED)
    visitor.status = VisitorStatus.VERIFIED
    visitor.checked_in_at, visitor.checked_in_gate = at, gate
    visitor.updated_at = now


def leave(visitor: Visitor, at: datetime, now: datetime) -> None:
    """Check out; the caller must free the seat."""
    require_transition(visitor.status, VisitorStatus.COMPLETED)
    visitor.status = VisitorStatus.COMPLETED
    visitor.checked_out_at = at
    visitor.updated_at = now


def leave_unseen(visitor: Visitor, at: datetime, now: datetime) -> None:
    """Check out automatically; the caller must free the seat."""
    leave(visitor, at, now)
    visitor.checked_out_automatically = True


def correct_exit(visitor: Visitor, at: datetime, now: datetime) -> None:
    """Set the real time of an automatic check-out."""
    visitor.checked_out_at = at
    visitor.checked_out_automatically = False
    visitor.updated_at = now


def expire(visitor: Visitor, now: datetime) -> None:
    """Expire a missed visit; the caller must free the seat."""
    require_transition(visitor.status, VisitorStatus.EXPIRED)
    visitor.status = VisitorStatus.EXPIRED
    visitor.updated_at = now
