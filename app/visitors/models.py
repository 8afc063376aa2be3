from datetime import date, datetime, time
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Computed,
    FetchedValue,
    ForeignKey,
    Index,
    String,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.db.models import Base, Entity, words
from app.core.db.personal import personal
from app.core.languages import Language
from app.departments.models import Department
from app.sites.models import Site
from app.slots.keys import SlotKey
from app.slots.seats import HeldSeat
from app.visitors.arrival import visit_end
from app.visitors.group_models import Group


class VisitorType(StrEnum):
    """The type of a visitor."""

    PROFESSIONAL = "professional"
    STUDENT = "student"


class VisitorCategory(StrEnum):
    """The origin of a visitor."""

    INDUSTRY = "industry"
    ACADEMIC = "academic"
    GOVERNMENT = "government"
    OTHER = "other"


class Purpose(StrEnum):
    """The purpose of a visit."""

    BUSINESS_MEETING = "business_meeting"
    INTERVIEW = "interview"
    DELIVERY = "delivery"
    MAINTENANCE = "maintenance"
    TRAINING = "training"
    I_FACTORY_VISIT = "i_factory_visit"
    I_FACTORY_TRAINING = "i_factory_training"
    OTHER = "other"


class VisitorStatus(StrEnum):
    """The status of a visit.

    `pending` becomes `verified` (at check-in), `cancelled` or `expired`; `verified` becomes
    `completed`.
    """

    PENDING = "pending"
    VERIFIED = "verified"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Presence(StrEnum):
    """Where a visitor is: ahead, on site, outside between two stays, or gone."""

    EXPECTED = "expected"
    INSIDE = "inside"
    AWAY = "away"
    LEFT = "left"
    NO_SHOW = "no_show"


# `search_words` (migration 0006) splits text and adds spellings: jürgen, jurgen, juergen.
SEARCH = "array_to_tsvector(search_words(name, email, company, phone))"

PRESENCE = {
    VisitorStatus.PENDING: Presence.EXPECTED,
    VisitorStatus.VERIFIED: Presence.INSIDE,
    VisitorStatus.COMPLETED: Presence.LEFT,
    VisitorStatus.EXPIRED: Presence.NO_SHOW,
}
"""The presence of a visitor who is not away, by the status of the visit."""


def presence_of(status: VisitorStatus, *, is_away: bool) -> Presence | None:
    """Return where a visitor is; None if the visit was cancelled."""
    if status is VisitorStatus.VERIFIED and is_away:
        return Presence.AWAY
    return PRESENCE.get(status)


# Lists are sorted by so many folded letters: one letter may decompose to eighteen, and a row of an
# index has room for 2,700 bytes.
SORTED_BY = 200


def _sorted(column: str) -> Index:
    """Index folded text, by code points (`COLLATE "C"`, which Alembic does not compare)."""
    return Index(f"ix_visitors_{column}", text(f'"left"(search_fold({column}), {SORTED_BY})'), "id")


# Unique replacements for address (RFC 2606), if there is one, and code.
NO_MAILBOX: ColumnElement[str] = literal_column(
    "CASE WHEN visitors.email IS NOT NULL THEN concat(visitors.id, '@anonymised.invalid') END"
)
NO_CODE: ColumnElement[str] = literal_column("concat('anonymised-', visitors.id)")

# Ended visits with personal data: never anonymised, or changed since.
HELD = (
    "(visitors.anonymised_at IS NULL OR visitors.updated_at > visitors.anonymised_at)"
    " AND visitors.status IN ('completed', 'cancelled', 'expired')"
)


def _of_status(status: str) -> tuple[Index, Index]:
    """Index the visits with a status, in the orders of the lists."""
    only = text(f"status = '{status}'")
    by_visit = ("visit_date", "visit_time", "id")
    return (
        Index(f"ix_visitors_{status}_created", "created_at", "id", postgresql_where=only),
        Index(f"ix_visitors_{status}_visit", *by_visit, postgresql_where=only),
    )


