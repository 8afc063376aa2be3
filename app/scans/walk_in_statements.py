from collections.abc import Mapping
from datetime import date
from uuid import UUID

from sqlalchemy import CTE, Uuid, bindparam, func, select

from app.core.db.database import WriteSession
from app.core.db.inserting import values_of
from app.events.models import PendingEvent
from app.events.outbox import OUTBOX_COLUMNS
from app.musters.models import Muster
from app.musters.repository import open_at
from app.musters.statements import entry_added
from app.scans.models import Scan
from app.sites.models import Site
from app.visitors.models import Visitor
from app.visitors.statements import Rows, book, booking, columns_of
from app.visitors.stay_models import Stay

NO_MUSTER = UUID(int=0)


def _musters_held() -> CTE:
    """Keep musters from being started before the commit, if the open one is the one known."""
    site_id = bindparam("site_id", type_=Uuid())
    present = select(Muster.id).where(open_at(site_id)).scalar_subquery()
    return (
        select(Site.id)
        .where(
            Site.id == site_id,
            Site.muster_version == bindparam("muster_version"),
            func.coalesce(present, NO_MUSTER) == bindparam("known_muster", type_=Uuid()),
        )
        .with_for_update(read=True, key_share=True)
        .cte("site")
    )


_WALK_IN = booking(
    (Scan, columns_of(Scan), "scans"),
    (Stay, columns_of(Stay), "stays"),
    (PendingEvent, OUTBOX_COLUMNS, "told"),
    when=[_musters_held()],
    then=[entry_added],
)


async def admit(
    unit: WriteSession,
    visitor: Visitor,
    shift: date,
    events: Rows,
    mails: Rows,
    scan: Scan,
    stay: Stay,
    followed: Mapping[str, Rows],
    known_muster: UUID | None,
) -> bool:
    """Take a seat and store a visitor who is inside, as `book` does, and what it does to a roster.

    Return False also if another muster than `known_muster` is open, or has been since the site was
    read.
    """
    return await book(
        unit,
        visitor,
        shift,
        events,
        mails,
        _WALK_IN,
        {"scans": [values_of(scan)], "stays": [values_of(stay)], **followed},
        muster_version=visitor.site.muster_version,
        known_muster=known_muster or NO_MUSTER,
    )
