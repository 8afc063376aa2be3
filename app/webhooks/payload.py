"""The bodies of messages (Standard Webhooks 1.0): `{type, timestamp, data}`."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from app.events.repository import ReadEvent
from app.events.schemas import Event
from app.webhooks.models import TEST_TYPE


def message(event: ReadEvent) -> dict[str, Any]:
    """Return a message with an event as in the feed."""
    data = Event.of(event).model_dump()
    return {"type": event.type, "timestamp": event.created_at, "data": data}


def full_message(event: ReadEvent, record: dict[str, Any] | None) -> dict[str, Any]:
    """Return a message with the record that the event is about, null if it is not to be read."""
    found = message(event)
    found["data"]["object"] = record
    return found


def test_message(event_id: UUID, webhook_id: UUID, now: datetime) -> dict[str, Any]:
    """Return a message that tells of nothing, in the form of the others."""
    data: dict[str, Any] = {
        "id": event_id,
        "seq": None,
        "type": TEST_TYPE,
        "created_at": now,
        "site": None,
        "subject": {"type": "webhook", "id": webhook_id, "version": None},
        "actor": {"kind": "system", "id": None},
        "request_id": None,
        "fields": [],
    }
    return {"type": TEST_TYPE, "timestamp": now, "data": data}


def as_text(body: dict[str, Any]) -> str:
    return to_json(body).decode()
