from datetime import datetime
from enum import StrEnum

from app.visitors.arrival import DoorRules, arrival_window, end_of_re_entry
from app.visitors.models import Visitor, VisitorStatus


class PassState(StrEnum):
    """The state of a pass as its visitor sees it."""

    VALID = "valid"
    INSIDE = "inside"
    AWAY = "away"
    LEFT = "left"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def opens_gates(self) -> bool:
        """Return whether the QR code is accepted for check-in or check-out."""
        return self in {PassState.VALID, PassState.INSIDE, PassState.AWAY}


STATES = {
    VisitorStatus.PENDING: PassState.VALID,
    VisitorStatus.VERIFIED: PassState.INSIDE,
    VisitorStatus.COMPLETED: PassState.LEFT,
    VisitorStatus.CANCELLED: PassState.CANCELLED,
    VisitorStatus.EXPIRED: PassState.EXPIRED,
}


def state_of(visitor: Visitor, site: DoorRules, now: datetime) -> PassState:
    """Return the state as the gate sees it; the worker closes visits later."""
    waits = visitor.status is VisitorStatus.PENDING
    if waits and now >= arrival_window(visitor, site).closes:
        return PassState.EXPIRED
    if visitor.is_away:
        return PassState.AWAY if now < end_of_re_entry(visitor, site) else PassState.LEFT
    return STATES[visitor.status]
