"""Slots and their taken seats."""

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKey, SmallInteger, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.models import Entity
from app.slots.keys import SlotKey


class Slot(Entity):
    """One hour of a site, stored once it is booked or has its own capacity.

    `excess` and `self_excess` are taken seats above a lowered `capacity` and `self_share` percent;
    `closed_shifts` are the first days of closed shifts.
    """

    __tablename__ = "slots"
    __table_args__ = (
        UniqueConstraint("site_id", "visit_date", "hour"),
        CheckConstraint("booked >= 0 AND booked <= capacity + excess", name="never_overbooked"),
        CheckConstraint("capacity >= 0 AND excess >= 0", name="not_negative"),
        CheckConstraint(
            "self_booked >= 0 AND self_booked <= (capacity * self_share + 99) / 100 + self_excess",
            name="strangers_within_share",
        ),
        CheckConstraint("self_share BETWEEN 1 AND 100 AND self_excess >= 0", name="self_share"),
        CheckConstraint("hour BETWEEN 0 AND 23", name="hour"),
    )

    site_id: Mapped[UUID] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    visit_date: Mapped[date]
    hour: Mapped[int] = mapped_column(SmallInteger)
    capacity: Mapped[int]
    has_own_capacity: Mapped[bool] = mapped_column(default=False)
    booked: Mapped[int] = mapped_column(default=0)
    excess: Mapped[int] = mapped_column(default=0)
    self_share: Mapped[int] = mapped_column(SmallInteger, default=100, server_default="100")
    self_booked: Mapped[int] = mapped_column(default=0, server_default="0")
    self_excess: Mapped[int] = mapped_column(default=0, server_default="0")
    closed_shifts: Mapped[list[date]] = mapped_column(ARRAY(Date), server_default=text("'{}'"))

    @property
    def key(self) -> SlotKey:
        return SlotKey(self.site_id, self.visit_date, self.hour)
