"""Leases: work that one process at a time does, until it renews no more."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import String, func, or_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.database import WriteSession
from app.core.db.models import Base


class Lease(Base):
    """Who does a kind of work, until when; by the clock of the database."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    holder: Mapped[UUID]
    until: Mapped[datetime]


async def take(unit: WriteSession, name: str, holder: UUID, lasting: timedelta) -> bool:
    """Take or renew a lease unless another holds it; return whether it is held.

    One that ends later than it can is of a clock that was put back since, and holds nobody up.
    The row stays locked until the end of the unit, so that the work in it is done by one process
    even where a lease has run out meanwhile.
    """
    until = func.clock_timestamp() + lasting
    statement = insert(Lease).values(name=name, holder=holder, until=until)
    taken = await unit.returning(
        statement.on_conflict_do_update(
            index_elements=[Lease.name],
            set_={"holder": holder, "until": until},
            where=or_(Lease.holder == holder, ~Lease.until.between(func.clock_timestamp(), until)),
        ).returning(Lease.name)
    )
    return taken.first() is not None
