"""When a stream ends: with what it rests on, but not with an access token."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx
import pytest

from app.core.clock import SettableClock
from app.users.roles import Role
from tests.api_keys.keys import program
from tests.streams.ears import happen, listening
from tests.support.api import PASSWORD, Api, Client

ANOTHER = "another correct battery"
Ending = Callable[[Api, Client, Client, str], Awaitable[httpx.Response]]


async def log_out(api: Api, _: Client, __: Client, refresh: str) -> httpx.Response:
    return await api.http.post("/api/auth/logout/", json={"refresh": refresh})


async def end_elsewhere(_: Api, root: Client, person: Client, __: str) -> httpx.Response:
    return await root.delete(f"auth/users/{person.user_id}/sessions/")


async def close_account(_: Api, root: Client, person: Client, __: str) -> httpx.Response:
    return await root.patch(f"auth/users/{person.user_id}/", {"is_active": False})


async def change_password(_: Api, __: Client, person: Client, ___: str) -> httpx.Response:
    # The session of the change goes on, but not its streams.
    body = {"old_password": PASSWORD, "new_password": ANOTHER}
    return await person.post("auth/change-password/", body)


async def change_role(_: Api, root: Client, person: Client, __: str) -> httpx.Response:
    return await root.patch(f"auth/users/{person.user_id}/", {"role": "host"})


async def change_sites(_: Api, root: Client, person: Client, __: str) -> httpx.Response:
    [site] = (await root.get("sites/")).json()["items"]
    return await root.patch(f"auth/users/{person.user_id}/", {"sites": [site["id"]]})


async def act_for_a_host(api: Api, root: Client, person: Client, __: str) -> httpx.Response:
    host = await api.host("other@example.com")
    return await root.put(f"auth/users/{host.user_id}/delegates/", {"user_ids": [person.user_id]})


ENDINGS: list[Ending] = [
    *(log_out, end_elsewhere, close_account, change_password),
    *(change_role, change_sites, act_for_a_host),
]


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda each: each.__name__)
async def test_a_stream_ends_with_what_it_rests_on(api: Api, url: str, ending: Ending):
    root = await api.superadmin()
    person = await api.of_role(Role.RECEPTIONIST)
    body = {"email": "receptionist@example.com", "password": PASSWORD}
    tokens = (await api.http.post("/api/auth/login/", json=body)).json()
    person.headers["Authorization"] = f"Bearer {tokens['access']}"
    async with listening(url, person.headers) as ear, listening(url, root.headers) as other:
        answer = await ending(api, root, person, tokens["refresh"])
        assert answer.status_code < 300, answer.text
        heard = await ear.next()
        assert heard is not None
        assert (heard.event, heard.id) == ("end", None)
        assert await ear.next() is None
        [number] = await happen(api.database)
        assert [each.id for each in await other.some(number)][-1] == number


async def test_a_stream_outlives_its_access_token(api: Api, url: str, clock: SettableClock):
    root = await api.superadmin()
    async with listening(url, root.headers) as ear:
        clock.advance(timedelta(minutes=20))
        assert (await root.get("auth/me/")).status_code == 401
        [number] = await happen(api.database)
        assert [each.id for each in await ear.some(1)] == [number]
        clock.advance(timedelta(days=7))  # nobody has refreshed the session
        heard = await ear.next()
        assert heard is not None
        assert heard.event == "end"


KEY_ENDINGS: dict[str, Callable[[Client, Client], Awaitable[httpx.Response]]] = {
    "delete": lambda root, key: root.delete(f"api-keys/{key.user_id}/"),
    "rotate": lambda root, key: root.post(f"api-keys/{key.user_id}/rotate/", {}),
    "expire": lambda root, key: root.patch(
        f"api-keys/{key.user_id}/", {"expires_at": "2026-11-23T08:00:01Z"}
    ),
    "limit": lambda root, key: root.patch(
        f"api-keys/{key.user_id}/", {"scopes": ["events:read", "sites:read"]}
    ),
    "network": lambda root, key: root.patch(
        f"api-keys/{key.user_id}/", {"allowed_networks": ["10.0.0.0/8"]}
    ),
}


@pytest.mark.parametrize("ending", KEY_ENDINGS)
async def test_a_stream_of_a_program_ends_with_its_key(
    api: Api, url: str, clock: SettableClock, ending: str
):
    root = await api.superadmin()
    key = await program(api, root, "events:read", "visitors:read")
    async with listening(url, key.headers) as ear:
        [number] = await happen(api.database)
        assert [each.id for each in await ear.some(1)] == [number]
        answer = await KEY_ENDINGS[ending](root, key)
        assert answer.status_code < 300, answer.text
        clock.advance(timedelta(seconds=2))
        heard = await ear.next()
        assert heard is not None
        assert (heard.event, heard.id) == ("end", None)


async def test_a_stream_by_the_previous_secret_ends_with_it(
    api: Api, url: str, clock: SettableClock
):
    root = await api.superadmin()
    key = await program(api, root, "events:read", "visitors:read")
    path = f"api-keys/{key.user_id}/rotate/"
    assert (await root.post(path, {"old_valid_minutes": 5})).status_code == 200
    async with listening(url, key.headers) as ear:
        [number] = await happen(api.database)
        assert [each.id for each in await ear.some(1)] == [number]
        clock.advance(timedelta(minutes=5))
        heard = await ear.next()
        assert heard is not None
        assert (heard.event, heard.id) == ("end", None)


async def test_a_stream_of_a_program_ends_with_its_maker(api: Api, url: str):
    root = await api.superadmin()
    maker = await api.of_role(Role.ADMIN)
    key = await program(api, maker, "events:read", "visitors:read")
    async with listening(url, key.headers) as ear:
        assert (await close_account(api, root, maker, "")).status_code == 200
        heard = await ear.next()
        assert heard is not None
        assert heard.event == "end"
