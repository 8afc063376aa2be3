"""From a payload to the words of a mail. Pure: no database, no network, no clock."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from app.core.qr_image import qr_png
from app.notifications import wording
from app.notifications.calendar import CalendarMethod, visit_calendar
from app.notifications.kinds import NotificationKind
from app.notifications.payloads import PAYLOADS, Payload, VisitPayload, local_moment

TEMPLATES = Path(__file__).resolve().parents[2] / "email_templates"

QR_CONTENT_ID = "qr-code@vms"
# Shown at 260 CSS pixels, twice that for the screens of phones.
QR_SCALE = 14

WITH_QR_CODE = frozenset(
    {
        NotificationKind.visitor_confirmation,
        NotificationKind.visitor_rescheduled,
        NotificationKind.visitor_reminder,
    }
)
CALENDAR_METHODS = {
    NotificationKind.visitor_confirmation: CalendarMethod.publish,
    NotificationKind.visitor_rescheduled: CalendarMethod.publish,
    NotificationKind.visitor_cancelled: CalendarMethod.cancel,
}


@dataclass(frozen=True, slots=True)
class InlineImage:
    """A PNG that the HTML shows by `cid:`; `content_id` is without the angle brackets."""

    content_id: str
    filename: str
    png: bytes


@dataclass(frozen=True, slots=True)
class CalendarFile:
    filename: str
    method: CalendarMethod
    text: str


@dataclass(frozen=True, slots=True)
class RenderedMail:
    subject: str
    text: str
    html: str
    images: tuple[InlineImage, ...] = ()
    attachments: tuple[CalendarFile, ...] = ()


def render(
    kind: NotificationKind, payload: Payload, *, made_at: datetime, organizer: str
) -> RenderedMail:
    """The mail of this kind.

    `made_at` (aware) stamps the calendar file; `organizer` is the address that it names, the
    sender's. Raises TypeError for the payload of another kind.
    """
    if not isinstance(payload, PAYLOADS[kind]):
        raise TypeError(f"{kind} is rendered from {PAYLOADS[kind].__name__}")
    values = {**_values(payload), "qr_content_id": QR_CONTENT_ID}
    return RenderedMail(
        subject=wording.one_line(_fill(kind, "subject.txt", values)),
        text=_fill(kind, "body.txt", values).strip() + "\n",
        html=_fill(kind, "body.html", values),
        images=_images(kind, payload),
        attachments=_attachments(kind, payload, made_at, organizer),
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "brief": wording.brief,
        "clock": wording.clock,
        "counted": wording.counted,
        "day": wording.day,
        "duration": wording.duration,
        "purpose_words": wording.purpose_words,
        "short_day": wording.short_day,
        "when": wording.when,
        "zone": wording.zone,
    }
    environment.globals["local_moment"] = local_moment
    return environment


_ENVIRONMENT = _environment()


def _fill(kind: NotificationKind, part: str, values: dict[str, object]) -> str:
    return _ENVIRONMENT.get_template(f"{kind.value}/{part}").render(values)


def _values(payload: Payload) -> dict[str, object]:
    """The payload's fields and its moments, by name."""
    names = [*type(payload).model_fields, "starts_at", "previously_at", "arrived_at_local"]
    return {name: getattr(payload, name) for name in names if hasattr(payload, name)}


def _images(kind: NotificationKind, payload: Payload) -> tuple[InlineImage, ...]:
    if kind not in WITH_QR_CODE or not isinstance(payload, VisitPayload) or not payload.qr_code:
        return ()
    png = qr_png(payload.qr_code, scale=QR_SCALE)
    return (InlineImage(QR_CONTENT_ID, "qr-code.png", png),)


def _attachments(
    kind: NotificationKind, payload: Payload, made_at: datetime, organizer: str
) -> tuple[CalendarFile, ...]:
    method = CALENDAR_METHODS.get(kind)
    if method is None or not isinstance(payload, VisitPayload):
        return ()
    text = visit_calendar(payload, method, organizer=organizer, made_at=made_at)
    return (CalendarFile("visit.ics", method, text),)
