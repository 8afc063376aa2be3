"""The list of sessions, signing out of one, and the last day of a session."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from jose import jwt

from app.core.clock import SettableClock
from tests.auth.conftest import StartApp
from tests.support.api import PASSWORD, Api, Client
from tests.support.problems import problem

LOGIN, REFRESH = "/api/auth/login/", "/api/auth/token/refresh/"
NOBODY = "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11"


async def sign_in(api: Api, user_agent: str = "Tablet", email: str = "desk@example.com") -> Any:
    body = {"email": email, "password": PASSWORD}
    answer = await api.http.post(LOGIN, json=body, headers={"User-Agent": user_agent})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def refresh(api: Api, token: str) -> httpx.Response:
    return await api.http.post(REFRESH, json={"refresh": token})


async def sessions(client: Client) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await client.get("auth/sessions/")).json()["items"]
    return items


async def test_one_sees_where_one_is_signed_in(api: Api, clock: SettableClock):
    admin = await api.admin()
    clock.advance(timedelta(minutes=1))
    await sign_in(api, "Mozilla/5.0 (Tablet)")
    await api.host()
    there, here = await sessions(admin)
    assert (there["user_agent"], there["current"]) == ("Mozilla/5.0 (Tablet)", False)
    assert (there["created_at"], there["client_address"]) == ("2026-11-23T08:01:00Z", "127.0.0.1")
    assert there["expires_at"] == "2026-11-30T08:01:00Z"
    assert here["current"] is True


async def test_a_refresh_is_seen_as_use(api: Api, clock: SettableClock):
    admin = await api.admin()
    token = (await sign_in(api))["refresh"]
    clock.advance(timedelta(minutes=5))
    await refresh(api, token)
    assert (await sessions(admin))[0]["last_used_at"] == "2026-11-23T08:05:00Z"


async def test_what_has_ended_is_not_listed(api: Api, clock: SettableClock):
    admin = await api.admin()
    token = (await sign_in(api))["refresh"]
    await api.http.post("/api/auth/logout/", json={"refresh": token})
    assert [session["current"] for session in await sessions(admin)] == [True]


@pytest.mark.parametrize(
    ("given", "shown"),
    [("x" * 400, "x" * 300), ("a\tb", "ab"), ("  ", None), ("\x7f\xff", "ÿ")],
)
async def test_whatever_a_client_calls_itself_can_be_shown(api: Api, given: str, shown: str | None):
    admin = await api.admin()
    body = {"email": "desk@example.com", "password": PASSWORD}
    headers = {b"User-Agent": given.encode("latin-1")}
    await api.http.post(LOGIN, json=body, headers=headers)
    assert (await sessions(admin))[0]["user_agent"] == shown


async def test_a_session_is_ended_from_another(api: Api):
    admin = await api.admin()
    lost = await sign_in(api)
    [there] = [each for each in await sessions(admin) if not each["current"]]
    answer = await admin.delete(f"auth/sessions/{there['id']}/")
    assert (answer.status_code, answer.content) == (204, b"")
    stolen = Client(api.http, {"Authorization": f"Bearer {lost['access']}"}, "")
    problem(await stolen.get("auth/me/"), 401, "not_authenticated")
    problem(await refresh(api, lost["refresh"]), 401, "invalid_token")
    problem(await admin.delete(f"auth/sessions/{there['id']}/"), 404, "not_found")


async def test_the_session_that_asks_may_end_itself(api: Api):
    admin = await api.admin()
    [here] = await sessions(admin)
    assert (await admin.delete(f"auth/sessions/{here['id']}/")).status_code == 204
    problem(await admin.get("auth/me/"), 401, "not_authenticated")


async def test_all_others_end_at_once(api: Api):
    admin, host = await api.admin(), await api.host()
    for _ in range(3):
        await sign_in(api)
    assert (await admin.delete("auth/sessions/")).status_code == 204
    assert [session["current"] for session in await sessions(admin)] == [True]
    assert (await host.get("auth/me/")).status_code == 200


async def test_sessions_of_others_are_not_there(api: Api):
    """A superadmin does not see them either, but can deactivate the account."""
    host, root = await api.host(), await api.superadmin()
    [theirs] = await sessions(host)
    problem(await root.delete(f"auth/sessions/{theirs['id']}/"), 404, "not_found")
    problem(await root.delete(f"auth/sessions/{NOBODY}/"), 404, "not_found")
    assert (await host.get("auth/me/")).status_code == 200


async def test_a_session_ends_for_good_however_often_it_is_refreshed(
    api: Api, clock: SettableClock
):
    await api.admin()
    tokens = await sign_in(api)
    for _ in range(4):
        clock.advance(timedelta(days=6, hours=23))
        answer = await refresh(api, tokens["refresh"])
        assert answer.status_code == 200
        tokens = answer.json()
    clock.advance(timedelta(days=2, hours=3, minutes=55))
    tokens = (await refresh(api, tokens["refresh"])).json()
    claims = {name: jwt.get_unverified_claims(tokens[name])["exp"] for name in tokens}
    clock.advance(timedelta(minutes=5))  # the thirtieth day is over
    assert set(claims.values()) == {int(clock.now().timestamp())}
    client = Client(api.http, {"Authorization": f"Bearer {tokens['access']}"}, "")
    problem(await client.get("auth/me/"), 401, "not_authenticated")
    problem(await refresh(api, tokens["refresh"]), 401, "invalid_token")


async def test_a_shorter_last_day_counts_for_sessions_of_before(
    api: Api, clock: SettableClock, start: StartApp
):
    await api.admin()
    token = (await sign_in(api))["refresh"]
    clock.advance(timedelta(days=3))
    strict = await start(session_days=2)
    problem(await refresh(strict, token), 401, "invalid_token")
