from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.core.localtime import local_now
from app.scans import errors
from app.scans.models import ScanDirection, ScanVerdict
from app.sites.models import Site
from app.visitors.arrival import arrival_window
from app.visitors.models import Visitor, VisitorStatus

# The time in which an automatic check-out can be corrected.
CORRECTABLE_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Gate:
    """The place of a scan; only devices have a site."""

    site_id: UUID | None
    name: str | None


@dataclass(frozen=True, slots=True)
class Decision:
    """The response to a gate; `details` are members of the problem `code`."""

    verdict: ScanVerdict
    message: str
    code: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


GOODBYE = Decision(ScanVerdict.CHECKED_OUT, "Goodbye")


def refuse(refusal: type[errors.Refusal], message: str, **details: Any) -> Decision:
    return Decision(ScanVerdict.REFUSED, message, refusal.code, details)


def not_current(owner: UUID | None, *, is_replaced: bool) -> Decision:
    """Decide on a genuine code that is not current; `owner` had it before."""
    if owner is None:
        return refuse(errors.UnknownToken, "This code belongs to no visit here")
    if is_replaced:
        return refuse(errors.Replaced, "This code was replaced: use the one in the newest mail")
    return refuse(errors.Rescheduled, "The visit was moved: use the code in the newest mail")


def decide(
    visitor: Visitor, site: Site, direction: ScanDirection, gate: Gate, now: datetime
) -> Decision:
    """Decide whether a visitor may pass, by the local time of the site."""
    if gate.site_id is not None and gate.site_id != visitor.site_id:
        return refuse(errors.WrongSite, f"This visit is at another site: {site.name}")
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
    """Decide whether a past scan fits the current state of the visit."""
    if direction is ScanDirection.OUT and _had_not_come_in(visitor, at):
        return in_conflict(refuse(errors.NotInside, "This visitor had not checked in by then"))
    decision = decide(visitor, site, direction, gate, at)
    if decision.verdict is ScanVerdict.ADMITTED and _was_not_registered(visitor, at):
        decision = refuse(
            errors.TooEarly, "The visit did not exist at that time: check the device's clock"
        )
    return in_conflict(decision)


def in_conflict(decision: Decision) -> Decision:
    """Turn a refusal into a conflict, since the gate opened anyway."""
    refused = decision.verdict is ScanVerdict.REFUSED
    return replace(decision, verdict=ScanVerdict.CONFLICT) if refused else decision


def _had_not_come_in(visitor: Visitor, at: datetime) -> bool:
    has_come_in = visitor.status is VisitorStatus.VERIFIED or _is_assumed_gone(visitor)
    return has_come_in and visitor.checked_in_at is not None and at < visitor.checked_in_at


def _was_not_registered(visitor: Visitor, at: datetime) -> bool:
    # Many devices send no fractions of seconds.
    return at < visitor.created_at.replace(microsecond=0)


def _ended(visitor: Visitor) -> Decision | None:
    match visitor.status:
        case VisitorStatus.CANCELLED:
            return refuse(errors.Cancelled, "This visit was cancelled")
        case VisitorStatus.EXPIRED:
            return _expired(visitor)
        case VisitorStatus.COMPLETED:
            return _completed(visitor)
        case _:
            return None


def _expired(visitor: Visitor) -> Decision:
    return refuse(errors.Expired, f"This visit was on {visitor.visit_date}")


def _completed(visitor: Visitor) -> Decision:
    how = (
        "was closed automatically: no check-out was scanned"
        if visitor.checked_out_automatically
        else "is over: the visitor has left"
    )
    return refuse(errors.AlreadyCompleted, f"This visit {how}")


def _way_out(visitor: Visitor) -> Decision:
    if visitor.status is VisitorStatus.PENDING:
        return refuse(errors.NotInside, "This visitor has not checked in")
    return GOODBYE


def _left_unseen(visitor: Visitor, at: datetime) -> bool:
    assumed = visitor.checked_out_at
    return _is_assumed_gone(visitor) and assumed is not None and at <= assumed + CORRECTABLE_FOR


def _is_assumed_gone(visitor: Visitor) -> bool:
    return visitor.status is VisitorStatus.COMPLETED and visitor.checked_out_automatically


def _already_inside(visitor: Visitor, now: datetime, timezone: str) -> Decision:
    """Refuse a visitor who is inside, with local time for guards, `since` for programs."""
    since, message = visitor.checked_in_at, "Already inside"
    if since is not None:
        message += f" since {_on_the_wall(since, now, timezone)}"
    if visitor.checked_in_gate:
        message += f" at gate {visitor.checked_in_gate}"
    return refuse(
        errors.AlreadyInside,
        message,
        since=f"{since:%Y-%m-%dT%H:%M:%SZ}" if since else None,
        gate=visitor.checked_in_gate,
    )


def _on_the_wall(instant: datetime, now: datetime, timezone: str) -> str:
    """Format the local time, with the date unless it is today."""
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
    """Refuse a visit that begins later; both instants are local."""
    gate_opens = f": the gate opens from {opens:%H:%M}"
    if now.date() == visitor.visit_date:
        begins = f"{visitor.visit_time:%H:%M}"
        return refuse(errors.TooEarly, f"This visit begins at {begins}{gate_opens}")
    is_tonight = now.date() == opens.date()
    day = f"This visit is on {visitor.visit_date}"
    return refuse(errors.WrongDay, day + gate_opens if is_tonight else day)
