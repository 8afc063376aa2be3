"""Operations that need the password again, and the mails about them."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.core.clock import SettableClock
from app.core.db.rollout import Rollout
from tests.auth.conftest import StartApp
from tests.auth.links import newest_token
from tests.support.api import PASSWORD, Api, Client
from tests.support.mailbox import Mailbox
from tests.support.problems import problem

STAFF: dict[str, Any] = {
    "email": "grace@example.com",
    "first_name": "Grace",
    "last_name": "Hopper",
    "role": "admin",
    "sites": None,
}
HOST = {**STAFF, "role": "host"}
del HOST["sites"]
GATE = {"name": "North gate", "kind": "scanner"}
KIOSK = {"name": "Lobby", "kind": "kiosk"}


async def confirm(caller: Client, password: str = PASSWORD) -> httpx.Response:
    return await caller.post("auth/confirm/", {"password": password})


async def patch(caller: Client, user: Client, **fields: Any) -> httpx.Response:
    return await caller.patch(f"auth/users/{user.user_id}/", fields)


def refused(answer: httpx.Response) -> None:
    problem(answer, 403, "reauthentication_required")


@pytest.fixture
async def root(api: Api, clock: SettableClock) -> Client:
    """Return a superadmin who signed in ten minutes ago."""
    root = await api.superadmin()
    clock.advance(timedelta(minutes=10))
    return root


async def test_an_access_token_alone_takes_no_account_over(root: Client, mailbox: Mailbox):
    refused(await patch(root, root, email="mallory@evil.example"))
    assert (await root.get("auth/me/")).json()["email"] == "root@example.com"
    assert await mailbox.deliver() == []


async def test_what_is_guarded_needs_the_password_anew(root: Client, api: Api):
    host, closed = await api.host(), await api.host("mary@example.com", "Mary")
    late = await api.superadmin("late@example.com")
    await patch(late, closed, is_active=False)
    gate = f"devices/{(await late.post('devices/', GATE)).json()['id']}/"
    kiosk = f"devices/{(await late.post('devices/', KIOSK)).json()['id']}/"
    desk = await api.admin()
    annex = (await late.post("sites/", {"name": "Annex", "timezone": "UTC"})).json()["id"]
    attempts: list[Callable[[], Awaitable[httpx.Response]]] = [
        lambda: patch(root, host, email="babbage@example.com"),
        lambda: patch(root, host, role="admin", sites=None),
        lambda: patch(root, desk, sites=[annex]),
        lambda: patch(root, host, is_active=False),
        lambda: patch(root, closed, is_active=True),
        lambda: root.delete(f"auth/users/{host.user_id}/"),
        lambda: root.post("auth/users/", STAFF),
        lambda: root.delete(f"auth/users/{late.user_id}/sessions/"),
        lambda: root.post("devices/", GATE),
        lambda: root.post(f"{gate}rotate-key/"),
        lambda: root.patch(kiosk, {"kind": "scanner"}),
        lambda: root.patch(gate, {"site": annex}),
        lambda: root.put(gate, KIOSK),
    ]
    for attempt in attempts:
        refused(await attempt())
    assert (await confirm(root)).status_code == 204
    for attempt in attempts:
        assert (await attempt()).status_code in {200, 201, 204}


async def test_all_else_goes_on(root: Client, api: Api):
    host = await api.host()
    same = {"email": "charles@example.com", "role": "host"}
    assert (await patch(root, host, first_name="Carl", **same)).status_code == 200
    assert (await root.post("auth/users/", HOST)).status_code == 201
    late = await api.superadmin("late@example.com")
    gate = f"devices/{(await late.post('devices/', GATE)).json()['id']}/"
    assert (await root.put(gate, GATE | {"name": "South gate"})).status_code == 200
    assert (await root.patch(gate, {"gate": "South", "kind": "scanner"})).status_code == 200


async def test_a_confirmation_is_of_its_session_and_of_ten_minutes(
    start: StartApp, clock: SettableClock
):
    api = await start(access_token_minutes=60)
    root = await api.superadmin()
    other = await api.sign_in("root@example.com", root.user_id)
    clock.advance(timedelta(minutes=10))
    await confirm(root)
    refused(await other.post("devices/", GATE))
    clock.advance(timedelta(minutes=10) - timedelta(seconds=1))
    assert (await root.post("devices/", GATE)).status_code == 201
    clock.advance(timedelta(seconds=1))
    refused(await root.post("devices/", GATE))


async def test_a_refresh_confirms_nothing(api: Api, clock: SettableClock):
    root = await api.superadmin()
    body = {"email": "root@example.com", "password": PASSWORD}
    pair = (await api.http.post("/api/auth/login/", json=body)).json()
    clock.advance(timedelta(minutes=10))
    answer = await api.http.post("/api/auth/token/refresh/", json={"refresh": pair["refresh"]})
    root.headers["Authorization"] = f"Bearer {answer.json()['access']}"
    refused(await root.post("devices/", GATE))


async def test_a_wrong_confirmation_counts_as_a_guess(root: Client, api: Api):
    for _ in range(9):
        problem(await confirm(root, "wrong"), 401, "invalid_credentials")
    refused(await root.post("devices/", GATE))
    body = {"email": "root@example.com", "password": "wrong"}
    await api.http.post("/api/auth/login/", json=body)
    problem(await confirm(root), 429, "too_many_requests")


async def test_strangers_and_devices_confirm_nothing(root: Client, api: Api):
    body = {"password": PASSWORD}
    answer = await api.http.post("/api/auth/confirm/", json=body)
    problem(answer, 401, "not_authenticated")
    await confirm(root)
    key = (await root.post("devices/", GATE)).json()["key"]
    headers = {"X-Device-Key": key}
    answer = await api.http.post("/api/auth/confirm/", json=body, headers=headers)
    problem(answer, 403, "forbidden")


async def test_who_may_not_is_not_asked_for_a_password(api: Api, clock: SettableClock):
    host = await api.host()
    clock.advance(timedelta(minutes=10))
    problem(await host.post("devices/", GATE), 403, "forbidden")


async def test_confirmations_are_account_events(root: Client):
    await confirm(root, "wrong")
    await confirm(root)
    events = (await root.get("auth/events/")).json()["items"]
    assert [event["action"] for event in events] == ["signed_in", "sign_in_failed", "signed_in"]
    assert events[0]["details"] == {"confirmed": True}


async def test_a_new_address_is_told_to_both(api: Api, mailbox: Mailbox):
    root, host = await api.superadmin(), await api.host()
    await patch(root, host, email="babbage@example.com")
    mails = {mail["To"]: mail for mail in await mailbox.deliver()}
    former, new = "Charles Babbage <charles@", "Charles Babbage <babbage@"
    assert set(mails) == {f"{former}example.com>", f"{new}example.com>"}
    body = mails[f"{former}example.com>"].get_body(("plain",))
    assert body is not None
    assert "another e-mail address" in body.get_content()
    assert "babbage@" not in body.get_content()


async def test_an_address_that_stays_is_told_to_nobody(api: Api, mailbox: Mailbox):
    root, host = await api.superadmin(), await api.host()
    await patch(root, host, email="charles@example.com")
    assert await mailbox.deliver() == []


async def test_a_new_password_is_told(api: Api, mailbox: Mailbox):
    host = await api.host()
    body = {"old_password": PASSWORD, "new_password": "another fine password"}
    await host.post("auth/change-password/", body)
    [mail] = await mailbox.deliver()
    assert (mail["Subject"], mail["To"]) == (
        "Your password was changed",
        "Charles Babbage <charles@example.com>",
    )
    await api.http.post("/api/auth/forgot-password/", json={"email": "charles@example.com"})
    token = await newest_token(mailbox, "reset-password", "charles@example.com")
    reset = {"token": token, "new_password": "one more password"}
    await api.http.post("/api/auth/reset-password/", json=reset)
    assert [mail["Subject"] for mail in await mailbox.deliver()][-1] == "Your password was changed"


async def test_during_an_update_a_password_changes_without_a_mail(
    api: Api, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
):
    root, host = await api.superadmin(), await api.host()
    app_database = root._http._transport.app.state.database  # type: ignore[attr-defined]
    monkeypatch.setattr(app_database, "rollout_is_finished", False)
    async with api.database.write() as unit:
        unit.add(Rollout(revision="0008", finished_at=None))
    problem(await patch(root, host, email="babbage@example.com"), 503, "update_under_way")
    body = {"old_password": PASSWORD, "new_password": "another fine password"}
    assert (await host.post("auth/change-password/", body)).status_code == 204
    assert await mailbox.deliver() == []
