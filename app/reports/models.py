"""How many visits there are of each kind, so that a dashboard need not count a month of them."""

from datetime import date
from uuid import UUID

from sqlalchemy import Identity, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.models import Base


class VisitCount(Base):
    """Visits of one site and day that have one value: a status, purpose, department or hour.

    What they count is in `VisitChange` first, and comes here in the background: a row that every
    registration of a day would change, all of them would wait for.
    """

    __tablename__ = "visit_counts"

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    dimension: Mapped[str] = mapped_column(String(20), primary_key=True)
    visit_date: Mapped[date] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(String(40), primary_key=True)
    visits: Mapped[int]


class VisitChange(Base):
    """A visit that is there since (+1) or is no more (-1), not yet in `VisitCount`.

    A trigger writes them in the transaction that changes the visitor, whoever does so: counts and
    changes together are exact at every instant.
    """

    __tablename__ = "visit_changes"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    site_id: Mapped[UUID]
    visit_date: Mapped[date]
    hour: Mapped[int] = mapped_column(SmallInteger)
    status: Mapped[str] = mapped_column(String(40))
    purpose: Mapped[str] = mapped_column(String(40))
    department_id: Mapped[UUID | None]
    visits: Mapped[int] = mapped_column(SmallInteger)
