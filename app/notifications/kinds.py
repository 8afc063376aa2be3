"""The kinds of notification: each is one member here, and a template of the same name."""

from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import Self

from app.notifications.calendar import CalendarMethod
from app.notifications.payloads import (
    AccountLinkPayload,
    AccountPayload,
    ArrivalPayload,
    BulkSummaryPayload,
    CancelledVisitPayload,
    EmailChangedPayload,
    HandedOverPayload,
    MovedVisitPayload,
    MusterStartedPayload,
    Payload,
    SecondFactorPayload,
    UpdatedVisitPayload,
    VisitPayload,
    WebhookDisabledPayload,
)


class Audience(Enum):
    """For whom a mail is written, and who receives it."""

    VISITOR = auto()
    """The visitor of the visit at the time of sending."""
    HOST = auto()
    """The host of the visit at the time of sending."""
    NAMED_HOST = auto()
    """The host whom the mail names, possibly a former one."""
    ACCOUNT = auto()
    """The owner of an account."""
    WARDEN = auto()
    """Somebody who is asked to help at a muster."""


@dataclass(frozen=True, slots=True)
class Mail:
    """What is known of a kind: its audience and content."""

    payload: type[Payload]
    to: Audience
    has_qr_code: bool = False
    calendar: CalendarMethod | None = None
    """Whether a calendar file publishes the visit or removes it, if there is one."""


PUBLISH, CANCEL = CalendarMethod.publish, CalendarMethod.cancel
VISITOR, HOST = Audience.VISITOR, Audience.HOST
NAMED_HOST, ACCOUNT = Audience.NAMED_HOST, Audience.ACCOUNT


class NotificationKind(StrEnum):
    """The kind of a notification."""

    mail: Mail

    def __new__(cls, name: str, mail: Mail) -> Self:
        kind = str.__new__(cls, name)
        kind._value_ = name
        kind.mail = mail
        return kind

    visitor_confirmation = (
        "visitor_confirmation",
        Mail(VisitPayload, VISITOR, has_qr_code=True, calendar=PUBLISH),
    )
    host_registration = "host_registration", Mail(VisitPayload, HOST, calendar=PUBLISH)
    host_arrival = "host_arrival", Mail(ArrivalPayload, HOST)
    host_arrival_withdrawn = "host_arrival_withdrawn", Mail(ArrivalPayload, HOST)
    visitor_rescheduled = (
        "visitor_rescheduled",
        Mail(MovedVisitPayload, VISITOR, has_qr_code=True, calendar=PUBLISH),
    )
    host_rescheduled = "host_rescheduled", Mail(MovedVisitPayload, HOST, calendar=PUBLISH)
    visitor_cancelled = "visitor_cancelled", Mail(CancelledVisitPayload, VISITOR, calendar=CANCEL)
    host_cancelled = "host_cancelled", Mail(CancelledVisitPayload, HOST, calendar=CANCEL)
    visitor_updated = (
        "visitor_updated",
        Mail(UpdatedVisitPayload, VISITOR, has_qr_code=True, calendar=PUBLISH),
    )
    host_updated = "host_updated", Mail(UpdatedVisitPayload, HOST, calendar=PUBLISH)
    host_handed_over = "host_handed_over", Mail(HandedOverPayload, NAMED_HOST, calendar=CANCEL)
    host_bulk_summary = "host_bulk_summary", Mail(BulkSummaryPayload, NAMED_HOST)
    visitor_reminder = "visitor_reminder", Mail(VisitPayload, VISITOR, has_qr_code=True)
    password_reset = "password_reset", Mail(AccountLinkPayload, ACCOUNT)
    email_verification = "email_verification", Mail(AccountLinkPayload, ACCOUNT)
    password_changed = "password_changed", Mail(AccountPayload, ACCOUNT)
    email_changed = "email_changed", Mail(EmailChangedPayload, ACCOUNT)
    directory_linked = "directory_linked", Mail(AccountPayload, ACCOUNT)
    second_factor_changed = "second_factor_changed", Mail(SecondFactorPayload, ACCOUNT)
    webhook_disabled = "webhook_disabled", Mail(WebhookDisabledPayload, ACCOUNT)
    muster_started = "muster_started", Mail(MusterStartedPayload, Audience.WARDEN)


def _to(*audiences: Audience) -> frozenset[NotificationKind]:
    return frozenset(kind for kind in NotificationKind if kind.mail.to in audiences)


TO_VISITOR = _to(VISITOR)
TO_HOST = _to(HOST)
ABOUT_VISIT = TO_VISITOR | TO_HOST
"""Outdated by a reschedule, a cancellation or the end of the visit."""

OF_ARRIVAL = frozenset({NotificationKind.host_arrival, NotificationKind.host_arrival_withdrawn})
"""Sent to the reception where there is no host."""

READ_BY_HOSTS = _to(HOST, NAMED_HOST)
"""Written for hosts, including former ones."""

WITH_QR_CODE = frozenset(kind for kind in NotificationKind if kind.mail.has_qr_code)
"""Tells visitors when and where to come."""
