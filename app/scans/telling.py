"""The events of scans that did not go as they should."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.audit.models import VISITOR
from app.audit.repository import Actor
from app.events.kinds import EventType
from app.events.outbox import pending_row
from app.scans.models import Scan, ScanVerdict
from app.visitors.models import Visitor

TOLD: Mapping[ScanVerdict, EventType] = {
    ScanVerdict.REFUSED: EventType.SCAN_REFUSED,
    ScanVerdict.CONFLICT: EventType.SCAN_CONFLICT,
}


def events_of(
    scan: Scan, visitor: Visitor | None, by: Actor, now: datetime
) -> list[dict[str, Any]]:
    """Return the event of a decided scan, if it makes one; passages make entries of the log.

    It is at the site of the visit, not of the gate: who may read one may read the other.
    """
    type_ = TOLD.get(scan.verdict)
    if type_ is None or visitor is None:
        return []
    about: dict[str, Any] = {"site": visitor.site_id, "host": visitor.host_id, "by": by}
    return [pending_row(type_, VISITOR, visitor.id, now, **about)]
