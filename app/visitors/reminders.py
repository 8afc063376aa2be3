"""The reminder on the day before a visit."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.core.database import AfterCommit, Database
from app.core.localtime import local_now
from app.notifications.kinds import NotificationKind
from app.notifications.repository import Outbox
from app.sites.models import Site
from app.sites.repository import ClosureReader, SiteReader
from app.visitors import mails
from app.visitors.repository import VisitorRepository

# Local hours in which reminders leave: not at night, and early enough to be made use of.
FROM_HOUR, TO_HOUR = 9, 12
BATCH = 200


async def remind(database: Database, wake: AfterCommit, now: datetime) -> int:
    """Queue the reminders of tomorrow's visits; says how many were new.

    Who was told of the visit today is left out, by a reminder as by a confirmation or a change:
    that mail is as fresh. So is who is invited to a shift that is closed.
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
    zone = ZoneInfo(site.timezone)
    today_began = datetime.combine(today, time(0), zone)
    late = datetime.combine(today, time(TO_HOUR), zone).astimezone(UTC)
    total = 0
    while True:
        async with database.write() as unit:
            outbox = Outbox(unit, wake)
            visitors = VisitorRepository(unit)
            closed = await ClosureReader(unit).days(site.id, today, today + timedelta(days=1))
            due = await visitors.lock_unreminded(site, today, today_began, closed, at_most=BATCH)
            for visitor in due:
                payload = mails.visit_payload(visitor, site)
                kind = NotificationKind.visitor_reminder
                mail = mails.to_visitor(kind, visitor, site, payload, visitor.revision)
                total += await outbox.put_once(replace(mail, pointless_after=late), now)
        if len(due) < BATCH:
            return total
