"""Invisible characters in requests."""

from typing import Any

import pytest

from tests.support.api import PASSWORD, Api
from tests.support.problems import faulty_fields

UNSEEN = "\u200b\u00ad\u2060\ufeff\u200e\u200f\u202a\u202e\u2066\u115f\u1160\u3164\uffa0\u2800"
ADDRESS = f"\u202aada{UNSEEN}@example.com\u202c"


async def test_they_are_removed_from_visitors_and_their_hosts(api: Api):
    admin = await api.admin()
    sent: dict[str, Any] = {
        "name": f"{UNSEEN}שרה {UNSEEN}כהן",
        "email": ADDRESS,
        "phone": f"\u202d+49 30 1{UNSEEN}",
        "company": f"Engines{UNSEEN}",
        "host_name": f"می\u200cبینم{UNSEEN}",
        "host_email": f"{UNSEEN}host@example.com",
    }
    kept = {
        "name": "שרה כהן",
        "email": "ada@example.com",
        "phone": "+49 30 1",
        "company": "Engines",
        "host_name": "می\u200cبینم",
        "host_email": "host@example.com",
    }
    made = await admin.register(**sent)
    assert kept.items() <= made.items()
    changed = await admin.patch(f"visitors/{made['id']}/", sent)
    assert kept.items() <= changed.json().items()
    found = (await admin.get("visitors/", host_email=f"{UNSEEN}host@example.com")).json()["items"]
    assert [visitor["id"] for visitor in found] == [made["id"]]


async def test_they_are_removed_from_accounts_and_their_owners_sign_in(api: Api):
    body = {"first_name": f"Ada{UNSEEN}", "last_name": f"{UNSEEN}King", "role": "host"}
    made = await (await api.admin()).post("auth/users/", {**body, "email": ADDRESS})
    assert made.status_code == 201, made.text
    shown = {"first_name": "Ada", "last_name": "King", "email": "ada@example.com"}
    assert shown.items() <= made.json().items()
    await api.host("charles@example.com")
    login = {"email": "\u202acharles@example.com\u200b", "password": PASSWORD}
    assert (await api.http.post("/api/auth/login/", json=login)).status_code == 200


@pytest.mark.parametrize("name", ["\u3164", "\u200b", " \u2800 \u200e", "\u200d", "\ufe0f"])
async def test_a_name_of_which_nothing_is_left_is_422(api: Api, name: str):
    admin = await api.admin()
    visit = {"email": "a@example.com", "visit_date": "2026-11-24", "visit_time": "10:00"}
    assert faulty_fields(await admin.post("visitors/", {**visit, "name": name})) == {"name"}
    account = {"email": "a@example.com", "first_name": name, "last_name": name, "role": "host"}
    answer = await admin.post("auth/users/", account)
    assert faulty_fields(answer) == {"first_name", "last_name"}


async def test_blank_optional_text_is_none(api: Api):
    made = await (await api.admin()).register(company="\u3164", phone="\u200b", host_name="\u2800")
    assert [made[name] for name in ("company", "phone", "host_name")] == [None, None, None]
