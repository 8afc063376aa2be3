"""Database access that bypasses the API."""

from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, text, update

from app.audit.models import VISITOR, AuditEntry
from app.core.db.database import Database
from app.core.ids import new_id
from app.departments.models import Department
from app.notifications.models import Notification, NotificationStatus
from app.scans.models import Scan
from app.sites.models import Site, SiteClosure
from app.slots.models import Slot
from app.slots.seats import share_of
from app.users.models import User
from app.visitors.lifecycle import HOLDS_SEAT
from app.visitors.models import Visitor, VisitorStatus

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


async def assert_seats_are_visitors(database: Database) -> None:
    """Assert that slots count their visitors and strangers, within capacity and share."""
    holding = (Visitor.slot_id == Slot.id, Visitor.status.in_(HOLDS_SEAT))
    visitors = select(func.count()).where(*holding).scalar_subquery()
    strangers = select(func.count()).where(*holding, Visitor.is_self_registered).scalar_subquery()
    async with database.read() as session:
        rows = (await session.rows(select(Slot, visitors, strangers))).all()
    assert rows
    for slot, seats, theirs in rows:
        assert slot.booked == seats <= slot.capacity
        assert slot.self_booked == theirs <= share_of(slot.capacity, slot.self_share)


async def booked(database: Database, day: str, hour: int) -> int:
    """Return the seats taken in one hour of the default site."""
    async with database.read() as session:
        found = await session.scalar(
            select(Slot.booked).where(
                Slot.visit_date == datetime.fromisoformat(day).date(), Slot.hour == hour
            )
        )
    return found or 0


async def add_site(database: Database, name: str = "Annex", **fields: Any) -> str:
    """Add a site; return its id."""
    site = Site(
        **{
            "name": name,
            "address": "",
            "timezone": "UTC",
            "opens_at": time(9),
            "closes_at": time(17),
            "open_weekdays": [1, 2, 3, 4, 5],
            "slot_capacity": 20,
            "booking_lead_minutes": 30,
            "booking_horizon_days": 90,
            "early_arrival_minutes": 120,
            "created_at": LONG_AGO,
            "updated_at": LONG_AGO,
            **fields,
        }
    )
    async with database.write() as unit:
        unit.add(site)
    return str(site.id)


async def change_default_site(database: Database, **fields: Any) -> None:
    async with database.write() as unit:
        await unit.write(update(Site).where(Site.is_default).values(**fields))


async def close_default_site(database: Database, day: str) -> None:
    async with database.write() as unit:
        site_id = await unit.scalar(select(Site.id).where(Site.is_default))
        await unit.write(
            insert(SiteClosure).values(
                id=new_id(),
                site_id=site_id,
                date=datetime.fromisoformat(day).date(),
                reason="holiday",
                created_at=LONG_AGO,
            )
        )


async def add_department(database: Database, name: str = "Research") -> str:
    """Add a department; return its id."""
    department = Department(name=name, description="", created_at=LONG_AGO, updated_at=LONG_AGO)
    async with database.write() as unit:
        unit.add(department)
    return str(department.id)


async def deactivate(database: Database, user_id: str, *, active: bool = False) -> None:
    async with database.write() as unit:
        await unit.write(update(User).where(User.id == UUID(user_id)).values(is_active=active))


async def set_status(database: Database, visitor_id: str, status: VisitorStatus) -> None:
    """Set the status of a visitor, bypassing the life cycle; who is inside has come in."""
    came_in = {"checked_in_at": func.now()} if status is VisitorStatus.VERIFIED else {}
    async with database.write() as unit:
        await unit.write(
            update(Visitor).where(Visitor.id == UUID(visitor_id)).values(status=status, **came_in)
        )


async def all_scans(database: Database) -> list[Scan]:
    async with database.read() as session:
        return list(await session.scalars(select(Scan).order_by(Scan.id)))


async def all_events(database: Database) -> list[AuditEntry]:
    """Return what the audit log has about visitors."""
    async with database.read() as session:
        of_visitors = select(AuditEntry).where(AuditEntry.subject_type == VISITOR)
        return list(await session.scalars(of_visitors.order_by(AuditEntry.id)))


async def all_mails(database: Database) -> list[Notification]:
    async with database.read() as session:
        return list(await session.scalars(select(Notification).order_by(Notification.id)))


async def places_holding(database: Database, needle: str) -> set[str]:
    """Return each `table.column` of the database that contains a text, ignoring case."""
    columns = text(
        "SELECT table_name, column_name FROM information_schema.columns"
        " JOIN information_schema.tables USING (table_schema, table_name)"
        " WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
    )
    found = set()
    async with database.engine.connect() as connection:
        for table, column in (await connection.execute(columns)).all():
            held = await connection.execute(
                text(
                    f'SELECT EXISTS (SELECT 1 FROM "{table}"'
                    f' WHERE position(lower(:needle) IN lower("{column}"::text)) > 0)'
                ),
                {"needle": needle},
            )
            if held.scalar():
                found.add(f"{table}.{column}")
    return found


async def fail_mails(database: Database) -> None:
    """No mail arrives."""
    async with database.write() as unit:
        await unit.write(update(Notification).values(status=NotificationStatus.FAILED))
