"""Devices as clients of the API."""

from typing import Any

from tests.support.api import Api, Client

HEARTBEAT = "devices/heartbeat/"


async def add_device(api: Api, kind: str = "scanner", **fields: Any) -> Client:
    """Add a device and return a client that sends its key."""
    admin = await api.admin(f"maker-of-{kind}s-{fields.get('name', '')}@example.com")
    answer = await admin.post("devices/", {"name": "North gate", "kind": kind, **fields})
    assert answer.status_code == 201, answer.text
    device = answer.json()
    return with_key(api, device["key"], device["id"])


def with_key(api: Api, key: str, device_id: str = "") -> Client:
    """Return a client that sends this device key."""
    return Client(api.http, {"X-Device-Key": key}, device_id)
