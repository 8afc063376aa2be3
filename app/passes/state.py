"""What a pass is worth to its visitor. Pure."""

from datetime import datetime
from enum import StrEnum

from app.core.localtime import local_now
from app.visitors.models import Visitor, VisitorStatus


class PassState(StrEnum):
    """Ahead, inside, or at one of three ends."""

    VALID = "valid"
    INSIDE = "inside"
    LEFT = "left"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def opens_gates(self) -> bool:
        """Whether the code is of use, on the way in or on the way out."""
        return self in {PassState.VALID, PassState.INSIDE}


STATES = {
    VisitorStatus.PENDING: PassState.VALID,
    VisitorStatus.VERIFIED: PassState.INSIDE,
    VisitorStatus.COMPLETED: PassState.LEFT,
    VisitorStatus.CANCELLED: PassState.CANCELLED,
    VisitorStatus.EXPIRED: PassState.EXPIRED,
}


def state_of(visitor: Visitor, now: datetime, timezone: str) -> PassState:
    """The state at an instant. A day ends on the site's calendar, not when the worker closes it."""
    waits = visitor.status is VisitorStatus.PENDING
    if waits and visitor.visit_date < local_now(now, timezone).date():
        return PassState.EXPIRED
    return STATES[visitor.status]
