"""Payloads as in the outbox, for the tests of this folder."""

from datetime import UTC, datetime
from typing import Any

from app.notifications.kinds import NotificationKind
from app.notifications.links import Links
from app.notifications.payloads import Payload
from app.notifications.rendering import RenderedMail, render

# The same examples in every run, however slow the machine.

TOKEN = "7KQ2MZ9X4PBRT6WJ8HCD3VFNGY5LSAEU7KQ2MZ9X4P"
MADE_AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ORGANIZER = "visitors@example.com"
LINKS = Links("https://visitors.example.com", "https://maps.example.com/?q={address}")

VALUES: dict[str, Any] = {
    "visitor_id": "019a0000-0000-7000-8000-000000000001",
    "visitor_name": "Maria Sánchez",
    "company": "Nordwind Logistics",
    "purpose": "business_meeting",
    "host_name": "Lena Hoffmann",
    "site_name": "Berlin Campus",
    "site_address": "Invalidenstraße 120\n10115 Berlin",
    "timezone": "Europe/Berlin",
    "visit_date": "2026-11-23",
    "visit_time": "09:30",
    "duration_minutes": 90,
    "co_host_name": "Grace Hopper",
    "previous_duration": 60,
    "qr_code": TOKEN,
    "sequence": 1,
    "is_typed_by_stranger": False,
    "previous_date": "2026-10-20",
    "previous_time": "14:00",
    "previous_site_name": "Berlin Works",
    "previous_site_address": "Chausseestraße 5\n10115 Berlin",
    "previous_timezone": "Europe/London",
    "new_host_name": "Jonas Weber",
    "arrived_at": "2026-11-23T08:12:00Z",
    "gate": "North gate",
    "visitors": [
        {
            "visitor_id": "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c12",
            "name": "Tomáš Dvořák",
            "company": None,
            "visit_date": "2026-11-23",
            "visit_time": "11:00",
        },
    ],
    "first_name": "Lena",
    "link": "https://visitors.example.com/reset?token=abc&x=1",
    "valid_for_minutes": 60,
    "is_new": True,
    "change": "app_added",
    "warden_name": "Mary Seacole",
    "started_at": "2026-11-23T08:12:00Z",
    "is_drill": False,
    "server": "hooks.example.com",
    "failing_since": "2026-11-20T08:12:00Z",
    "error": "Answered 503",
}


def payload(kind: NotificationKind, **changes: Any) -> Payload:
    return kind.mail.payload.model_validate(VALUES | changes)


def rendered(kind: NotificationKind, **changes: Any) -> RenderedMail:
    return render(kind, payload(kind, **changes), made_at=MADE_AT, organizer=ORGANIZER, links=LINKS)
