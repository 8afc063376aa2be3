"""The life of a visit: which status may follow which. Pure."""

from app.core.errors import Problem
from app.visitors.models import VisitorStatus

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
    """Carries `current_status`."""

    status, code, title = 409, "invalid_transition", "The visit's status does not allow that"


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
