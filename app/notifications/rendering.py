"""One template per mail is rendered with the macros of `subject`, `text` and `html`."""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment

from app.core.languages import Language
from app.core.qr_image import qr_png
from app.notifications.brand import brand_of
from app.notifications.calendar import CalendarMethod, visit_calendar
from app.notifications.kinds import READ_BY_HOSTS, NotificationKind
from app.notifications.links import Links
from app.notifications.payloads import BrandedPayload, Payload, VisitPayload
from app.notifications.templates import environment
from app.notifications.wording import one_line

TEMPLATES = Path(__file__).resolve().parents[2] / "email_templates"
FORMS = {"subject": ("subject", "text"), "text": ("text",), "html": ("html",)}
BLANK_LINES = re.compile(r"\n{3,}")

COMPUTED = (
    *("starts_at", "ends_at", "previously_at", "previously_ended_at", "arrived_at_local"),
    *("visiting_since_local", "started_at_local", "failing_since_utc", "host_or_co_host"),
)
QR_CONTENT_ID, LOGO_CONTENT_ID = "qr-code@vms", "logo@vms"
# Shown at 260 CSS pixels; twice that for high-resolution screens.
QR_SCALE = 14


@dataclass(frozen=True, slots=True)
class InlineImage:
    """A PNG that the HTML refers to by `cid:`; `content_id` has no angle brackets."""

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
    kind: NotificationKind,
    payload: Payload,
    *,
    made_at: datetime,
    organizer: str,
    links: Links,
    is_answered: bool = False,
) -> RenderedMail:
    """Render a mail in the language of its payload.

    `made_at` and `organizer` are for the calendar file; `is_answered` says that replies are read.
    """
    if not isinstance(payload, kind.mail.payload):
        raise TypeError(f"{kind} is rendered from {kind.mail.payload.__name__}")
    values = _values(payload, links) | {"is_answered": is_answered}
    return RenderedMail(
        subject=one_line(_fill("subject", kind, payload.language, values)),
        text=_plain(_fill("text", kind, payload.language, values)),
        html=_fill("html", kind, payload.language, values),
        images=_images(kind, payload),
        attachments=_attachments(kind, payload, made_at, organizer),
    )


@lru_cache
def environment_of(form: str, language: Language) -> Environment:
    folders = [*(TEMPLATES / name for name in FORMS[form]), TEMPLATES]
    return environment(language, folders, html=form == "html")


def _fill(form: str, kind: NotificationKind, language: Language, values: dict[str, object]) -> str:
    return environment_of(form, language).get_template(f"{kind.value}.jinja").render(values)


def _plain(text: str) -> str:
    return BLANK_LINES.sub("\n\n", text).strip() + "\n"


def _values(payload: Payload, links: Links) -> dict[str, object]:
    names = [*type(payload).model_fields, *COMPUTED]
    values = {name: getattr(payload, name) for name in names if hasattr(payload, name)}
    del values["language"]
    values["brand"] = None
    if isinstance(payload, BrandedPayload):
        values["brand"] = brand_of(payload)
        values["heading_name"] = payload.brand_name or payload.site_name
    if isinstance(payload, VisitPayload):
        values["map_link"] = links.map(payload.site_address)
        values["pass_link"] = links.visitor_pass(payload.qr_code) if payload.qr_code else ""
    return values | {"qr_content_id": QR_CONTENT_ID, "logo_content_id": LOGO_CONTENT_ID}


def _images(kind: NotificationKind, payload: Payload) -> tuple[InlineImage, ...]:
    if not isinstance(payload, BrandedPayload):
        return ()
    images = []
    if isinstance(payload, VisitPayload) and kind.mail.has_qr_code and payload.qr_code:
        png = qr_png(payload.qr_code, scale=QR_SCALE)
        images.append(InlineImage(QR_CONTENT_ID, "qr-code.png", png))
    if (brand := brand_of(payload)) and brand.logo:
        images.append(InlineImage(LOGO_CONTENT_ID, "logo.png", brand.logo.png))
    return tuple(images)


def _attachments(
    kind: NotificationKind, payload: Payload, made_at: datetime, organizer: str
) -> tuple[CalendarFile, ...]:
    method = kind.mail.calendar
    if method is None or not isinstance(payload, VisitPayload):
        return ()
    text = visit_calendar(
        payload, method, organizer=organizer, made_at=made_at, for_host=kind in READ_BY_HOSTS
    )
    return (CalendarFile("visit.ics", method, text),)
