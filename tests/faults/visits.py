"""Who is registered, and whether all that belongs to it is there."""

from sqlalchemy import select

from app.audit.models import VISITOR, AuditEntry, VisitorAction
from app.core.db.database import Database
from app.notifications.kinds import NotificationKind
from app.notifications.models import Notification
from app.visitors.models import Visitor, VisitorStatus
from tests.support.database import assert_seats_are_visitors


async def addresses(database: Database) -> set[str | None]:
    """Return the e-mail addresses of all visitors."""
    async with database.read() as session:
        return set(await session.scalars(select(Visitor.email)))


async def registered(database: Database) -> set[str]:
    """Return the e-mail addresses of all visitors, each of whom has a seat, an event and a mail."""
    async with database.read() as session:
        visitors = (await session.rows(select(Visitor.id, Visitor.email))).all()
        events = await session.scalars(
            select(AuditEntry.subject_id).where(
                AuditEntry.subject_type == VISITOR, AuditEntry.action == VisitorAction.REGISTERED
            )
        )
        mails = await session.scalars(
            select(Notification.visitor_id).where(
                Notification.kind == NotificationKind.visitor_confirmation
            )
        )
        ids = sorted(visitor.id for visitor in visitors)
        assert ids == sorted(filter(None, events)) == sorted(filter(None, mails))
    await assert_seats_are_visitors(database)
    return {visitor.email for visitor in visitors}


async def still_pending(database: Database) -> set[str | None]:
    """Return the e-mail addresses of the visitors who are expected."""
    async with database.read() as session:
        pending = select(Visitor.email).where(Visitor.status == VisitorStatus.PENDING)
        return set(await session.scalars(pending))
