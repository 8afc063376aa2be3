from datetime import datetime
from typing import Any
from uuid import UUID

from app.audit.models import VisitorAction
from app.audit.repository import VisitorEventRepository
from app.audit.schemas import VisitorEvent
from app.auth.caller import Caller
from app.core.db.database import ReadSession, WriteSession
from app.core.errors import NotFound
from app.musters.repository import MusterReader
from app.notifications.kinds import NotificationKind
from app.notifications.models import Notification
from app.notifications.repository import NotificationReader
from app.reports.personal_data_schemas import (
    HeldEntry,
    HeldMark,
    HeldNotification,
    HeldScan,
    HeldStay,
    PersonalData,
)
from app.scans.repository import ScanReader
from app.visitors import schemas as visitors
from app.visitors.models import Visitor
from app.visitors.repository import VisitorReader
from app.visitors.stay_repository import StayReader
from app.visitors.stays import all_of


async def export(
    unit: WriteSession, visitor_id: UUID, caller: Caller, now: datetime
) -> PersonalData:
    """Return all data held about a visitor, including this export; raise `NotFound`."""
    visitor = await VisitorReader(unit).visible(visitor_id, caller)
    if visitor is None:
        raise NotFound
    events = VisitorEventRepository(unit)
    stays = all_of(visitor, await StayReader(unit).of_visitor(visitor_id))
    action = VisitorAction.PERSONAL_DATA_EXPORTED
    about: dict[str, Any] = {"site": visitor.site_id, "host": visitor.host_id}
    events.record(visitor_id, action, caller, now, **about)
    await unit.flush()
    musters = MusterReader(unit)
    return PersonalData(
        exported_at=now,
        visitor=visitors.Visitor.of(visitor),
        host_id=visitor.host_id,
        checked_in_gate=visitor.checked_in_gate,
        anonymised_at=visitor.anonymised_at,
        events=[VisitorEvent.model_validate(e) for e in await events.of_visitor(visitor_id)],
        notifications=await _notifications(unit, visitor),
        scans=[
            HeldScan.model_validate(scan) for scan in await ScanReader(unit).of_visitor(visitor_id)
        ],
        stays=[HeldStay.model_validate(stay) for stay in stays],
        rosters=[HeldEntry.model_validate(e) for e in await musters.entries_of(visitor_id)],
        marks=[HeldMark.model_validate(mark) for mark in await musters.marks_of(visitor_id)],
    )


async def _notifications(session: ReadSession, visitor: Visitor) -> list[HeldNotification]:
    mails = NotificationReader(session)
    own = await mails.of_visitor(visitor.id)
    summaries = await mails.summaries_naming(visitor.id, visitor.created_at)
    held = [_held(mail, visitor.id) for mail in (*summaries, *own)]
    return sorted(held, key=lambda mail: (mail.created_at, mail.id))


def _held(mail: Notification, visitor_id: UUID) -> HeldNotification:
    """Return a notification without the other visitors of a summary."""
    shown = HeldNotification.model_validate(mail)
    if mail.kind is not NotificationKind.host_bulk_summary:
        return shown
    rows = [row for row in mail.payload["visitors"] if row["visitor_id"] == str(visitor_id)]
    return shown.model_copy(update={"payload": mail.payload | {"visitors": rows}})
