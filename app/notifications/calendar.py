"""The calendar file of a visit (RFC 5545), published and withdrawn by mail (RFC 5546)."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from icalendar import STATUS, Calendar, Event

from app.notifications.payloads import VisitPayload
from app.notifications.wording import Wording, wording

PRODUCT = "-//vms//Visitor Management//EN"
VISIT_LENGTH = timedelta(hours=1)


class CalendarMethod(StrEnum):
    # PUBLISH and not REQUEST: the visitor is told, not asked, and no reply comes back to us.
    publish = "PUBLISH"
    cancel = "CANCEL"


def visit_calendar(
    visit: VisitPayload, method: CalendarMethod, *, organizer: str, made_at: datetime
) -> str:
    """A calendar with the one event of the visit, lines ended by CRLF.

    The UID never changes, so that a later SEQUENCE moves or removes the entry that an earlier
    one made. `organizer` is a mail address: RFC 5546 demands one in both methods, and calendars
    follow a CANCEL only from the organizer whom they know. `made_at` is DTSTAMP, aware.
    """
    calendar = Calendar()  # not Calendar.new: that adds a random UID of the calendar itself
    calendar.add("version", "2.0")
    calendar.add("prodid", PRODUCT)
    calendar.add("method", method.value)
    calendar.add_component(_event(visit, method, organizer, made_at))
    text: str = calendar.to_ical().decode("utf-8")
    return text


def _event(visit: VisitPayload, method: CalendarMethod, organizer: str, made_at: datetime) -> Event:
    # RFC 5545 wants the pure form of UTC; a zone by name would need its whole VTIMEZONE.
    starts_at = visit.starts_at.astimezone(UTC)
    words = wording(visit.language)
    return Event.new(
        uid=f"{visit.visitor_id}@vms",
        sequence=visit.sequence,
        stamp=made_at.astimezone(UTC),
        start=starts_at,
        end=starts_at + VISIT_LENGTH,
        summary=words.gettext("Visit to %(site)s") % {"site": visit.site_name},
        location=_location(visit),
        description=_description(visit, words),
        organizer=f"mailto:{organizer}",
        status=STATUS.CANCELLED if method is CalendarMethod.cancel else STATUS.CONFIRMED,
    )


def _location(visit: VisitPayload) -> str:
    return ", ".join(part for part in (visit.site_name, visit.site_address) if part)


def _description(visit: VisitPayload, words: Wording) -> str:
    """Without the token of the QR code: calendars are shared more freely than mails."""
    host = f"{words.gettext('Host')}: {visit.host_name}" if visit.host_name else ""
    purpose = f"{words.gettext('Purpose')}: {words.purpose(visit.purpose)}"
    bring = words.gettext("Please bring a photo ID and the QR code from your confirmation mail.")
    return "\n".join(line for line in (host, purpose, bring) if line)
