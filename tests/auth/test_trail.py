"""The trail of accounts: who signed in, tried to, or changed something, and from where."""

from collections.abc import Callable
from typing import Any

import pytest

from app.core.db.database import Database
from tests.auth.conftest import StartApp
from tests.auth.links import newest_token
from tests.support.api import PASSWORD, Api, Client
from tests.support.database import places_holding
from tests.support.mailbox import Mailbox
from tests.support.problems import faulty_fields, problem

LOGIN, REFRESH = "/api/auth/login/", "/api/auth/token/refresh/"
HOST = {"email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace", "role": "host"}


async def login(api: Api, email: str, password: str = PASSWORD) -> Any:
    return (await api.http.post(LOGIN, json={"email": email, "password": password})).json()


async def trail(client: Client, **params: Any) -> list[dict[str, Any]]:
    answer = await client.get("auth/events/", **params)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def actions(events: list[dict[str, Any]]) -> list[str]:
    """What happened, the oldest first."""
    return [event["action"] for event in reversed(events)]


async def test_a_sign_in_says_who_when_and_from_where(api: Api):
    body = {"email": "charles@example.com", "password": PASSWORD}
    host = await api.host()
    headers = {"X-Request-ID": "sign-in-0001", "User-Agent": "Tablet"}
    await api.http.post(LOGIN, json=body, headers=headers)
    newest = (await trail(host))[0]
    assert newest.pop("id")
    assert newest == {
        "created_at": "2026-11-23T08:00:00Z",
        "action": "signed_in",
        "account_id": host.user_id,
        "account_email": "charles@example.com",
        "actor_id": host.user_id,
        "actor_email": "charles@example.com",
        "client_address": "127.0.0.1",
        "request_id": "sign-in-0001",
        "details": {"user_agent": "Tablet", "method": "password"},
    }


async def test_the_oauth_form_leaves_the_same_trail(api: Api):
    host = await api.host()
    form = {"username": "charles@example.com", "password": "wrong"}
    await api.http.post("/api/auth/token/", data=form)
    await api.http.post("/api/auth/token/", data=form | {"password": PASSWORD})
    assert actions(await trail(host)) == ["signed_in", "sign_in_failed", "signed_in"]


async def test_a_failed_sign_in_names_nobody_who_did_it(api: Api):
    host = await api.host()
    await login(api, "charles@example.com", "wrong")
    failed = (await trail(host))[0]
    assert (failed["action"], failed["actor_id"]) == ("sign_in_failed", None)
    assert failed["client_address"] == "127.0.0.1"


async def test_an_address_without_an_account_is_counted_and_not_kept(api: Api, database: Database):
    root = await api.superadmin()
    await login(api, "a-password-in-the-wrong-field", "wrong")
    [failed] = await trail(root, action="sign_in_failed")
    assert (failed["account_id"], failed["account_email"]) == (None, None)
    assert await places_holding(database, "a-password-in-the-wrong-field") == set()


async def test_a_session_leaves_its_whole_life(api: Api):
    root = await api.superadmin()
    host = await api.host()
    stolen, other = [await login(api, "charles@example.com") for _ in range(2)]
    await api.http.post(REFRESH, json={"refresh": stolen["refresh"]})
    await api.http.post(REFRESH, json={"refresh": stolen["refresh"]})
    await api.http.post("/api/auth/logout/", json={"refresh": other["refresh"]})
    third = await login(api, "charles@example.com")
    sessions = (await host.get("auth/sessions/")).json()["items"]
    await host.delete(f"auth/sessions/{sessions[0]['id']}/")
    await host.delete("auth/sessions/")
    assert third["access"]
    assert actions(await trail(root, account=host.user_id)) == [
        *("signed_in", "signed_in", "signed_in", "token_reused", "signed_out"),
        *("signed_in", "session_ended", "other_sessions_ended"),
    ]


