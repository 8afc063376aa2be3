from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.core.localtime import local_now
from app.scans import errors
from app.scans.models import OPENED, Scan, ScanDirection, ScanVerdict
from app.sites.models import Site
from app.visitors.arrival import arrival_window, end_of_re_entry
from app.visitors.models import Visitor, VisitorStatus
from app.visitors.stay_models import OutMethod, Stay

# In the details of a conflict, that the gate was told to open.
OPENED_ANYWAY = "opened"
# The time in which an automatic check-out can be corrected.
CORRECTABLE_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Gate:
    """The place of a scan; only devices have a site.

    In an emergency, which a real muster is, every way in is closed and every way out is open.
    """

    site_id: UUID | None
    name: str | None
    is_emergency: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """The response to a gate; `details` are members of the problem `code`."""

    verdict: ScanVerdict
    message: str
    code: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


WELCOME = Decision(ScanVerdict.ADMITTED, "Welcome")
GOODBYE = Decision(ScanVerdict.CHECKED_OUT, "Goodbye")
CLOSED = "The site is being evacuated: nobody may enter"


def refuse(refusal: type[errors.Refusal], message: str, **details: Any) -> Decision:
    return Decision(ScanVerdict.REFUSED, message, refusal.code, details)


def not_current(owner: Visitor | None, *, is_replaced: bool) -> Decision:
    """Decide on a genuine code that is not current; `owner` had it before."""
    if owner is None:
        return refuse(errors.UnknownToken, "This code belongs to no visit here")
    if is_replaced:
        return refuse(errors.Replaced, "This code was replaced: use the one in the newest mail")
    return refuse(errors.Rescheduled, "The visit was moved: use the code in the newest mail")


def decide(
    visitor: Visitor,
    site: Site,
    newest: Stay | None,
    direction: ScanDirection,
    gate: Gate,
    at: datetime,
) -> Decision:
    """Decide whether a visitor may pass, by the local time of the site; `newest` is a stay."""
    opens = WELCOME if direction is ScanDirection.IN else GOODBYE
    return next(refusals(visitor, site, newest, direction, gate, at), opens)


def refusals(
    visitor: Visitor,
    site: Site,
    newest: Stay | None,
    direction: ScanDirection,
    gate: Gate,
    at: datetime,
) -> Iterator[Decision]:
    """Yield every refusal that holds, in the order of decision; none if the visitor may pass."""
    if gate.is_emergency and direction is ScanDirection.IN:
        yield refuse(errors.Emergency, CLOSED)
    if gate.site_id is not None and gate.site_id != visitor.site_id:
        yield refuse(errors.WrongSite, f"This visit is at another site: {site.name}")
    if direction is ScanDirection.IN:
        yield from _against_entry(visitor, site, newest, at)
    elif not is_correction(visitor, newest, at):
        yield from _against_exit(visitor)


def is_correction(visitor: Visitor, newest: Stay | None, at: datetime) -> bool:
    """Return whether an exit would correct the automatic check-out of the newest stay."""
    is_outside = visitor.status is VisitorStatus.COMPLETED or visitor.is_away
    if not is_outside or newest is None or newest.out_at is None:
        return False
    is_assumed = newest.out_method is OutMethod.AUTOMATIC
    return is_assumed and at <= newest.out_at + CORRECTABLE_FOR


def decide_past(
    visitor: Visitor,
    site: Site,
    newest: Stay | None,
    direction: ScanDirection,
    gate: Gate,
    at: datetime,
) -> Decision:
    """Decide whether a past scan fits the current state of the visit."""
    if direction is ScanDirection.OUT and _had_not_come_in(visitor, newest, at):
        return in_conflict(refuse(errors.NotInside, "This visitor had not checked in by then"))
    decision = decide(visitor, site, newest, direction, gate, at)
    if decision.verdict is ScanVerdict.ADMITTED:
        decision = _against_past_entry(visitor, site, newest, at) or decision
    return in_conflict(decision)


def _against_past_entry(
    visitor: Visitor, site: Site, newest: Stay | None, at: datetime
) -> Decision | None:
    if _was_not_registered(visitor, at):
        return refuse(
            errors.TooEarly, "The visit did not exist at that time: check the device's clock"
        )
    if newest is not None and newest.out_at is not None and at < newest.out_at:
        return _already_inside(newest, at, site.timezone)
    return None


def in_conflict(decision: Decision) -> Decision:
    """Turn a refusal into a conflict, since the gate opened anyway."""
    refused = decision.verdict is ScanVerdict.REFUSED
    return replace(decision, verdict=ScanVerdict.CONFLICT) if refused else decision


def opens(scan: Scan) -> bool:
    """Return whether the gate is told to open."""
    return scan.verdict in OPENED or bool(scan.details.get(OPENED_ANYWAY))


