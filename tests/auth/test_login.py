"""Signing in."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from app.core.clock import SystemClock
from app.core.db.database import Database
from app.users.models import Role, User
from app.users.repository import UserRepository
from app.users.service import create_user
from tests.auth.conftest import StartApp
from tests.support.api import PASSWORD, Api
from tests.support.database import deactivate
from tests.support.problems import faulty_fields, problem

LOGIN, TOKEN = "/api/auth/login/", "/api/auth/token/"
EMAIL = "desk@example.com"


async def login(api: Api, **body: Any) -> httpx.Response:
    return await api.http.post(LOGIN, json=body)


async def test_the_answer_is_what_the_contract_says(api: Api):
    admin = await api.admin()
    answer = await login(api, email=EMAIL, password=PASSWORD)
    assert answer.status_code == 200
    body = answer.json()
    assert body.keys() == {"access", "refresh", "token_type", "expires_in", "user"}
    assert (body["token_type"], body["expires_in"]) == ("bearer", 900)
    who = {"id": admin.user_id, "email": EMAIL, "role": "admin"}
    assert body["user"] == who | {"first_name": "Front", "last_name": "Desk", "phone": None}


async def test_username_is_another_name_of_email(api: Api):
    await api.admin()
    assert (await login(api, username=EMAIL, password=PASSWORD)).status_code == 200


async def test_both_names_together_are_422(api: Api):
    answer = await login(api, username=EMAIL, email=EMAIL, password=PASSWORD)
    assert faulty_fields(answer) == {"username"}


@pytest.mark.parametrize(
    "spelling", ["DESK@Example.COM", "\uff24esk@example.com", "desk@\uff45xample.com"]
)
async def test_an_address_may_be_spelt_otherwise(api: Api, spelling: str):
    await api.admin()
    assert (await login(api, email=spelling, password=PASSWORD)).status_code == 200


@pytest.mark.parametrize(
    "spelling", [" desk@example.com", "desk@example.com ", "desk@example.com\n"]
)
async def test_blanks_around_an_address_do_no_harm(api: Api, spelling: str):
    await api.admin()
    answer = await login(api, email=spelling, password=PASSWORD)
    assert answer.status_code in {200, 401}


async def test_every_failed_sign_in_gets_the_same_answer(api: Api, database: Database):
    await api.admin()
    gone = await api.host()
    await deactivate(database, gone.user_id)
    answers = [
        await login(api, email=EMAIL, password="wrong"),
        await login(api, email="nobody@example.com", password=PASSWORD),
        await login(api, email="charles@example.com", password=PASSWORD),
        await login(api, email="charles@example.com", password="wrong"),
    ]
    for answer in answers:
        problem(answer, 401, "invalid_credentials")
    differing = {"request_id"}
    documents = [
        {name: value for name, value in answer.json().items() if name not in differing}
        for answer in answers
    ]
    assert all(document == documents[0] for document in documents)
    headers = [
        {name for name in answer.headers if name.lower() != "x-request-id"} for answer in answers
    ]
    assert all(names == headers[0] for names in headers)


@pytest.mark.parametrize(
    "email", ["a\0b", "'", "' OR 1=1 --", "\ufffd", "x" * 320, "ﷺ" * 300, "🦉", "%"]
)
async def test_a_strange_address_is_an_unknown_one(api: Api, email: str):
    problem(await login(api, email=email, password=PASSWORD), 401, "invalid_credentials")
    form = {"username": email, "password": PASSWORD}
    problem(await api.http.post(TOKEN, data=form), 401, "invalid_credentials")


@pytest.mark.parametrize(
    "password", ["x", "\0", "x\0y", PASSWORD + " ", PASSWORD.upper(), "x" * 129, "é" * 1000]
)
async def test_a_wrong_password_of_any_kind_is_401(api: Api, password: str):
    await api.admin()
    problem(await login(api, email=EMAIL, password=password), 401, "invalid_credentials")
    form = {"username": EMAIL, "password": password}
    problem(await api.http.post(TOKEN, data=form), 401, "invalid_credentials")


async def test_a_password_longer_than_any_is_422(api: Api):
    answer = await login(api, email=EMAIL, password="x" * 1025)
    assert faulty_fields(answer) == {"password"}


@pytest.mark.parametrize("field", ["email", "password"])
@pytest.mark.parametrize("value", ["", None, 5, [], {}, True])
async def test_what_is_no_credential_is_422(api: Api, field: str, value: object):
    answer = await login(api, **{"email": EMAIL, "password": PASSWORD, field: value})
    assert faulty_fields(answer) == {field}


async def test_every_character_of_a_long_password_counts(api: Api, database: Database):
    longest = "é" * 60 + "x" * 68
    async with database.write() as unit:
        await create_user(
            UserRepository(unit),
            api.hasher,
            email=EMAIL,
            password=longest,
            role=Role.HOST,
            now=SystemClock().now(),
        )
    assert (await login(api, email=EMAIL, password=longest)).status_code == 200
    for other in (longest[:-1], longest[:-1] + "y", longest[:72], longest + "x"):
        problem(await login(api, email=EMAIL, password=other), 401, "invalid_credentials")


async def test_the_oauth_form_signs_in(api: Api):
    await api.admin()
    form = {"grant_type": "password", "username": EMAIL, "password": PASSWORD}
    answer = await api.http.post(TOKEN, data=form)
    assert answer.status_code == 200
    body = answer.json()
    assert body.keys() == {"access_token", "refresh_token", "token_type", "expires_in"}
    headers = {"Authorization": f"Bearer {body['access_token']}"}
    assert (await api.http.get("/api/auth/me/", headers=headers)).status_code == 200
    refreshed = await api.http.post(
        "/api/auth/token/refresh/", json={"refresh": body["refresh_token"]}
    )
    assert refreshed.status_code == 200


async def test_the_oauth_form_needs_its_fields(api: Api):
    fields = faulty_fields(await api.http.post(TOKEN, data={"scope": ""}))
    assert fields == {"username", "password"}


async def test_passwords_are_not_stored(api: Api, database: Database):
    await api.admin()
    async with database.read() as session:
        user = await UserRepository(session).by_email(EMAIL)  # type: ignore[arg-type]
    assert user is not None
    assert PASSWORD not in user.password_hash
    assert user.password_hash.startswith("$bcrypt-sha256$")


async def test_a_hash_is_renewed_at_login_when_the_cost_changes(api: Api, start: StartApp):
    admin = await api.admin()
    body = {"email": "desk@example.com", "password": PASSWORD}

    async def stored() -> str:
        async with api.database.read() as session:
            user = await session.scalar(select(User).where(User.id == UUID(admin.user_id)))
        assert user is not None
        return user.password_hash

    before = await stored()
    dearer = await start(bcrypt_rounds=5)
    wrong = await dearer.http.post("/api/auth/login/", json=body | {"password": "wrong"})
    assert (wrong.status_code, await stored()) == (401, before)
    answers = await asyncio.gather(
        *(dearer.http.post("/api/auth/login/", json=body) for _ in range(3))
    )
    assert [answer.status_code for answer in answers] == [200] * 3
    renewed = await stored()
    assert ",r=5$" in renewed
    assert (await dearer.http.post("/api/auth/login/", json=body)).status_code == 200
    assert await stored() == renewed
