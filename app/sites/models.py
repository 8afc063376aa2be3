"""Sites, their closures and changes."""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.models import Entity, words
from app.core.languages import Language

USUAL_MINUTES = 60
"""The length of a visit by default, and of every visit in the previous release."""


class ReEntry(StrEnum):
    """Whether a visitor may come in again after an exit."""

    NONE = "none"
    SAME_DAY = "same_day"


class Site(Entity):
    """A place with opening rules; `timezone` is an IANA name.

    A `closes_at` not later than `opens_at` is on the next day; 00:00 is the end of the day.
    `muster_version` increases when a muster begins or becomes real, so that a scan that was decided
    before is decided again.
    """

    __tablename__ = "sites"
    __table_args__ = (
        CheckConstraint("slot_capacity >= 0", name="slot_capacity"),
        CheckConstraint("brand_color ~ '^#[0-9a-f]{6}$'", name="brand_color"),
        CheckConstraint("visit_minutes BETWEEN 15 AND 1440", name="visit_minutes"),
        CheckConstraint(
            "self_registration_share BETWEEN 1 AND 100", name="self_registration_share"
        ),
        # An expression: with `name` as a key, renaming would wait for bookings.
        Index("uq_sites_lower_name", text("lower(name)"), unique=True),
        Index(
            "uq_sites_is_default", "is_default", unique=True, postgresql_where=text("is_default")
        ),
    )

    name: Mapped[str] = mapped_column(String(200))
    address: Mapped[str] = mapped_column(String(2000), default="")
    timezone: Mapped[str] = mapped_column(String(64), default="UTC")
    opens_at: Mapped[time] = mapped_column(default=time(9))
    closes_at: Mapped[time] = mapped_column(default=time(17))
    open_weekdays: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    slot_capacity: Mapped[int] = mapped_column(default=20)
    booking_lead_minutes: Mapped[int] = mapped_column(default=30)
    booking_horizon_days: Mapped[int] = mapped_column(default=90)
    early_arrival_minutes: Mapped[int] = mapped_column(default=120)
    late_arrival_minutes: Mapped[int] = mapped_column(default=180, server_default="180")
    auto_check_out_hours: Mapped[int] = mapped_column(default=14, server_default="14")
    re_entry: Mapped[ReEntry] = mapped_column(
        words(ReEntry), default=ReEntry.NONE, server_default=ReEntry.NONE.value
    )
    visit_minutes: Mapped[int] = mapped_column(
        default=USUAL_MINUTES, server_default=str(USUAL_MINUTES)
    )
    self_registration: Mapped[bool] = mapped_column(default=False)
    self_registration_share: Mapped[int] = mapped_column(
        SmallInteger, default=50, server_default="50"
    )
    language: Mapped[Language] = mapped_column(words(Language), default=Language.ENGLISH)
    reception_email: Mapped[str | None] = mapped_column(String(254))
    contact_phone: Mapped[str | None] = mapped_column(String(32))
    contact_email: Mapped[str | None] = mapped_column(String(254))
    brand_name: Mapped[str | None] = mapped_column(String(60))
    brand_color: Mapped[str | None] = mapped_column(String(7))
    has_logo: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    is_default: Mapped[bool] = mapped_column(default=False)
    muster_version: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    updated_at: Mapped[datetime]


class SiteClosure(Entity):
    """A day on which a site is closed."""

    __tablename__ = "site_closures"
    __table_args__ = (UniqueConstraint("site_id", "date"),)

    site_id: Mapped[UUID] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    date: Mapped[date]
    reason: Mapped[str] = mapped_column(String(200), default="")


class SiteChange(Entity):
    """A change of a site that the worker has yet to apply to visits after `done_through`.

    `before` holds the former values. Without `notify` only the calendar's SEQUENCE changes.
    """

    __tablename__ = "site_changes"

    site_id: Mapped[UUID] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"), index=True)
    before: Mapped[dict[str, Any]]
    notify: Mapped[bool]
    done_through: Mapped[UUID | None]
    request_id: Mapped[str | None] = mapped_column(String(128))
