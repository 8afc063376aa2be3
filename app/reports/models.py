from datetime import date
from uuid import UUID

from sqlalchemy import Identity, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.models import Base


class VisitCount(Base):
    """The visits of one site and day with one status, purpose, department or hour.

    Updating a shared counter would delay registrations: a job moves changes here.
    """

    __tablename__ = "visit_counts"

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    dimension: Mapped[str] = mapped_column(String(20), primary_key=True)
    visit_date: Mapped[date] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(String(40), primary_key=True)
    visits: Mapped[int]


class VisitMonthCount(Base):
    """The `VisitCount`s of one month, which is its first day, added up by triggers."""

    __tablename__ = "visit_month_counts"

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    dimension: Mapped[str] = mapped_column(String(20), primary_key=True)
    month: Mapped[date] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(String(40), primary_key=True)
    visits: Mapped[int]


class VisitChange(Base):
    """A visit added (+1) or removed (-1) that is not yet in `VisitCount`, by a trigger."""

    __tablename__ = "visit_changes"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    site_id: Mapped[UUID]
    visit_date: Mapped[date]
    hour: Mapped[int] = mapped_column(SmallInteger)
    status: Mapped[str] = mapped_column(String(40))
    purpose: Mapped[str] = mapped_column(String(40))
    department_id: Mapped[UUID | None]
    visits: Mapped[int] = mapped_column(SmallInteger)
