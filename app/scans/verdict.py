"""The decision at the gate. Pure: facts in, verdict out."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.core.localtime import local_now
from app.scans.models import ScanDirection, ScanVerdict
from app.sites.models import Site
from app.visitors.arrival import arrival_window
from app.visitors.models import Visitor, VisitorStatus

# How long after a stay was closed by itself its real end may still be reported.
CORRECTABLE_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Gate:
    """Where a scan happens: the site is known for devices alone."""

    site_id: UUID | None
    name: str | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gate is told; `code` names a refusal, `details` are added to its document."""

    verdict: ScanVerdict
    message: str
    code: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


GOODBYE = Decision(ScanVerdict.CHECKED_OUT, "Goodbye")


def refuse(code: str, message: str, **details: Any) -> Decision:
    return Decision(ScanVerdict.REFUSED, message, code, details)


def not_current(owner: UUID | None, *, is_replaced: bool) -> Decision:
    """Decide on a genuine code of no visitor; `owner` is the one whose former code it is."""
    if owner is None:
        return refuse("unknown", "This code is not in use any more")
    if is_replaced:
        return refuse("replaced", "This code was replaced: use the code of the newest mail")
    return refuse("rescheduled", "The visit was moved: use the code of the newest mail")


def decide(
    visitor: Visitor, site: Site, direction: ScanDirection, gate: Gate, now: datetime
) -> Decision:
    """Whether a visitor may pass. `site` is the visitor's: its clock on the wall is what counts."""
    if gate.site_id is not None and gate.site_id != visitor.site_id:
        return refuse("wrong_site", f"This visit is at another site: {site.name}")
    if direction is ScanDirection.OUT and _left_unseen(visitor, now):
        return GOODBYE
    ended = _ended(visitor)
    if ended is not None:
        return ended
    if direction is ScanDirection.OUT:
        return _way_out(visitor)
    if visitor.status is VisitorStatus.VERIFIED:
        return _already_inside(visitor, now, site.timezone)
    return _on_time(visitor, now, site) or Decision(ScanVerdict.ADMITTED, "Welcome")


def decide_past(
    visitor: Visitor, site: Site, direction: ScanDirection, gate: Gate, at: datetime
) -> Decision:
    """Whether a passage at a past instant fits the visit as it stands by now.

    The gate was offline and has opened: what it would have been refused for is a conflict.
    """
    if direction is ScanDirection.OUT and _had_not_come_in(visitor, at):
        return in_conflict(refuse("not_inside", "This visitor had not come in by then"))
    decision = decide(visitor, site, direction, gate, at)
    if decision.verdict is ScanVerdict.ADMITTED and _was_not_registered(visitor, at):
        decision = refuse("too_early", "There was no such visit yet: is the clock right?")
    return in_conflict(decision)


def in_conflict(decision: Decision) -> Decision:
    """The same on a gate that has opened all the same: a refusal becomes a conflict."""
    refused = decision.verdict is ScanVerdict.REFUSED
    return replace(decision, verdict=ScanVerdict.CONFLICT) if refused else decision


def _had_not_come_in(visitor: Visitor, at: datetime) -> bool:
    has_come_in = visitor.status is VisitorStatus.VERIFIED or _is_assumed_gone(visitor)
    return has_come_in and visitor.checked_in_at is not None and at < visitor.checked_in_at


def _was_not_registered(visitor: Visitor, at: datetime) -> bool:
    # Whole seconds: many devices tell no fractions.
    return at < visitor.created_at.replace(microsecond=0)


def _ended(visitor: Visitor) -> Decision | None:
    match visitor.status:
        case VisitorStatus.CANCELLED:
            return refuse("cancelled", "This visit was cancelled")
        case VisitorStatus.EXPIRED:
            return _expired(visitor)
        case VisitorStatus.COMPLETED:
            return _completed(visitor)
        case _:
            return None


def _expired(visitor: Visitor) -> Decision:
    return refuse("expired", f"This visit was on {visitor.visit_date}")


def _completed(visitor: Visitor) -> Decision:
    how = (
        "was closed by itself: no way out was scanned"
        if visitor.checked_out_automatically
        else "is over: the visitor has left"
    )
    return refuse("already_completed", f"This visit {how}")


def _way_out(visitor: Visitor) -> Decision:
    if visitor.status is VisitorStatus.PENDING:
        return refuse("not_inside", "This visitor has not come in")
    return GOODBYE


def _left_unseen(visitor: Visitor, at: datetime) -> bool:
    """Whether this exit tells when a stay that was closed by itself has really ended."""
    assumed = visitor.checked_out_at
    return _is_assumed_gone(visitor) and assumed is not None and at <= assumed + CORRECTABLE_FOR


def _is_assumed_gone(visitor: Visitor) -> bool:
    return visitor.status is VisitorStatus.COMPLETED and visitor.checked_out_automatically


def _already_inside(visitor: Visitor, now: datetime, timezone: str) -> Decision:
    """The guard reads the time on the wall, a program `since`."""
    since, message = visitor.checked_in_at, "Already inside"
    if since is not None:
        message += f" since {_on_the_wall(since, now, timezone)}"
    if visitor.checked_in_gate:
        message += f" at gate {visitor.checked_in_gate}"
    return refuse(
        "already_inside",
        message,
        since=f"{since:%Y-%m-%dT%H:%M:%SZ}" if since else None,
        gate=visitor.checked_in_gate,
    )


def _on_the_wall(instant: datetime, now: datetime, timezone: str) -> str:
    """The time there, with its date where that is another one than today's."""
    there = local_now(instant, timezone)
    is_today = there.date() == local_now(now, timezone).date()
    return f"{there:%H:%M}" if is_today else f"{there:%Y-%m-%d, %H:%M}"


def _on_time(visitor: Visitor, now: datetime, site: Site) -> Decision | None:
    window = arrival_window(visitor, site)
    if now >= window.closes:
        return _expired(visitor)
    if now >= window.opens:
        return None
    return _not_yet(visitor, local_now(now, site.timezone), local_now(window.opens, site.timezone))


def _not_yet(visitor: Visitor, now: datetime, opens: datetime) -> Decision:
    """Both instants are those on the wall."""
    gate_opens = f": the gate opens for it from {opens:%H:%M}"
    if now.date() == visitor.visit_date:
        begins = f"{visitor.visit_time:%H:%M}"
        return refuse("too_early", f"This visit begins at {begins}{gate_opens}")
    is_tonight = now.date() == opens.date()
    day = f"This visit is on {visitor.visit_date}"
    return refuse("wrong_day", day + gate_opens if is_tonight else day)