def in_emergency(decision: Decision, direction: ScanDirection) -> Decision:
    """Let everybody out, whatever the code says, and nobody in; the ledger keeps what it says."""
    if direction is ScanDirection.IN:
        return refuse(errors.Emergency, CLOSED)
    if decision.verdict is not ScanVerdict.REFUSED:
        return decision
    message, details = GOODBYE.message, decision.details | {OPENED_ANYWAY: True}
    return Decision(ScanVerdict.CONFLICT, message, decision.code, details)


def _had_not_come_in(visitor: Visitor, newest: Stay | None, at: datetime) -> bool:
    is_known = visitor.status is VisitorStatus.VERIFIED or _is_assumed_gone(visitor)
    return is_known and newest is not None and at < newest.in_at


def _was_not_registered(visitor: Visitor, at: datetime) -> bool:
    # Many devices send no fractions of seconds.
    return at < visitor.created_at.replace(microsecond=0)


def _against_entry(
    visitor: Visitor, site: Site, newest: Stay | None, at: datetime
) -> Iterator[Decision]:
    match visitor.status:
        case VisitorStatus.EXPIRED:
            yield _expired(visitor)
        case VisitorStatus.COMPLETED:
            yield _completed(visitor)
        case VisitorStatus.VERIFIED if not visitor.is_away:
            yield _already_inside(newest, at, site.timezone)
        case VisitorStatus.VERIFIED:
            if at >= end_of_re_entry(visitor, site):
                yield _completed(visitor)
        case VisitorStatus.CANCELLED:
            yield _cancelled()
            yield from _out_of_time(visitor, site, at)
        case VisitorStatus.PENDING:
            yield from _out_of_time(visitor, site, at)


def _against_exit(visitor: Visitor) -> Iterator[Decision]:
    match visitor.status:
        case VisitorStatus.CANCELLED:
            yield _cancelled()
        case VisitorStatus.EXPIRED:
            yield _expired(visitor)
        case VisitorStatus.COMPLETED:
            yield _completed(visitor)
        case VisitorStatus.PENDING:
            yield refuse(errors.NotInside, "This visitor has not checked in")
        case VisitorStatus.VERIFIED if visitor.is_away:
            yield refuse(errors.NotInside, "This visitor is outside: the exit is recorded")


def _cancelled() -> Decision:
    return refuse(errors.Cancelled, "This visit was cancelled")


def _expired(visitor: Visitor) -> Decision:
    return refuse(errors.Expired, f"This visit was on {visitor.visit_date}")


def _completed(visitor: Visitor) -> Decision:
    how = (
        "was closed automatically: no check-out was scanned"
        if visitor.checked_out_automatically
        else "is over: the visitor has left"
    )
    return refuse(errors.AlreadyCompleted, f"This visit {how}")


def _is_assumed_gone(visitor: Visitor) -> bool:
    return visitor.status is VisitorStatus.COMPLETED and visitor.checked_out_automatically


def _already_inside(newest: Stay | None, now: datetime, timezone: str) -> Decision:
    """Refuse a visitor who is inside, with local time for guards, `since` for programs."""
    since, gate = (newest.in_at, newest.in_gate) if newest else (None, None)
    message = "Already inside"
    if since is not None:
        message += f" since {_on_the_wall(since, now, timezone)}"
    if gate:
        message += f" at gate {gate}"
    return refuse(
        errors.AlreadyInside,
        message,
        since=f"{since:%Y-%m-%dT%H:%M:%SZ}" if since else None,
        gate=gate,
    )


def _on_the_wall(instant: datetime, now: datetime, timezone: str) -> str:
    """Format the local time, with the date unless it is today."""
    there = local_now(instant, timezone)
    is_today = there.date() == local_now(now, timezone).date()
    return f"{there:%H:%M}" if is_today else f"{there:%Y-%m-%d, %H:%M}"


def _out_of_time(visitor: Visitor, site: Site, at: datetime) -> Iterator[Decision]:
    window = arrival_window(visitor, site)
    if at >= window.closes:
        yield _expired(visitor)
    elif at < window.opens:
        here = (local_now(instant, site.timezone) for instant in (at, window.opens))
        yield _not_yet(visitor, *here)


def _not_yet(visitor: Visitor, now: datetime, opens: datetime) -> Decision:
    """Refuse a visit that begins later; both instants are local."""
    gate_opens = f": the gate opens from {opens:%H:%M}"
    if now.date() == visitor.visit_date:
        begins = f"{visitor.visit_time:%H:%M}"
        return refuse(errors.TooEarly, f"This visit begins at {begins}{gate_opens}")
    is_tonight = now.date() == opens.date()
    day = f"This visit is on {visitor.visit_date}"
    return refuse(errors.WrongDay, day + gate_opens if is_tonight else day)
