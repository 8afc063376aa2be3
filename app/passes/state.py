"""What a pass is worth to its visitor. Pure."""

from datetime import datetime
from enum import StrEnum

from app.visitors.arrival import DoorRules, arrival_window
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


def state_of(visitor: Visitor, site: DoorRules, now: datetime) -> PassState:
    """Return the state at an instant: as the gate sees it, whenever the worker closes the visit."""
    waits = visitor.status is VisitorStatus.PENDING
    if waits and now >= arrival_window(visitor, site).closes:
        return PassState.EXPIRED
    return STATES[visitor.status]
