"""The reminder on the day before a visit."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.core.database import AfterCommit, Database
from app.core.localtime import local_now
from app.notifications.kinds import NotificationKind
from app.notifications.repository import Outbox
from app.sites.models import Site
from app.sites.repository import SiteReader
from app.visitors import mails
from app.visitors.repository import VisitorRepository

# Local hours in which a reminder may arrive: nobody wants one at night.
FROM_HOUR, TO_HOUR = 9, 21
BATCH = 200


async def remind(database: Database, wake: AfterCommit, now: datetime) -> int:
    """Queue the reminders of tomorrow's visits; says how many were new.

    One visit is reminded of once for each of its times. Visits booked or moved today are left
    out: their mail is as fresh as a reminder.
    """
    async with database.read() as session:
        sites = await SiteReader(session).all()
    total = 0
    for site in sites:
        if FROM_HOUR <= local_now(now, site.timezone).hour < TO_HOUR:
            total += await _remind_site(database, wake, site, now)
    return total


async def _remind_site(database: Database, wake: AfterCommit, site: Site, now: datetime) -> int:
    today = local_now(now, site.timezone).date()
    tomorrow = today + timedelta(days=1)
    today_began = datetime.combine(today, time(0), ZoneInfo(site.timezone))
    total = 0
    while True:
        async with database.write() as unit:
            outbox = Outbox(unit, wake)
            visitors = VisitorRepository(unit)
            due = await visitors.lock_unreminded(site.id, tomorrow, today_began, at_most=BATCH)
            for visitor in due:
                payload = mails.visit_payload(visitor, site)
                kind = NotificationKind.visitor_reminder
                mail = mails.to_visitor(kind, visitor, site, payload, visitor.revision)
                total += await outbox.put_once(mail, now)
        if len(due) < BATCH:
            return total
