from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.core.db.batches import BATCH, Batch, in_batches
from app.core.db.database import AfterCommit, Database, ReadSession, WriteSession
from app.core.localtime import local_now
from app.notifications.kinds import NotificationKind
from app.notifications.payloads import VisitPayload
from app.notifications.repository import Outbox
from app.notifications.stranger_mail_limits import WITHHELD, StrangerMails
from app.sites.models import Site
from app.sites.repository import ClosureReader, SiteReader
from app.visitors import mails
from app.visitors.proof_repository import is_proven
from app.visitors.reminder_repository import ReminderRepository

# Local hours: not at night, and early enough to be useful.
FROM_HOUR, TO_HOUR = 9, 12


async def remind(
    database: Database, wake: AfterCommit, now: datetime, strangers: StrangerMails | None = None
) -> int:
    """Queue the reminders of tomorrow's visits; return how many are new.

    Visitors mailed today and closed shifts are skipped.
    """
    async with database.read() as session:
        sites = await SiteReader(session).all()
    total = 0
    for site in sites:
        if FROM_HOUR <= local_now(now, site.timezone).hour < TO_HOUR:
            total += await _remind_site(database, wake, site, now, strangers)
    return total


async def _remind_site(
    database: Database,
    wake: AfterCommit,
    site: Site,
    now: datetime,
    strangers: StrangerMails | None,
) -> int:
    today = local_now(now, site.timezone).date()
    zone = ZoneInfo(site.timezone)
    today_began = datetime.combine(today, time(0), zone)
    late = datetime.combine(today, time(TO_HOUR), zone).astimezone(UTC)

    async def some(unit: WriteSession) -> Batch:
        outbox = Outbox(unit, wake)
        visitors = ReminderRepository(unit)
        closed = await ClosureReader(unit).days(site.id, today, today + timedelta(days=1))
        due = await visitors.lock_unreminded(site, today, today_began, closed, at_most=BATCH)
        queued = 0
        for visitor in due:
            payload = mails.visit_payload(visitor, site)
            kind = NotificationKind.visitor_reminder
            for mail in mails.to_visitor(kind, visitor, site, payload, visitor.revision):
                withheld = strangers and await _withheld(unit, mail.to, payload, strangers)
                mail = replace(mail, pointless_after=late, withheld=withheld or None)
                queued += await outbox.put_once(mail, now)
        return Batch(queued, more=len(due) == BATCH)

    return await in_batches(database, some)


async def _withheld(
    session: ReadSession, email: str, payload: VisitPayload, strangers: StrangerMails
) -> str | None:
    if not payload.is_typed_by_stranger or await strangers.take(email):
        return None
    return None if await is_proven(session, email) else WITHHELD
