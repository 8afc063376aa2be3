"""Calendar files of visits (RFC 5545 and 5546)."""

from datetime import UTC, datetime
from enum import StrEnum

from app.notifications.payloads import VisitPayload
from app.notifications.wording import Wording, wording

PRODUCT = "-//vms//Visitor Management//EN"
LONGEST_LINE = 75  # octets (RFC 5545, 3.1)
# Characters with a meaning in text (RFC 5545, 3.3.11).
_ESCAPES = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})


class CalendarMethod(StrEnum):
    # Not REQUEST: visitors do not reply.
    publish = "PUBLISH"
    cancel = "CANCEL"


def visit_calendar(
    visit: VisitPayload,
    method: CalendarMethod,
    *,
    organizer: str,
    made_at: datetime,
    for_host: bool = False,
) -> str:
    """Return a calendar with the event of the visit.

    Clients accept a CANCEL only from the same `organizer` (RFC 5546).
    """
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:{PRODUCT}",
        f"METHOD:{method.value}",
        *_event(visit, method, organizer, made_at, for_host=for_host),
        "END:VCALENDAR",
    ]
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _event(
    visit: VisitPayload,
    method: CalendarMethod,
    organizer: str,
    made_at: datetime,
    *,
    for_host: bool,
) -> list[str]:
    words = wording(visit.language)
    title = _title_for_host(visit, words) if for_host else _title(visit, words)
    description = (
        _description_for_host(visit, words) if for_host else _description(visit, words, method)
    )
    status = "CANCELLED" if method is CalendarMethod.cancel else "CONFIRMED"
    return [
        "BEGIN:VEVENT",
        f"UID:{visit.visitor_id}@vms",
        f"SEQUENCE:{visit.sequence}",
        f"DTSTAMP:{_instant(made_at.astimezone(UTC))}",
        # A named zone would need a VTIMEZONE.
        f"DTSTART:{_instant(visit.starts_at.astimezone(UTC))}",
        f"DTEND:{_instant(visit.ends_at.astimezone(UTC))}",
        f"SUMMARY:{_text(title)}",
        f"LOCATION:{_text(_location(visit))}",
        f"DESCRIPTION:{_text(description)}",
        f"ORGANIZER:mailto:{organizer}",
        f"STATUS:{status}",
        "END:VEVENT",
    ]


# Texts in f-strings are not extracted for translation.
def _title(visit: VisitPayload, words: Wording) -> str:
    return words.gettext("Visit to %(site)s") % {"site": visit.site_name}


def _title_for_host(visit: VisitPayload, words: Wording) -> str:
    """Return a title without text typed by the visitor."""
    if visit.is_typed_by_stranger:
        return words.gettext("A visitor at %(site)s") % {"site": visit.site_name}
    return words.gettext("Visit of %(visitor)s") % {"visitor": visit.visitor_name}


def _location(visit: VisitPayload) -> str:
    return ", ".join(part for part in (visit.site_name, visit.site_address) if part)


def _description(visit: VisitPayload, words: Wording, method: CalendarMethod) -> str:
    """Return the description, without the QR token: calendars are often shared."""
    host = words.gettext("Host") + f": {visit.host_name}" if visit.host_name else ""
    contact = ", ".join(part for part in (visit.contact_phone, visit.contact_email) if part)
    contact = words.gettext("Contact") + f": {contact}" if contact else ""
    bring = words.gettext("Please bring a photo ID and the QR code from your confirmation mail.")
    is_on = method is not CalendarMethod.cancel
    return _lines(host, _purpose(visit, words), contact, bring if is_on else "")


def _description_for_host(visit: VisitPayload, words: Wording) -> str:
    company = f" ({visit.company})" if visit.company else ""
    visitor = words.gettext("Visitor") + f": {visit.visitor_name}{company}"
    return _lines(visitor, _purpose(visit, words))


def _purpose(visit: VisitPayload, words: Wording) -> str:
    return words.gettext("Purpose") + f": {words.purpose(visit.purpose)}"


def _lines(*lines: str) -> str:
    return "\n".join(line for line in lines if line)


def _instant(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%SZ}"


def _text(value: str) -> str:
    return value.translate(_ESCAPES)


def _folded(line: str) -> str:
    """Fold a line at 75 octets, without splitting a character."""
    if line.isascii() and len(line) <= LONGEST_LINE:
        return line
    pieces, octets = [""], 0
    for character in line:
        size = len(character.encode())
        if octets + size > LONGEST_LINE:
            pieces.append("")
            octets = 1  # the space that begins a piece
        pieces[-1] += character
        octets += size
    return "\r\n ".join(pieces)