class Visitor(Entity):
    """A person invited for one local date and time at a site.

    `revision` increases with each change that is mailed again. `host_as_sent` is the host as typed
    by the visitor, and all that the visitor sees. With `host_closed`, mails to the
    host go to the reception.

    `checked_in_at` is the first entry, `checked_out_at` the last exit, null while inside; with
    `is_away` a verified visitor is outside and may return.

    `self_registration_key` is equal for all spellings of an address, which may have one open visit
    in a slot; it is null for older duplicates and erased visitors.

    `co_hosts` are objects of `name` and `email`, who get the mails of the host.
    """

    __tablename__ = "visitors"
    __table_args__ = (
        CheckConstraint("duration_minutes BETWEEN 15 AND 1440", name="duration_minutes"),
        Index("ix_visitors_created_at_id", "created_at", "id"),
        Index("ix_visitors_visit", "visit_date", "visit_time", "id"),
        Index("ix_visitors_site_visit", "site_id", "visit_date", "visit_time", "id"),
        Index("ix_visitors_inside", "site_id", postgresql_where=text("status = 'verified'")),
        Index("ix_visitors_host_created", "host_id", "created_at", "id"),
        Index("ix_visitors_host_email", text("lower(host_email)"), "created_at", "id"),
        Index("ix_visitors_search", "search", postgresql_using="gin"),
        Index(
            "ix_visitors_open",
            "visit_date",
            "id",
            postgresql_where=text("status IN ('pending', 'verified')"),
        ),
        Index("ix_visitors_group", "group_id", "id", postgresql_where=text("group_id IS NOT NULL")),
        Index("ix_visitors_held", "visit_date", "id", postgresql_where=text(HELD)),
        Index(
            "uq_visitors_self_registration",
            "slot_id",
            "self_registration_key",
            unique=True,
            postgresql_where=text(
                "self_registration_key IS NOT NULL AND status IN ('pending', 'verified')"
            ),
        ),
        Index("ix_visitors_updated", "updated_at"),
        _sorted("name"),
        _sorted("company"),
        # Oldest first, the index of all would lead through those that have ended.
        Index(
            "ix_visitors_pending_created",
            "created_at",
            "id",
            postgresql_where=text("status = 'pending'"),
        ),
        # In the other indexes, past visits come after all later ones.
        *_of_status("completed"),
        *_of_status("expired"),
    )

    site_id: Mapped[UUID] = mapped_column(ForeignKey("sites.id"))
    department_id: Mapped[UUID | None] = mapped_column(ForeignKey("departments.id"), index=True)
    slot_id: Mapped[UUID] = mapped_column(ForeignKey("slots.id"), index=True)
    host_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    group_id: Mapped[UUID | None] = mapped_column(ForeignKey("groups.id"))

    name: Mapped[str] = mapped_column(String(200), info=personal("Anonymised visitor"))
    email: Mapped[str | None] = mapped_column(String(254), info=personal(NO_MAILBOX))
    phone: Mapped[str | None] = mapped_column(String(32), info=personal())
    company: Mapped[str | None] = mapped_column(String(200), info=personal())
    visitor_type: Mapped[VisitorType] = mapped_column(words(VisitorType))
    visitor_category: Mapped[VisitorCategory] = mapped_column(words(VisitorCategory))
    purpose: Mapped[Purpose] = mapped_column(words(Purpose))
    visit_date: Mapped[date]
    visit_time: Mapped[time]
    duration_minutes: Mapped[int] = mapped_column(default=60, server_default="60")
    host_name: Mapped[str | None] = mapped_column(String(401))
    host_email: Mapped[str | None] = mapped_column(String(254))
    host_as_sent: Mapped[str | None] = mapped_column(String(401))
    co_hosts: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB, default=list, server_default=text("'[]'::jsonb"), info=personal([])
    )
    booked_by: Mapped[str | None] = mapped_column(String(401))
    host_closed: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    is_self_registered: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    self_registration_key: Mapped[str | None] = mapped_column(info=personal())
    registered_by_stranger: Mapped[bool] = mapped_column(
        default=False, server_default=text("false")
    )
    notes: Mapped[str | None] = mapped_column(String(2000), info=personal())
    language: Mapped[Language | None] = mapped_column(words(Language), info=personal())

    status: Mapped[VisitorStatus] = mapped_column(words(VisitorStatus))
    qr_code: Mapped[str] = mapped_column(String(64), unique=True, info=personal(NO_CODE))
    revision: Mapped[int] = mapped_column(default=0)
    is_rescheduled: Mapped[bool] = mapped_column(default=False)
    original_visit_date: Mapped[date | None]
    original_visit_time: Mapped[time | None]
    checked_in_at: Mapped[datetime | None]
    checked_in_gate: Mapped[str | None] = mapped_column(String(200))
    checked_out_at: Mapped[datetime | None]
    checked_out_automatically: Mapped[bool] = mapped_column(default=False)
    is_away: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    updated_at: Mapped[datetime]
    anonymised_at: Mapped[datetime | None]
    # Raised by a trigger (migration 0029) with each UPDATE.
    version: Mapped[int] = mapped_column(
        server_default=text("1"), server_onupdate=FetchedValue(), deferred=True
    )
    search: Mapped[str] = mapped_column(TSVECTOR, Computed(SEARCH, persisted=True), deferred=True)

    site: Mapped[Site] = relationship(lazy="raise")
    department: Mapped[Department | None] = relationship(lazy="raise")
    group: Mapped[Group | None] = relationship(lazy="raise")

    @property
    def slot_key(self) -> SlotKey:
        return SlotKey.of(self.site_id, self.visit_date, self.visit_time)

    @property
    def presence(self) -> Presence | None:
        """Return where the visitor is; None if the visit was cancelled."""
        return presence_of(self.status, is_away=self.is_away)

    @property
    def ends_at(self) -> datetime:
        return visit_end(self, self.site.timezone)

    @property
    def seat(self) -> HeldSeat:
        return HeldSeat(self.slot_id, self.is_self_registered)


class RetiredQrCode(Base):
    """The hash of a former QR token.

    The gate refuses it as `rescheduled`, or as `replaced` if `is_replaced`.
    """

    __tablename__ = "retired_qr_codes"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    visitor_id: Mapped[UUID] = mapped_column(
        ForeignKey("visitors.id", ondelete="CASCADE"), index=True
    )
    retired_at: Mapped[datetime]
    is_replaced: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
