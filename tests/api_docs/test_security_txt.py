"""`/.well-known/security.txt` (RFC 9116)."""

import httpx
import pytest
from fastapi import FastAPI
from pydantic import ValidationError

from app.core.clock import SettableClock
from app.main import create_app
from app.settings import Settings

PATH = "/.well-known/security.txt"


def client_of(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


def settings_with(settings: Settings, contact: str) -> Settings:
    return Settings(_env_file=None, **settings.model_dump() | {"security_contact": contact})


@pytest.mark.parametrize(
    ("contact", "told"),
    [
        ("security@example.com", "mailto:security@example.com"),
        ("https://example.com/report", "https://example.com/report"),
    ],
)
async def test_it_names_a_contact_and_an_expiry(
    settings: Settings, clock: SettableClock, contact: str, told: str
):
    app = create_app(settings_with(settings, contact), clock=clock)
    async with client_of(app) as client:
        answer = await client.get(PATH)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.text.splitlines() == [
        f"Contact: {told}",
        "Expires: 2027-02-21T00:00:00Z",
        "Preferred-Languages: en, de",
        f"Canonical: http://localhost:8000{PATH}",
    ]


async def test_without_a_contact_there_is_none(http: httpx.AsyncClient):
    assert (await http.get(PATH)).status_code == 404


@pytest.mark.parametrize(
    "contact", ["nobody", "http://example.com", "a@b\nExpires: never", "javascript:x"]
)
def test_a_contact_is_an_address_or_a_page(settings: Settings, contact: str):
    with pytest.raises(ValidationError, match="security_contact"):
        settings_with(settings, contact)
