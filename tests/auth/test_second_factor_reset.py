"""Removing the second factors of somebody who has lost them."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from app.auth.repository import AuthSessionRepository
from app.commands.second_factor import reset_of
from app.core.clock import SettableClock
from app.core.db.database import Database
from app.settings import Settings
from app.users.repository import UserRepository
from tests.audit.entries import all_entries
from tests.auth.factors import assertion, enrol, login, redeem, register, ticket
from tests.conftest import MONDAY
from tests.e2e.installation import eventually
from tests.support.api import Api, Client
from tests.support.mailbox import Mailbox, body_of
from tests.support.passkeys import SoftKey
from tests.support.problems import problem

WAITING = select(func.count()).select_from(text("pg_locks")).where(text("NOT granted"))


@pytest.fixture
async def host(api: Api, clock: SettableClock) -> Client:
    """Return a host with an app and a passkey."""
    host = await api.host()
    await enrol(host, clock)
    await register(host, SoftKey())
    return host


def path(user: Client) -> str:
    return f"auth/users/{user.user_id}/second-factor/"


async def test_a_superadmin_resets_and_the_owner_is_mailed(
    api: Api, host: Client, mailbox: Mailbox
):
    await mailbox.deliver()
    root, waiting = await api.superadmin(), await ticket(api)
    assert (await root.delete(path(host))).status_code == 204
    problem(await host.get("auth/me/"), 401, "not_authenticated")
    problem(await redeem(api, waiting, code="123456"), 401, "invalid_ticket")
    assert (await login(api)).status_code == 200
    [*_, mail] = await mailbox.deliver()
    assert mail["To"] == "Charles Babbage <charles@example.com>"
    assert "removed the second factors" in " ".join(body_of(mail).split())
    items = (await root.get("auth/events/", account=host.user_id)).json()["items"]
    [event] = [each for each in items if each["action"] == "second_factor_reset"]
    assert event["actor_id"] == root.user_id
    assert event["details"] == {"factors": ["totp", "passkey", "recovery_code"]}


async def test_earlier_wrong_codes_do_not_block_a_new_app(api: Api, clock: SettableClock):
    host, root = await api.host(), await api.superadmin()
    app = await enrol(host, clock)
    for _ in range(10):
        await host.post("auth/confirm/", {"code": app.wrong()})
    problem(await host.post("auth/confirm/", {"code": app.wrong()}), 429, "too_many_requests")
    await root.delete(path(host))
    await enrol(await api.sign_in("charles@example.com", host.user_id), clock)


async def test_a_passkey_of_before_signs_nobody_in(api: Api, clock: SettableClock):
    host, root, key = await api.host(), await api.superadmin(), SoftKey()
    await register(host, key)
    credential = await assertion(api, key)
    await root.delete(path(host))
    answer = await api.http.post("/api/auth/passkeys/sign-in/", json={"credential": credential})
    problem(answer, 401, "invalid_credentials")


async def test_no_passkey_is_added_while_a_reset_ends_the_session(api: Api, database: Database):
    thief = await api.host()
    options = (await thief.post("auth/passkeys/options/")).json()
    body = {"name": "Laptop", "credential": SoftKey().create(options)}
    async with database.write() as unit:
        await UserRepository(unit).lock_active(UUID(thief.user_id))
        adding = asyncio.create_task(thief.post("auth/passkeys/", body))
        await eventually(lambda: unit.scalar(WAITING))
        await AuthSessionRepository(unit).revoke_all(UUID(thief.user_id), MONDAY)
    problem(await adding, 401, "not_authenticated")
    assert (await login(api)).status_code == 200  # without a second factor


async def test_nobody_resets_their_own(api: Api, clock: SettableClock):
    root = await api.superadmin()
    await enrol(root, clock)
    problem(await root.delete(path(root)), 403, "forbidden")
    assert (await root.get("auth/me/")).json()["second_factor"]["totp"] is True


async def test_one_superadmin_resets_another(api: Api, clock: SettableClock):
    root, other = await api.superadmin(), await api.superadmin("other@example.com")
    await enrol(root, clock)
    assert (await other.delete(path(root))).status_code == 204
    assert (await login(api, "root@example.com")).status_code == 200


async def test_admins_reset_nobody(api: Api, host: Client):
    admin = await api.admin()
    problem(await admin.delete(path(host)), 403, "forbidden")


async def test_a_reset_needs_a_recent_sign_in(api: Api, host: Client, clock: SettableClock):
    root = await api.superadmin()
    clock.advance(timedelta(minutes=10))
    problem(await root.delete(path(host)), 403, "reauthentication_required")


async def test_an_unknown_account_is_not_found(api: Api):
    root = await api.superadmin()
    gone = "auth/users/01936b0e-7a4c-7cc3-8a59-000000000001/second-factor/"
    problem(await root.delete(gone), 404, "not_found")


async def test_without_a_second_factor_nothing_happens(api: Api, mailbox: Mailbox):
    root, host = await api.superadmin(), await api.host()
    assert (await root.delete(path(host))).status_code == 204
    assert (await host.get("auth/me/")).status_code == 200
    assert await mailbox.deliver() == []


async def test_the_command_line_is_the_way_back_of_a_lone_superadmin(
    api: Api, clock: SettableClock, settings: Settings, database: Database, mailbox: Mailbox
):
    root, now = await api.superadmin(), clock.now()
    await enrol(root, clock)
    assert await reset_of(settings, "Root@example.com", now) is True
    after = await api.sign_in("root@example.com", root.user_id)
    items = (await after.get("auth/events/")).json()["items"]
    [event] = [each for each in items if each["action"] == "second_factor_reset"]
    assert (event["account_id"], event["actor_id"]) == (root.user_id, None)
    [entry] = [each for each in await all_entries(database) if each.action == "second_factor_reset"]
    assert (entry.actor_role, entry.actor_name) == ("system", "command line")
    assert len(await mailbox.deliver()) == 2
    assert await reset_of(settings, "root@example.com", now) is False
    assert await reset_of(settings, "nobody@example.com", now) is None
