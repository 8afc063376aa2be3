"""The life of a visit: which status may follow which, and what a passage changes. Pure."""

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
    status, code, title = 409, "invalid_transition", "The visit's status does not allow that"

    class Members(BaseModel):
        current_status: VisitorStatus


def require_transition(present: VisitorStatus, wanted: VisitorStatus) -> None:
    """Raises `InvalidTransition` unless `wanted` may follow `present`."""
    if wanted not in AFTER[present]:
        raise InvalidTransition(
            f"The visit is {present.value}: it can't become {wanted.value}",
            current_status=present.value,
        )


def require_pending(present: VisitorStatus, what: str) -> None:
    """Raises `InvalidTransition` unless the visit still lies ahead."""
    if present is not VisitorStatus.PENDING:
        raise InvalidTransition(
            f"The visit is {present.value}: it can't be {what}", current_status=present.value
        )


def enter(visitor: Visitor, gate: str | None, at: datetime, now: datetime) -> None:
    """Let in. `at` is when it happened: earlier than `now` where a gate was offline."""
    require_transition(visitor.status, VisitorStatus.VERIFIED)
    visitor.status = VisitorStatus.VERIFIED
    visitor.checked_in_at, visitor.checked_in_gate = at, gate
    visitor.updated_at = now


def leave(visitor: Visitor, at: datetime, now: datetime) -> None:
    """Let out; the seat is the caller's to free."""
    require_transition(visitor.status, VisitorStatus.COMPLETED)
    visitor.status = VisitorStatus.COMPLETED
    visitor.checked_out_at = at
    visitor.updated_at = now


def leave_unseen(visitor: Visitor, at: datetime, now: datetime) -> None:
    """Close a stay of which nobody has seen the end; the seat is the caller's to free."""
    leave(visitor, at, now)
    visitor.checked_out_automatically = True


def correct_exit(visitor: Visitor, at: datetime, now: datetime) -> None:
    """Note the real end of a stay that was closed by itself; its seat is free already."""
    visitor.checked_out_at = at
    visitor.checked_out_automatically = False
    visitor.updated_at = now


def expire(visitor: Visitor, now: datetime) -> None:
    """End a visit to which nobody came; the seat is the caller's to free."""
    require_transition(visitor.status, VisitorStatus.EXPIRED)
    visitor.status = VisitorStatus.EXPIRED
    visitor.updated_at = now
