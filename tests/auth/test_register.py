"""Registering an account."""

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from app.settings import Settings
from tests.auth.conftest import StartApp
from tests.support.api import PASSWORD, Api
from tests.support.problems import faulty_fields, problem

ADA: dict[str, Any] = {
    "email": "ada@example.com",
    "password": PASSWORD,
    "first_name": "Ada",
    "last_name": "Lovelace",
}


async def register(api: Api, **fields: Any) -> httpx.Response:
    return await api.http.post("/api/auth/register/", json=ADA | fields)


async def login(api: Api, email: str = "ada@example.com", password: str = PASSWORD):
    return await api.http.post("/api/auth/login/", json={"email": email, "password": password})


async def test_a_host_is_made_and_can_sign_in(api: Api):
    answer = await register(api)
    assert answer.status_code == 201
    user = answer.json()
    assert (user["role"], user["is_active"], user["email"]) == ("host", True, "ada@example.com")
    assert "password" not in answer.text
    assert (await login(api)).json()["user"]["id"] == user["id"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("role", "superadmin"),
        ("role", "host"),
        ("is_active", True),
        ("awaits_verification", False),
        ("id", "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11"),
        ("password_hash", "x"),
        ("email", "no address"),
        ("email", "ad\u0600a@example.com"),
        ("email", None),
        ("first_name", ""),
        ("first_name", "a\nb"),
        ("last_name", "x" * 201),
        ("password", "short"),
        ("password", "x" * 129),
        ("password", "password"),
        ("password", "ADA@example.com"),
        ("password", 12345678),
        ("password", None),
    ],
)
async def test_what_is_not_right_is_refused(api: Api, field: str, value: object):
    assert faulty_fields(await register(api, **{field: value})) == {field}
    problem(await login(api), 401, "invalid_credentials")


async def test_the_local_part_alone_is_no_password(api: Api):
    answer = await register(api, email="countess.ada@example.com", password="Countess.Ada")
    assert answer.json()["errors"][0]["code"] == "password_is_email"


@pytest.mark.parametrize(
    "spelling", ["ada@example.com", "ADA@EXAMPLE.COM", "\uff41da@example.com", " ada@example.com "]
)
async def test_an_address_has_one_account_however_it_is_spelt(api: Api, spelling: str):
    await register(api)
    problem(await register(api, email=spelling), 409, "email_taken")


async def test_of_many_at_once_one_is_made(api: Api):
    answers = await asyncio.gather(*(register(api) for _ in range(5)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 4}


async def test_a_megabyte_of_password_is_413(api: Api):
    assert (await register(api, password="x" * 2**20)).status_code == 413


@pytest.mark.parametrize("name", ["../../etc/passwd", "{{7*7}}", "'; DROP TABLE users; --", "<b>"])
async def test_a_name_is_only_a_text(api: Api, name: str):
    assert (await register(api, first_name=name)).json()["first_name"] == name


async def test_one_password_typed_on_two_keyboards_stays_one(api: Api):
    await register(api, password="caf\u00e9 au lait")
    assert (await login(api, password="cafe\u0301 au lait")).status_code == 200


async def test_an_unproven_address_brings_no_visitors(api: Api):
    admin = await api.admin()
    visitor = await admin.register(host_email="ada@example.com")
    user = (await register(api)).json()
    host = await api.sign_in("ada@example.com", user["id"])
    problem(await host.get(f"visitors/{visitor['id']}/"), 404, "not_found")


async def test_closed_is_closed(start: StartApp):
    api = await start(registration="closed")
    await api.admin()
    problem(await register(api), 403, "registration_closed")
    problem(await register(api, email="desk@example.com"), 403, "registration_closed")


async def test_an_open_registration_needs_a_password(api: Api):
    body = {name: value for name, value in ADA.items() if name != "password"}
    answer = await api.http.post("/api/auth/register/", json=body)
    assert faulty_fields(answer) == {"password"}


async def test_production_is_closed_unless_told_otherwise(start: StartApp):
    problem(await register(await start(debug=False)), 403, "registration_closed")


def test_domain_mode_needs_domains(settings: Settings):
    given = settings.model_dump() | {"registration": "domain"}
    with pytest.raises(ValidationError, match="REGISTRATION_DOMAINS"):
        Settings(_env_file=None, **given)
    domains = Settings(_env_file=None, **given | {"registration_domains": "@Example.com, b.org"})
    assert domains.registration_domains == ["example.com", "b.org"]


async def test_other_domains_are_refused(start: StartApp):
    api = await start(registration="domain", registration_domains=["example.com"])
    for email in ("ada@example.org", "ada@sub.example.com", "ada@example.com.evil.org"):
        problem(await register(api, email=email), 403, "domain_not_allowed")


async def test_registrations_are_limited_per_address(start: StartApp):
    api = await start(registration_limit_per_address="2/hour")
    for number in range(2):
        assert (await register(api, email=f"ada{number}@example.com")).status_code == 201
    answer = await register(api, email="ada3@example.com")
    problem(answer, 429, "too_many_requests")
    assert int(answer.headers["Retry-After"]) > 0
