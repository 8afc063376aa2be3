"""The decision at the gate. Pure: facts in, verdict out."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.core.localtime import instant_of, local_now
from app.scans.models import ScanDirection, ScanVerdict
from app.visitors.models import Visitor, VisitorStatus


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


def refuse(code: str, message: str, **details: Any) -> Decision:
    return Decision(ScanVerdict.REFUSED, message, code, details)


def not_current(owner: UUID | None) -> Decision:
    """On a genuine code of no visitor; `owner` is the one for whom it was replaced."""
    if owner is None:
        return refuse("unknown", "This code is not in use any more")
    return refuse("rescheduled", "The visit was moved: use the code of the newest mail")


def decide(
    visitor: Visitor,
    direction: ScanDirection,
    gate: Gate,
    now: datetime,
    *,
    timezone: str,
    early: timedelta,
) -> Decision:
    """Whether a visitor may pass. `timezone` and `early` (the tolerance) are those of the site."""
    if gate.site_id is not None and gate.site_id != visitor.site_id:
        return refuse("wrong_site", "This visit is at another site")
    ended = _ended(visitor)
    if ended is not None:
        return ended
    if direction is ScanDirection.OUT:
        return _way_out(visitor)
    if visitor.status is VisitorStatus.VERIFIED:
        return _already_inside(visitor)
    return _on_time(visitor, now, timezone, early) or Decision(ScanVerdict.ADMITTED, "Welcome")


def decide_past(
    visitor: Visitor,
    direction: ScanDirection,
    gate: Gate,
    at: datetime,
    *,
    timezone: str,
    early: timedelta,
) -> Decision:
    """Whether a passage at a past instant fits the visit as it stands by now.

    The gate was offline and has opened: what it would have been refused for is a conflict.
    """
    if direction is ScanDirection.OUT and _had_not_come_in(visitor, at):
        return in_conflict(refuse("not_inside", "This visitor had not come in by then"))
    return in_conflict(decide(visitor, direction, gate, at, timezone=timezone, early=early))


def in_conflict(decision: Decision) -> Decision:
    """The same on a gate that has opened all the same: a refusal becomes a conflict."""
    refused = decision.verdict is ScanVerdict.REFUSED
    return replace(decision, verdict=ScanVerdict.CONFLICT) if refused else decision


def _had_not_come_in(visitor: Visitor, at: datetime) -> bool:
    inside_since = visitor.checked_in_at
    is_inside = visitor.status is VisitorStatus.VERIFIED
    return is_inside and inside_since is not None and at < inside_since


def _ended(visitor: Visitor) -> Decision | None:
    match visitor.status:
        case VisitorStatus.CANCELLED:
            return refuse("cancelled", "This visit was cancelled")
        case VisitorStatus.EXPIRED:
            return refuse("expired", "The day of this visit is over")
        case VisitorStatus.COMPLETED:
            return refuse("already_completed", "This visit is over: the visitor has left")
        case _:
            return None


def _way_out(visitor: Visitor) -> Decision:
    if visitor.status is VisitorStatus.PENDING:
        return refuse("not_inside", "This visitor has not come in")
    return Decision(ScanVerdict.CHECKED_OUT, "Goodbye")


def _already_inside(visitor: Visitor) -> Decision:
    since = visitor.checked_in_at
    at_gate = f" at gate {visitor.checked_in_gate}" if visitor.checked_in_gate else ""
    stamp = f"{since:%Y-%m-%dT%H:%M:%SZ}" if since else None
    return refuse(
        "already_inside",
        f"Already inside since {stamp}{at_gate}",
        since=stamp,
        gate=visitor.checked_in_gate,
    )


def _on_time(visitor: Visitor, now: datetime, timezone: str, early: timedelta) -> Decision | None:
    today = local_now(now, timezone).date()
    if visitor.visit_date < today:
        return refuse("expired", "The day of this visit is over")
    if visitor.visit_date > today:
        return refuse("wrong_day", f"This visit is on {visitor.visit_date}")
    begins = instant_of(visitor.visit_date, visitor.visit_time, timezone)
    if begins is not None and now < begins - early:
        return refuse("too_early", f"This visit begins at {visitor.visit_time:%H:%M}")
    return None
