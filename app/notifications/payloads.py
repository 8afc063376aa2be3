"""Payloads of notifications: all data of a mail, stored as JSON."""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from app.core.languages import Language
from app.core.link_marks import unlinked
from app.notifications.wording import one_line


def _one_line_input(value: object) -> object:
    return one_line(value) if isinstance(value, str) else value


def _address_input(value: object) -> object:
    if not isinstance(value, str):
        return value
    lines = (one_line(line).strip(" ,") for line in value.splitlines())
    return ", ".join(line for line in lines if line)


_LANGUAGES = frozenset(Language)


def _known_language(value: object) -> object:
    return value if value in _LANGUAGES else Language.ENGLISH


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError) as error:
        raise ValueError("not an IANA time zone") from error
    return name


# Cleaned first, since Pydantic rejects lone surrogates.
OneLine = Annotated[str, BeforeValidator(_one_line_input)]
# Visitors may type it, so no mail client may turn it into a link.
Typed = Annotated[OneLine, AfterValidator(unlinked)]
PostalAddress = Annotated[str, BeforeValidator(_address_input)]
Zone = Annotated[str, AfterValidator(_known_zone)]
# Old workers may read rows of a new release.
MailLanguage = Annotated[Language, BeforeValidator(_known_language)]


class PayloadModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Payload(PayloadModel):
    language: MailLanguage = Language.ENGLISH


class BrandedPayload(Payload):
    """A mail with the brand of a site at its head."""

    site_name: OneLine
    brand_name: OneLine | None = None
    brand_color: Annotated[str, Field(pattern="^#[0-9a-f]{6}$")] | None = None
    logo: str | None = None
    """A PNG in base64, read when the mail is sent."""


class VisitPayload(BrandedPayload):
    visitor_id: UUID
    visitor_name: Typed
    company: Typed | None
    purpose: OneLine
    host_name: Typed | None
    """None if the visitor is received by reception."""
    site_address: PostalAddress
    timezone: Zone
    visit_date: date
    visit_time: time
    qr_code: OneLine | None
    sequence: Annotated[int, Field(ge=0)]
    """iCalendar's SEQUENCE (RFC 5545, 3.8.7.4) increases with every change."""
    contact_phone: OneLine | None = None
    contact_email: OneLine | None = None
    reply_to: OneLine | None = None
    duration_minutes: int = 60
    to_co_host: bool = False
    co_host_name: Typed | None = None
    visiting_since: AwareDatetime | None = None
    """Set if the visitor had arrived when the mail was made, until the visit is over."""
    is_typed_by_stranger: bool = True
    """Subjects then omit the visitor's name; rows of older releases default to true."""

    @property
    def starts_at(self) -> datetime:
        return local_moment(self.visit_date, self.visit_time, self.timezone)

    @property
    def ends_at(self) -> datetime:
        return self.after(self.duration_minutes)

    @property
    def visiting_since_local(self) -> datetime | None:
        return self.visiting_since and self.visiting_since.astimezone(ZoneInfo(self.timezone))

    @property
    def host_or_co_host(self) -> str | None:
        """Return the name of the host or co-host to whom the mail goes."""
        return self.co_host_name if self.to_co_host else self.host_name

    def after(self, minutes: int) -> datetime:
        """Return the local time so many minutes after the start; the clocks may change between."""
        return (self.starts_at.astimezone(UTC) + timedelta(minutes=minutes)).astimezone(
            ZoneInfo(self.timezone)
        )


class MovedVisitPayload(VisitPayload):
    previous_date: date
    previous_time: time
    previous_timezone: Zone | None = None
    """None if it did not change."""
    previous_site_name: OneLine | None = None
    """None if it did not change."""

    @property
    def previously_at(self) -> datetime:
        zone = self.previous_timezone or self.timezone
        return local_moment(self.previous_date, self.previous_time, zone)


class CancelledVisitPayload(VisitPayload):
    by_visitor: bool = False


