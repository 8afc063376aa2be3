"""Overrides: the desk names exactly the refusals that hold. Pure."""

from collections.abc import Collection, Sequence
from datetime import datetime

from app.core.errors import Problem, VisitRefusal
from app.core.localtime import local_now
from app.scans.errors import REFUSALS, AlreadyCompleted, Expired, OverrideMismatch, WrongDay
from app.scans.verdict import Decision
from app.sites.models import Site
from app.slots.errors import SlotClosed, SlotFull
from app.slots.rules import WallTime, present_minute
from app.visitors.arrival import arrival_window
from app.visitors.models import Visitor

_AT_DESK: tuple[type[VisitRefusal], ...] = (SlotFull, SlotClosed, *REFUSALS.values())
_MOVING = {WrongDay.code, Expired.code, AlreadyCompleted.code}
OVERRIDABLE = tuple(refusal.code for refusal in _AT_DESK if refusal.overridable)


def answer_to(refusals: Sequence[VisitRefusal], named: Collection[str] | None) -> Problem | None:
    """Return the answer of the desk to what it refuses; None if it admits.

    `refusals` are all that hold, in the order of decision, and `named` those to override. One that
    cannot be overridden is the answer in any case.
    """
    codes = [refusal.code for refusal in refusals]
    final = next((refusal for refusal in refusals if not refusal.overridable), None)
    if final is not None:
        return with_all(final, codes)
    if named is not None:
        return None if {*named} == {*codes} else OverrideMismatch(refusals=codes)
    return with_all(refusals[0], codes) if refusals else None


def moved_to(visitor: Visitor, site: Site, codes: Collection[str], at: datetime) -> WallTime | None:
    """Return the time to which an override of refusals moves a visit; None if it stays.

    A completed visit stays on its own day, and as long as it could be admitted.
    """
    if _MOVING.isdisjoint(codes):
        return None
    if AlreadyCompleted.code in codes and _is_of_today(visitor, site, at):
        return None
    return present_minute(site, at)


def _is_of_today(visitor: Visitor, site: Site, at: datetime) -> bool:
    window = arrival_window(visitor, site)
    is_same_day = local_now(at, site.timezone).date() == visitor.visit_date
    return is_same_day or window.opens <= at < window.closes


def as_problem(decision: Decision) -> VisitRefusal:
    """Return the problem of a decision that refuses."""
    return REFUSALS[decision.code or ""](decision.message, **decision.details)


def with_all(refusal: VisitRefusal, codes: Sequence[str]) -> VisitRefusal:
    """Add the codes of all refusals that hold."""
    refusal.members = {**refusal.members, "refusals": list(codes)}
    return refusal
