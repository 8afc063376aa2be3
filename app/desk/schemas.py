from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from app.core.text import SearchText
from app.core.times import LocalDate
from app.musters.models import MusterKind
from app.visitors.card_schemas import DeskCard

MOST_CARDS = 200
MOST_FOUND = 20


class DeskQuery(BaseModel):
    """The site and the day of the desk."""

    site: UUID | None = Field(None, description="Default: the caller's only site")
    date: LocalDate | None = Field(
        None, description="The day of `expected`, `left` and `no_show`; default: today at the site"
    )


class DeskSearch(BaseModel):
    """A search among the visitors of today."""

    q: SearchText = Field(
        max_length=200,
        description="Beginnings of words of name, e-mail, company or phone, or a QR token; guards "
        "search names and companies alone",
        examples=["ada"],
    )
    site: UUID | None = Field(None, description="Default: the caller's only site")


class DeskCounters(BaseModel):
    """The figures of the desk."""

    expected: int = Field(description="Pending visits of the date")
    left: int = Field(description="Completed visits of the date")
    no_show: int = Field(description="Expired visits of the date")
    inside: int = Field(description="Now, whatever the date of the visit")
    away: int = Field(description="Now outside, and may come in again")
    overdue: int = Field(description="Now inside 15 minutes after `ends_at`")


class AttentionKind(StrEnum):
    """Something that the desk should look at."""

    MAIL_FAILED = "mail_failed"
    DEVICE_OFFLINE = "device_offline"
    CONFLICT = "conflict"
    HOST_WITHOUT_ACCOUNT = "host_without_account"


class AttentionSubject(BaseModel):
    """A visitor or a device."""

    type: Literal["visitor", "device"] = Field(examples=["device"])
    id: UUID
    name: str = Field(examples=["North gate"])


class Attention(BaseModel):
    """Something that the desk should look at, and what it is about."""

    kind: AttentionKind
    subject: AttentionSubject


class OpenMuster(BaseModel):
    """The open muster of a site."""

    id: UUID
    kind: MusterKind
    started_at: datetime


class Desk(BaseModel):
    """A site as its desk sees it; every list has at most 200 items."""

    version: str = Field(
        description="The value of the `ETag`: equal unless something else is shown",
        examples=["6f1ed002ab5595859014ebf0951522d9"],
    )
    now: datetime
    site: UUID
    counters: DeskCounters
    due: list[DeskCard] = Field(
        description="Pending visits, from those who are late to `early_arrival_minutes` ahead, by "
        "time"
    )
    inside: list[DeskCard] = Field(description="Those who are inside, the latest entry first")
    overdue: list[DeskCard] = Field(description="Those of them who are overdue, the longest first")
    attention: list[Attention] = Field(
        description="Failed mails of open visits and conflicts at gates of the last seven days and "
        "of the last one, devices that were silent for five minutes, and hosts without an active "
        "account of visits that are due or inside"
    )
    open_muster: OpenMuster | None
    truncated: bool = Field(description="Whether a list would be longer than 200")


class DeskFound(BaseModel):
    """The cards that a search found."""

    items: list[DeskCard]
