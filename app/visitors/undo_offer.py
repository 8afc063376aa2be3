"""Whether an undo would be accepted, by facts that are read with the visit. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID

from pydantic import TypeAdapter

from app.audit.models import VisitorAction
from app.auth.caller import Caller
from app.core.errors import Problem
from app.sites.models import Site
from app.slots.rules import shift_of
from app.slots.seats import seats_of
from app.visitors.arrival import VisitTime
from app.visitors.lifecycle import HOLDS_SEAT
from app.visitors.models import VisitorStatus, presence_of
from app.visitors.undo import Act, Move, newest_act, require_undoable


@dataclass(frozen=True, slots=True)
class SlotState:
    """The seats of a slot."""

    id: UUID
    capacity: int
    booked: int
    self_share: int
    self_booked: int
    closed_shifts: Sequence[date]


@dataclass(frozen=True, slots=True)
class PastAct:
    """An entry of the audit log; `slot` is the one that a check-in moved the visit from.

    The actor's name is not read, since an offer names nobody.
    """

    id: UUID
    action: str
    actor_id: UUID | None
    created_at: datetime
    details: dict[str, Any]
    slot: SlotState | None = None
    actor_name: str = ""


@dataclass(frozen=True, slots=True)
class UndoFacts:
    """What decides about an undo: the acts that may be undone, oldest first, and the seats."""

    is_self_registered: bool
    has_registered_again: bool
    """The address has another visit in that hour."""
    slot: SlotState
    acts: list[PastAct] = field(default_factory=list)


UNDO_FACTS = TypeAdapter(UndoFacts)


class Undoable(VisitTime, Protocol):
    """A visit with the facts of an undo, which are None if it has none."""

    @property
    def status(self) -> VisitorStatus: ...
    @property
    def is_away(self) -> bool: ...
    @property
    def undo(self) -> UndoFacts | None: ...


def may_undo(visit: Undoable, site: Site, caller: Caller, now: datetime) -> bool:
    """Return whether the newest act can be undone by the caller, who may change the visit."""
    if visit.undo is None:
        return False
    try:
        act = newest_act(presence_of(visit.status, is_away=visit.is_away), visit.undo.acts)
        require_undoable(act, caller, now)
    except Problem:
        return False
    return _has_seat(visit, visit.undo, act, site)


def _has_seat(visit: Undoable, facts: UndoFacts, act: Act, site: Site) -> bool:
    if act.action is VisitorAction.CHECKED_IN:
        return act.move is None or _has_former_seat(facts, act, act.move, site)
    if visit.status in HOLDS_SEAT:
        return True
    if act.action is VisitorAction.CANCELLED:
        shift = shift_of(site, visit.visit_date, visit.visit_time)
        if shift in facts.slot.closed_shifts:
            return False
    return not facts.has_registered_again and _is_free(facts, facts.slot, site)


def _has_former_seat(facts: UndoFacts, act: Act, move: Move, site: Site) -> bool:
    entry = act.before[-1]
    slot = entry.slot if isinstance(entry, PastAct) else None
    is_same = slot is not None and slot.id == facts.slot.id
    return move.was not in HOLDS_SEAT or is_same or _is_free(facts, slot, site)


def _is_free(facts: UndoFacts, slot: SlotState | None, site: Site) -> bool:
    return seats_of(site, slot, to_strangers=facts.is_self_registered).left > 0
