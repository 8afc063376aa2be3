"""The stays of a visitor, as far as a decision needs them. Pure."""

from collections.abc import Sequence
from datetime import datetime

from app.core.db.plain import new_plain
from app.visitors.models import Visitor, VisitorStatus
from app.visitors.stay_models import InMethod, OutMethod, Stay


def newest_of(visitor: Visitor, stored: Stay | None) -> Stay | None:
    """Return the newest stay; `stored` is what the table has.

    Processes of the previous release store none: the visitor's times say what they saw.
    """
    if visitor.checked_in_at is None:
        return None
    stay = stored or _first_of(visitor, visitor.checked_in_at)
    if visitor.status is VisitorStatus.COMPLETED and stay.out_at != visitor.checked_out_at:
        stay.out_at, stay.out_method = visitor.checked_out_at, _way_out_of(visitor)
    return stay


def all_of(visitor: Visitor, stored: Sequence[Stay]) -> list[Stay]:
    """Return all stays, oldest first, as `newest_of` does."""
    newest = newest_of(visitor, stored[-1] if stored else None)
    return [*stored[:-1], newest] if newest else []


def require_stay(newest: Stay | None) -> Stay:
    """Return the newest stay of a visitor who has come in."""
    if newest is None:
        raise LookupError("a visitor who is inside has come in")
    return newest


def newest_instant(stay: Stay | None) -> datetime | None:
    """Return when the visitor was last seen to come or go."""
    return None if stay is None else stay.out_at or stay.in_at


def _first_of(visitor: Visitor, came: datetime) -> Stay:
    return new_plain(
        Stay,
        id=visitor.id,
        visitor_id=visitor.id,
        site_id=visitor.site_id,
        in_at=came,
        in_gate=visitor.checked_in_gate,
        in_method=InMethod.GATE,
        out_at=None,
        out_method=None,
        reopened_at=None,
        created_at=came,
    )


def _way_out_of(visitor: Visitor) -> OutMethod | None:
    if visitor.checked_out_at is None:
        return None
    return OutMethod.AUTOMATIC if visitor.checked_out_automatically else OutMethod.GATE
