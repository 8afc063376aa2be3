"""Staying signed in and signing out."""

import asyncio
from collections import Counter
from datetime import timedelta

import httpx
import pytest

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.keys import KeyRing
from app.core.security.qr_token import QrTokens
from tests.support.api import PASSWORD, Api
from tests.support.database import deactivate, places_holding
from tests.support.problems import faulty_fields, problem

REFRESH, LOGOUT = "/api/auth/token/refresh/", "/api/auth/logout/"


async def sign_in(api: Api, email: str = "desk@example.com") -> dict[str, str]:
    answer = await api.http.post("/api/auth/login/", json={"email": email, "password": PASSWORD})
    tokens: dict[str, str] = answer.json()
    return tokens


async def refresh(api: Api, token: str) -> httpx.Response:
    return await api.http.post(REFRESH, json={"refresh": token})


async def me(api: Api, access: str) -> httpx.Response:
    return await api.http.get("/api/auth/me/", headers={"Authorization": f"Bearer {access}"})


async def test_a_refresh_token_brings_a_new_pair(api: Api):
    await api.admin()
    tokens = await sign_in(api)
    answer = await refresh(api, tokens["refresh"])
    assert answer.status_code == 200
    pair = answer.json()
    assert pair.keys() >= {"access", "refresh"}
    assert pair["refresh"] != tokens["refresh"]
    assert (await me(api, pair["access"])).status_code == 200
    assert (await me(api, tokens["access"])).status_code == 200


async def test_a_chain_of_refreshes_goes_on(api: Api):
    await api.admin()
    token = (await sign_in(api))["refresh"]
    for _ in range(5):
        token = (await refresh(api, token)).json()["refresh"]


async def test_a_used_token_ends_the_session_for_thief_and_owner(api: Api):
    await api.admin()
    stolen = await sign_in(api)
    other = await sign_in(api)
    newest = (await refresh(api, stolen["refresh"])).json()
    problem(await refresh(api, stolen["refresh"]), 401, "token_reused")
    problem(await refresh(api, newest["refresh"]), 401, "invalid_token")
    for access in (stolen["access"], newest["access"]):
        problem(await me(api, access), 401, "not_authenticated")
    assert (await me(api, other["access"])).status_code == 200
    assert (await refresh(api, other["refresh"])).status_code == 200


async def test_of_two_uses_at_once_one_is_the_second(api: Api):
    await api.admin()
    token = (await sign_in(api))["refresh"]
    answers = await asyncio.gather(*(refresh(api, token) for _ in range(5)))
    codes = Counter(answer.json().get("code", "new pair") for answer in answers)
    assert codes["new pair"] == 1
    assert codes["token_reused"] >= 1
    [pair] = [answer.json() for answer in answers if answer.status_code == 200]
    problem(await me(api, pair["access"]), 401, "not_authenticated")


async def test_tokens_do_not_stand_in_for_each_other(api: Api):
    await api.admin()
    tokens = await sign_in(api)
    problem(await refresh(api, tokens["access"]), 401, "invalid_token")
    problem(await me(api, tokens["refresh"]), 401, "not_authenticated")


@pytest.mark.parametrize("token", ["x", "a.b.c", "é", "\0", "x" * 2000])
async def test_what_is_no_token_is_401(api: Api, token: str):
    problem(await refresh(api, token), 401, "invalid_token")
    problem(await api.http.post(LOGOUT, json={"refresh": token}), 401, "invalid_token")


@pytest.mark.parametrize("token", ["", None, 5, "x" * 2001])
async def test_what_is_not_even_a_text_is_422(api: Api, token: object):
    assert faulty_fields(await api.http.post(REFRESH, json={"refresh": token})) == {"refresh"}


async def test_a_qr_code_signs_nobody_in(api: Api):
    token = QrTokens(KeyRing(["x"])).new()
    problem(await me(api, token), 401, "not_authenticated")


async def test_logout_ends_access_and_refresh_of_this_session_alone(api: Api):
    await api.admin()
    here, there = await sign_in(api), await sign_in(api)
    answer = await api.http.post(LOGOUT, json={"refresh": here["refresh"]})
    assert (answer.status_code, answer.content) == (204, b"")
    problem(await me(api, here["access"]), 401, "not_authenticated")
    problem(await refresh(api, here["refresh"]), 401, "invalid_token")
    assert (await me(api, there["access"])).status_code == 200


async def test_logging_out_twice_is_no_error(api: Api):
    await api.admin()
    token = (await sign_in(api))["refresh"]
    for _ in range(2):
        answer = await api.http.post(LOGOUT, json={"refresh": token})
        assert answer.status_code == 204


async def test_access_lasts_15_minutes(api: Api, clock: SettableClock):
    await api.admin()
    tokens = await sign_in(api)
    clock.advance(timedelta(minutes=15) - timedelta(seconds=1))
    assert (await me(api, tokens["access"])).status_code == 200
    clock.advance(timedelta(seconds=1))
    problem(await me(api, tokens["access"]), 401, "not_authenticated")


async def test_a_refresh_token_lasts_7_days_from_its_making(api: Api, clock: SettableClock):
    await api.admin()
    idle, used = await sign_in(api), await sign_in(api)
    clock.advance(timedelta(days=6))
    used = (await refresh(api, used["refresh"])).json()
    clock.advance(timedelta(days=1))
    problem(await refresh(api, idle["refresh"]), 401, "invalid_token")
    assert (await refresh(api, used["refresh"])).status_code == 200


async def test_a_deactivated_user_is_out_with_the_next_request(api: Api, database: Database):
    admin = await api.admin()
    tokens = await sign_in(api)
    await deactivate(database, admin.user_id)
    problem(await me(api, tokens["access"]), 401, "not_authenticated")
    problem(await refresh(api, tokens["refresh"]), 401, "invalid_token")
    problem(await admin.get("visitors/"), 401, "not_authenticated")


async def test_refresh_tokens_are_not_stored(api: Api, database: Database):
    await api.admin()
    tokens = await sign_in(api)
    for token in (tokens["refresh"], tokens["access"]):
        assert await places_holding(database, token.rpartition(".")[2]) == set()
