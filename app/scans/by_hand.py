"""What a person at the desk notes of a passage. Pure."""

import hashlib
from datetime import datetime, timedelta
from uuid import UUID

from app.core.db.plain import new_plain
from app.core.security.qr_token import token_hash
from app.scans.errors import InvalidObservedAt
from app.scans.models import Scan, ScanDirection, ScanMethod
from app.visitors.models import Visitor
from app.visitors.stay_models import Stay
from app.visitors.stays import newest_instant

OBSERVED_WITHIN, AHEAD = timedelta(hours=12), timedelta(minutes=2)


def instant_of(
    observed_at: datetime | None, visitor: Visitor, newest: Stay | None, now: datetime
) -> datetime:
    """Return when a visitor passed; raise `InvalidObservedAt` if that cannot be.

    People and many devices send no fractions of seconds.
    """
    if observed_at is None:
        return now
    known = newest_instant(newest) or visitor.created_at
    earliest = max(now - OBSERVED_WITHIN, known.replace(microsecond=0))
    if not earliest <= observed_at <= now + AHEAD:
        raise InvalidObservedAt
    return observed_at


def entry_by_hand(
    visitor: Visitor,
    direction: ScanDirection,
    gate: str | None,
    observed_at: datetime | None,
    caller_id: UUID,
    now: datetime,
    method: ScanMethod = ScanMethod.DESK,
) -> Scan:
    """Return the row of an undecided passage at the desk."""
    said = f"{visitor.id} {direction} {gate} {observed_at}"
    return new_plain(
        Scan,
        caller_id=caller_id,
        body_hash=hashlib.sha256(said.encode()).digest(),
        token_hash=token_hash(visitor.qr_code),
        direction=direction,
        gate=gate,
        method=method,
        scanned_at=observed_at,
        created_at=now,
    )
