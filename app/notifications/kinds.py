"""The kinds of mail. Each has a template of its own name in `email_templates/`."""

from enum import StrEnum


class NotificationKind(StrEnum):
    """To whom a mail goes, and what it is about."""

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
    password_changed = "password_changed"  # noqa: S105
    email_changed = "email_changed"


TO_VISITOR = frozenset(
    {
        NotificationKind.visitor_confirmation,
        NotificationKind.visitor_rescheduled,
        NotificationKind.visitor_cancelled,
        NotificationKind.visitor_updated,
        NotificationKind.visitor_reminder,
    }
)
"""What goes to the visitor of a visit, whoever that is when the mail leaves."""

TO_HOST = frozenset(
    {
        NotificationKind.host_registration,
        NotificationKind.host_arrival,
        NotificationKind.host_rescheduled,
        NotificationKind.host_cancelled,
        NotificationKind.host_updated,
    }
)
"""What goes to the host of a visit, whoever that is when the mail leaves."""

ABOUT_VISIT = TO_VISITOR | TO_HOST
"""What another time, a cancellation or the end of the visit makes untrue."""

READ_BY_HOSTS = TO_HOST | {
    NotificationKind.host_handed_over,
    NotificationKind.host_bulk_summary,
}
"""What is worded for hosts, the former ones too."""
