from collections.abc import Collection, Sequence
from datetime import date, datetime, time, timedelta

from sqlalchemy import ColumnElement, and_, exists, false, or_, select

from app.core.db.repository import Repository
from app.notifications.kinds import WITH_QR_CODE, NotificationKind
from app.notifications.models import Notification
from app.sites.models import Site
from app.visitors.models import Visitor, VisitorStatus


def begins_on(site: Site, visited: date, day: date) -> ColumnElement[bool]:
    """Select visits whose shift begins on a day.

    The hours after midnight belong to the day before.
    """
    until = time(0) if site.opens_at < site.closes_at else site.closes_at
    of_day_before = Visitor.visit_time < until
    if day == visited:
        return ~of_day_before
    return of_day_before if day == visited - timedelta(days=1) else false()


class ReminderRepository(Repository[Visitor]):
    model = Visitor

    async def lock_unreminded(
        self,
        site: Site,
        today: date,
        mailed_since: datetime,
        closed: Collection[date],
        *,
        at_most: int,
    ) -> Sequence[Visitor]:
        """Lock tomorrow's visitors with an address who were not mailed since `mailed_since`."""
        tomorrow = today + timedelta(days=1)
        # The demonstration data has reminders written in advance.
        written = and_(
            Notification.kind == NotificationKind.visitor_reminder,
            Notification.version == Visitor.revision,
        )
        is_mailed = exists().where(
            Notification.visitor_id == Visitor.id,
            or_(
                and_(Notification.kind.in_(WITH_QR_CODE), Notification.created_at >= mailed_since),
                written,
            ),
        )
        found = await self.session.scalars(
            select(Visitor)
            .where(
                Visitor.site_id == site.id,
                Visitor.status == VisitorStatus.PENDING,
                Visitor.visit_date == tomorrow,
                Visitor.email.is_not(None),
                *(~begins_on(site, tomorrow, day) for day in closed),
                ~is_mailed,
            )
            .order_by(Visitor.id)
            .limit(at_most)
            .with_for_update(skip_locked=True)
        )
        return found.all()