async def test_a_password_leaves_its_changes(api: Api, mailbox: Mailbox):
    host = await api.host()
    wrong = {"old_password": "wrong", "new_password": "a quite new password"}
    assert faulty_fields(await host.post("auth/change-password/", wrong)) == {"old_password"}
    await host.post("auth/change-password/", wrong | {"old_password": PASSWORD})
    await api.http.post("/api/auth/forgot-password/", json={"email": "charles@example.com"})
    body = {
        "token": await newest_token(mailbox, "reset-password", "charles@example.com"),
        "new_password": "one more password",
    }
    assert (await api.http.post("/api/auth/reset-password/", json=body)).status_code == 204
    root = await api.superadmin()
    assert actions(await trail(root, account=host.user_id)) == [
        *("signed_in", "password_change_failed", "password_changed", "password_reset_asked"),
        "password_reset",
    ]


async def test_a_registration_leaves_its_steps(start: StartApp, mailbox: Mailbox):
    api = await start(registration="domain", registration_domains=["example.com"])
    body = {name: HOST[name] for name in ("email", "first_name", "last_name")}
    await api.http.post("/api/auth/register/", json=body)
    link = {"token": await newest_token(mailbox, "accept-invitation", "ada@example.com")}
    answer = await api.http.post(
        "/api/auth/accept-invitation/", json=link | {"password": "analytical engine"}
    )
    assert answer.status_code == 204
    root = await api.superadmin()
    [registered] = await trail(root, action="registered")
    assert (registered["actor_id"], registered["account_email"]) == (None, "ada@example.com")
    [verified] = await trail(root, action="email_verified")
    assert verified["actor_id"] == registered["account_id"]


async def test_what_staff_does_to_accounts_bears_their_name(api: Api):
    root = await api.superadmin()
    user = (await root.post("auth/users/", HOST)).json()
    await root.patch(
        f"auth/users/{user['id']}/", {"role": "admin", "sites": None, "last_name": "King"}
    )
    await root.delete(f"auth/users/{user['id']}/")
    deleted, updated, created = await trail(root, account=user["id"])
    assert created["details"] == {"role": "host"}
    fields = ["last_name", "role", "sites"]
    assert updated["details"] == {"fields": fields, "role": "admin", "sites": None}
    assert (deleted["action"], deleted["account_email"]) == ("deleted", None)
    assert {each["actor_email"] for each in (created, updated, deleted)} == {"root@example.com"}


async def test_a_refused_change_leaves_no_trail(api: Api):
    root = await api.superadmin()
    path = f"auth/users/{root.user_id}/"
    problem(await root.patch(path, {"role": "host"}), 409, "last_superadmin")
    assert actions(await trail(root)) == ["signed_in"]


@pytest.mark.parametrize("who", ["admin", "host"])
async def test_only_a_superadmin_sees_the_trail_of_others(api: Api, who: str):
    root, other = await api.superadmin(), await api.host("mary@example.com", "Mary")
    one = await (api.admin() if who == "admin" else api.host())
    assert {event["account_id"] for event in await trail(one)} == {one.user_id}
    assert await trail(one, account=other.user_id) == []
    everybody = {root.user_id, other.user_id, one.user_id}
    assert {event["account_id"] for event in await trail(root)} == everybody


async def test_it_is_looked_through_by_time_and_page(api: Api):
    root = await api.superadmin()
    for _ in range(3):
        await login(api, "root@example.com", "wrong")
    first = (await root.get("auth/events/", limit=2, include_total=True)).json()
    assert (len(first["items"]), first["total"]) == (2, 4)
    rest = (await root.get("auth/events/", limit=2, cursor=first["next_cursor"])).json()
    assert (len(rest["items"]), rest["next_cursor"]) == (2, None)
    now = "2026-11-23T08:00:00Z"
    assert len(await trail(root, since=now)) == 4
    assert await trail(root, until=now) == []


async def test_the_log_says_it_by_ids_alone(api: Api, log: Callable[[], list[dict[str, Any]]]):
    host = await api.host()
    log()
    await login(api, "charles@example.com", "wrong")
    await login(api, "charles@example.com")
    lines = [line for line in log() if line["event"] == "account"]
    assert [line["action"] for line in lines] == ["sign_in_failed", "signed_in"]
    assert {line["account_id"] for line in lines} == {host.user_id}
    assert all(line["request_id"] for line in lines)
    assert "charles@" not in str(lines)
    assert "127.0.0.1" not in str(lines)
