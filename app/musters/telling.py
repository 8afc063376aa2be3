"""The event of a roster that gates and desks keep up; wardens' marks make entries of the log."""

from datetime import datetime
from typing import Any
from uuid import UUID

from app.audit.repository import Actor
from app.events.kinds import EventType
from app.events.outbox import pending_row
from app.musters.passages import Followed


def event_of(followed: Followed, site_id: UUID, by: Actor, now: datetime) -> dict[str, Any]:
    """Return the event of what a passage does to the muster of a site."""
    muster_id = followed.muster_id
    return pending_row(EventType.MUSTER_MARKED, "muster", muster_id, now, site=site_id, by=by)
