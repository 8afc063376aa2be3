"""The decision at the gate. Pure: facts in, verdict out."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.core.localtime import instant_of, local_now
from app.scans.models import Direction, Verdict
from app.visitors.models import Visitor, VisitorStatus


@dataclass(frozen=True, slots=True)
class Gate:
    """Where a scan happens: the site is known for devices alone."""

    site_id: UUID | None
    name: str | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gate is told; `code` names a refusal, `details` are added to its document."""

    verdict: Verdict
    message: str
    code: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


def refuse(code: str, message: str, **details: Any) -> Decision:
    return Decision(Verdict.REFUSED, message, code, details)


def decide(
    visitor: Visitor,
    direction: Direction,
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
    if direction is Direction.OUT:
        return _way_out(visitor)
    if visitor.status is VisitorStatus.VERIFIED:
        return _already_inside(visitor)
    return _on_time(visitor, now, timezone, early) or Decision(Verdict.ADMITTED, "Welcome")


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
    return Decision(Verdict.CHECKED_OUT, "Goodbye")


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