class UpdatedVisitPayload(VisitPayload):
    previous_site_name: OneLine | None = None
    previous_site_address: PostalAddress | None = None
    previous_timezone: Zone | None = None
    previous_duration: int | None = None
    """The previous facts are None if unchanged."""

    @property
    def previously_ended_at(self) -> datetime:
        return self.after(self.previous_duration or self.duration_minutes)


class HandedOverPayload(VisitPayload):
    account_id: UUID | None = None
    """The former host, whose account may be closed or have a new address."""
    new_host_name: Typed | None = None


class ArrivalPayload(VisitPayload):
    arrived_at: AwareDatetime
    gate: OneLine | None
    to_reception: bool = False  # the host has no address or a closed account

    @property
    def arrived_at_local(self) -> datetime:
        return self.arrived_at.astimezone(ZoneInfo(self.timezone))


class ListedVisitor(PayloadModel):
    visitor_id: UUID


class BulkRow(ListedVisitor):
    name: Typed
    company: Typed | None
    visit_date: date
    visit_time: time
    site_name: OneLine | None = None
    timezone: Zone | None = None
    """Set if the visits are at several sites."""


class BulkSummaryPayload(BrandedPayload):
    """`site_name` has the names of all sites; several have no common brand."""

    account_id: UUID | None = None
    """The host, whose account may be closed or have a new address."""
    host_name: Typed
    timezone: Zone
    visitors: tuple[BulkRow, ...]

    @model_validator(mode="before")
    @classmethod
    def _one_site_or_several(cls, said: dict[str, Any]) -> dict[str, Any]:
        """Name the site once if all visits are at the same one."""
        rows = [row if isinstance(row, dict) else row.model_dump() for row in said["visitors"]]
        sites = dict.fromkeys(
            (row["site_name"], row["timezone"]) for row in rows if row.get("site_name")
        )
        if not sites:
            return said
        [(_, timezone), *others] = sites
        if not others:
            rows = [{**row, "site_name": None, "timezone": None} for row in rows]
        names = ", ".join(dict.fromkeys(name for name, _ in sites))
        return {**said, "site_name": names, "timezone": timezone, "visitors": rows}


class SummaryOfVisits(Payload):
    """The stored form of `BulkSummaryPayload`; visitors are read when the mail is sent."""

    account_id: UUID
    host_name: Typed
    site_name: OneLine
    timezone: Zone
    visitors: tuple[ListedVisitor, ...]


class AccountPayload(Payload):
    first_name: Typed


class EmailChangedPayload(AccountPayload):
    is_new: bool  # sent to the new address, not the former one


class FactorChange(StrEnum):
    """What happened to the second factors of an account."""

    APP_ADDED = "app_added"
    APP_REMOVED = "app_removed"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"
    RECOVERY_CODE_USED = "recovery_code_used"
    RECOVERY_CODES_RENEWED = "recovery_codes_renewed"
    RESET = "reset"


class SecondFactorPayload(AccountPayload):
    change: FactorChange


class AccountLinkPayload(AccountPayload):
    link: OneLine
    valid_for_minutes: Annotated[int, Field(gt=0)]
    is_first: bool = False  # somebody else has just created the account


class WebhookDisabledPayload(AccountPayload):
    server: Typed
    failing_since: AwareDatetime
    error: Typed | None

    @property
    def failing_since_utc(self) -> datetime:
        return self.failing_since.astimezone(ZoneInfo("UTC"))


class MusterStartedPayload(Payload):
    warden_name: Typed
    site_name: OneLine
    timezone: Zone
    started_at: AwareDatetime
    is_drill: bool
    link: OneLine

    @property
    def started_at_local(self) -> datetime:
        return self.started_at.astimezone(ZoneInfo(self.timezone))


def local_moment(day: date, at: time, zone: str) -> datetime:
    """Return a local time as an aware instant; of an ambiguous one, the first.

    A skipped time moves forward (RFC 5545, 3.3.5).
    """
    tz = ZoneInfo(zone)
    return datetime.combine(day, at, tzinfo=tz).astimezone(UTC).astimezone(tz)
