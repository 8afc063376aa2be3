"""Payloads of notifications: all data of a mail, so that rendering needs no database.

A payload is stored with `model_dump(mode="json")` and read with
`PAYLOADS[kind].model_validate(...)`, unchanged.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from enum import StrEnum
from types import MappingProxyType
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
from app.notifications.kinds import NotificationKind
from app.notifications.wording import one_line


def _one_line_input(value: object) -> object:
    return one_line(value) if isinstance(value, str) else value


def _address_input(value: object) -> object:
    if not isinstance(value, str):
        return value
    lines = (one_line(line).strip(" ,") for line in value.splitlines())
    return ", ".join(line for line in lines if line)


def _known_language(value: object) -> object:
    return value if value in set(Language) else Language.ENGLISH


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError) as error:
        raise ValueError("not an IANA time zone") from error
    return name


# Cleaned here, so that no template can forget it, and before Pydantic validates, which rejects the
# lone surrogates that this replaces.
OneLine = Annotated[str, BeforeValidator(_one_line_input)]
# May be typed by anonymous visitors, so no mail client may turn it into a link.
Typed = Annotated[OneLine, AfterValidator(unlinked)]
PostalAddress = Annotated[str, BeforeValidator(_address_input)]
Zone = Annotated[str, AfterValidator(_known_zone)]
# During a rollout, workers of the old release read rows of the new one: unknown languages become
# English, and unknown fields are ignored.
MailLanguage = Annotated[Language, BeforeValidator(_known_language)]


class PayloadModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Payload(PayloadModel):
    language: MailLanguage = Language.ENGLISH


class VisitPayload(Payload):
    visitor_id: UUID
    visitor_name: Typed
    company: Typed | None
    purpose: OneLine
    host_name: Typed | None
    """None if the visitor is received by reception."""
    site_name: OneLine
    site_address: PostalAddress
    timezone: Zone
    visit_date: date
    visit_time: time
    qr_code: OneLine | None
    sequence: Annotated[int, Field(ge=0)]
    """SEQUENCE of iCalendar (RFC 5545, 3.8.7.4): increases with every change of the visit."""
    contact_phone: OneLine | None = None
    contact_email: OneLine | None = None
    """How visitors can contact the site."""
    reply_to: OneLine | None = None
    is_typed_by_stranger: bool = True
    """Whether subjects omit the visitor's name; rows of older releases default to true."""

    @property
    def starts_at(self) -> datetime:
        return local_moment(self.visit_date, self.visit_time, self.timezone)


class MovedVisitPayload(VisitPayload):
    previous_date: date
    previous_time: time
    previous_timezone: Zone | None = None
    """None if it is the time zone of the visit."""
    previous_site_name: OneLine | None = None
    """Set if the visit moved to another site."""

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
    """The previous facts are None if unchanged."""


class HandedOverPayload(VisitPayload):
    account_id: UUID | None = None
    """The account of the former host, if any; it may be closed or have a new address."""
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
    """Set if the visits of one mail are at several sites."""


class BulkSummaryPayload(Payload):
    account_id: UUID | None = None
    """The account of the host, if any; it may be closed or have a new address."""
    host_name: Typed
    site_name: OneLine
    """The names of all sites if there are several."""
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
    """The stored form of `BulkSummaryPayload`; the visitors are read when the mail is sent."""

    account_id: UUID
    host_name: Typed
    site_name: OneLine
    timezone: Zone
    visitors: tuple[ListedVisitor, ...]


class AccountPayload(Payload):
    first_name: Typed


class EmailChangedPayload(AccountPayload):
    is_new: bool  # whether this mail goes to the new address, not the former one


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
    is_first: bool = False  # the account has just been created by someone else


PAYLOADS: Mapping[NotificationKind, type[Payload]] = MappingProxyType(
    {
        NotificationKind.visitor_confirmation: VisitPayload,
        NotificationKind.host_registration: VisitPayload,
        NotificationKind.host_arrival: ArrivalPayload,
        NotificationKind.visitor_rescheduled: MovedVisitPayload,
        NotificationKind.host_rescheduled: MovedVisitPayload,
        NotificationKind.visitor_cancelled: CancelledVisitPayload,
        NotificationKind.host_cancelled: CancelledVisitPayload,
        NotificationKind.visitor_updated: UpdatedVisitPayload,
        NotificationKind.host_updated: UpdatedVisitPayload,
        NotificationKind.host_handed_over: HandedOverPayload,
        NotificationKind.host_bulk_summary: BulkSummaryPayload,
        NotificationKind.visitor_reminder: VisitPayload,
        NotificationKind.password_reset: AccountLinkPayload,
        NotificationKind.email_verification: AccountLinkPayload,
        NotificationKind.password_changed: AccountPayload,
        NotificationKind.email_changed: EmailChangedPayload,
        NotificationKind.directory_linked: AccountPayload,
        NotificationKind.second_factor_changed: SecondFactorPayload,
    }
)


def local_moment(day: date, at: time, zone: str) -> datetime:
    """Return a site's local date and time as an aware instant in its zone.

    A time that the clocks skip becomes the one they show instead; an ambiguous one is the first of
    the two.
    """
    tz = ZoneInfo(zone)
    return datetime.combine(day, at, tzinfo=tz).astimezone(UTC).astimezone(tz)
