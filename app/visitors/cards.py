"""What the desk may do about a visit. Pure."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from app.users.roles import Permission
from app.visitors.arrival import DoorRules, PlannedVisit, arrival_window, end_of_re_entry
from app.visitors.models import Presence, VisitorStatus, presence_of


class DeskAction(StrEnum):
    """Something that the desk may do about a visit."""

    CHECK_IN = "check_in"
    CHECK_OUT = "check_out"
    COMPLETE = "complete"
    UNDO = "undo"
    CANCEL = "cancel"
    RESCHEDULE = "reschedule"
    BADGE = "badge"


class Attended(PlannedVisit, Protocol):
    """A visit and where its visitor is."""

    @property
    def status(self) -> VisitorStatus: ...
    @property
    def is_away(self) -> bool: ...


A, P = DeskAction, Permission
NEEDS = {
    A.CHECK_IN: {P.GATE_DESK},
    A.CHECK_OUT: {P.GATE_DESK, P.VISITORS_WRITE},
    A.COMPLETE: {P.VISITORS_WRITE},
    A.UNDO: {P.VISITORS_WRITE},
    A.CANCEL: {P.VISITORS_CANCEL},
    A.RESCHEDULE: {P.VISITORS_WRITE},
    A.BADGE: {P.VISITORS_READ},
}
"""The permissions of which one is needed."""

BY_PRESENCE: dict[Presence | None, tuple[DeskAction, ...]] = {
    Presence.EXPECTED: (A.CHECK_IN, A.CANCEL, A.RESCHEDULE, A.BADGE),
    Presence.INSIDE: (A.CHECK_OUT, A.COMPLETE, A.UNDO, A.BADGE),
    Presence.AWAY: (A.CHECK_IN, A.COMPLETE, A.UNDO, A.BADGE),
    Presence.LEFT: (A.UNDO,),
    None: (A.UNDO,),
}
NEXT = (A.CHECK_IN, A.CHECK_OUT, A.COMPLETE)


def actions_of(
    visit: Attended,
    site: DoorRules,
    permissions: Collection[Permission],
    now: datetime,
    *,
    is_emergency: bool = False,
    may_undo: bool = False,
) -> list[DeskAction]:
    """Return what a caller may do: a refused check-in only if the caller may override."""
    presence = presence_of(visit.status, is_away=visit.is_away)
    given = set(permissions)
    actions = [one for one in BY_PRESENCE.get(presence, ()) if NEEDS[one] & given]
    may_override = P.OVERRIDE in given and presence is Presence.EXPECTED
    may_enter = not is_emergency and (may_override or is_admitted(visit, site, now))
    refused = {action for action, may in ((A.CHECK_IN, may_enter), (A.UNDO, may_undo)) if not may}
    return [action for action in actions if action not in refused]


def next_action(
    visit: Attended, site: DoorRules, actions: Collection[DeskAction], now: datetime
) -> DeskAction | None:
    """Return what the visit comes to next; None if nothing, or nothing without an override."""
    for action in NEXT:
        if action in actions and (action is not A.CHECK_IN or is_admitted(visit, site, now)):
            return action
    return None


def is_admitted(visit: Attended, site: DoorRules, now: datetime) -> bool:
    """Return whether a gate would let an expected or absent visitor in."""
    if visit.is_away:
        return now < end_of_re_entry(visit, site)
    window = arrival_window(visit, site)
    return window.opens <= now < window.closes
