"""The kinds of notification; each has a template of the same name in `email_templates/`."""

from enum import StrEnum


class NotificationKind(StrEnum):
    """The kind of a notification: its recipient and subject."""

    visitor_confirmation = "visitor_confirmation"
    host_registration = "host_registration"
    host_arrival = "host_arrival"
    visitor_rescheduled = "visitor_rescheduled"
    host_rescheduled = "host_rescheduled"
    visitor_cancelled = "visitor_cancelled"
    host_cancelled = "host_cancelled"
    visitor_updated = "visitor_updated"
    host_updated = "host_updated"
    host_handed_over = "host_handed_over"
    host_bulk_summary = "host_bulk_summary"
    visitor_reminder = "visitor_reminder"
    password_reset = "password_reset"  # noqa: S105  (a kind of mail, not a password)
    email_verification = "email_verification"
    password_changed = "password_changed"  # noqa: S105 - an event, not a password
    email_changed = "email_changed"
    directory_linked = "directory_linked"
    second_factor_changed = "second_factor_changed"


TO_VISITOR = frozenset(
    {
        NotificationKind.visitor_confirmation,
        NotificationKind.visitor_rescheduled,
        NotificationKind.visitor_cancelled,
        NotificationKind.visitor_updated,
        NotificationKind.visitor_reminder,
    }
)
"""Sent to the visitor of the visit at the time of sending."""

TO_HOST = frozenset(
    {
        NotificationKind.host_registration,
        NotificationKind.host_arrival,
        NotificationKind.host_rescheduled,
        NotificationKind.host_cancelled,
        NotificationKind.host_updated,
    }
)
"""Sent to the host of the visit at the time of sending."""

ABOUT_VISIT = TO_VISITOR | TO_HOST
"""Outdated by a reschedule, a cancellation or the end of the visit."""

READ_BY_HOSTS = TO_HOST | {
    NotificationKind.host_handed_over,
    NotificationKind.host_bulk_summary,
}
"""Written for hosts, including former ones."""
