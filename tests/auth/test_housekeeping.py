"""The nightly deletion of expired rows."""

from dataclasses import astuple
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select

from app.api_keys.models import ApiKey
from app.audit.chain_service import chain_batch
from app.auth import jobs as housekeeping
from app.auth.jobs import purge_audit_log, purge_sign_ins
from app.auth.models import AccountLink, AuthSession, RefreshToken
from app.core.clock import SettableClock
from app.core.db.database import Database
from tests.api_keys.keys import make
from tests.auth.factors import enrol, ticket
from tests.support.api import PASSWORD, Api
from tests.support.problems import problem


async def sign_in(api: Api) -> str:
    body = {"email": "desk@example.com", "password": PASSWORD}
    return str((await api.http.post("/api/auth/login/", json=body)).json()["refresh"])


async def counts(database: Database) -> tuple[int, ...]:
    """Return the numbers of sessions, refresh tokens and links."""
    async with database.read() as session:
        tables = (AuthSession, RefreshToken, AccountLink)
        found = [await session.scalar(select(func.count()).select_from(t)) for t in tables]
    return tuple(number or 0 for number in found)


async def test_what_is_in_use_stays(api: Api, clock: SettableClock):
    admin = await api.admin()
    await api.http.post("/api/auth/forgot-password/", json={"email": "desk@example.com"})
    assert not any(astuple(await purge_sign_ins(api.database, clock.now())))
    assert (await admin.get("auth/me/")).status_code == 200
    assert await counts(api.database) == (1, 1, 1)


async def test_sessions_that_are_over_go(api: Api, clock: SettableClock):
    await api.admin()
    token = await sign_in(api)
    await api.http.post("/api/auth/logout/", json={"refresh": token})
    assert (await purge_sign_ins(api.database, clock.now())).sessions == 1
    clock.advance(timedelta(days=7))
    assert (await purge_sign_ins(api.database, clock.now())).sessions == 1
    assert await counts(api.database) == (0, 0, 0)


async def test_a_used_token_is_known_until_it_expires(api: Api, clock: SettableClock):
    await api.admin()
    token = await sign_in(api)
    used = token
    for _ in range(2):
        clock.advance(timedelta(days=3))
        answer = await api.http.post("/api/auth/token/refresh/", json={"refresh": token})
        token = answer.json()["refresh"]
        await purge_sign_ins(api.database, clock.now())
    answer = await api.http.post("/api/auth/token/refresh/", json={"refresh": used})
    problem(answer, 401, "token_reused")


async def test_expired_tokens_of_a_living_session_go(api: Api, clock: SettableClock):
    await api.admin()
    token = await sign_in(api)
    for _ in range(3):
        clock.advance(timedelta(days=3))
        answer = await api.http.post("/api/auth/token/refresh/", json={"refresh": token})
        token = answer.json()["refresh"]
    purged = await purge_sign_ins(api.database, clock.now())
    assert (purged.refresh_tokens, (await counts(api.database))[0]) == (1, 1)


async def test_expired_links_go(api: Api, clock: SettableClock):
    await api.admin()
    await api.http.post("/api/auth/forgot-password/", json={"email": "desk@example.com"})
    clock.advance(timedelta(hours=1))
    assert (await purge_sign_ins(api.database, clock.now())).links == 1


async def test_account_events_go_when_they_are_old(
    api: Api, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(housekeeping, "BATCH", 1)
    await api.admin()
    await sign_in(api)
    async with api.database.write() as unit:
        assert len(await chain_batch(unit, 10)) == 2
    clock.advance(timedelta(days=180))
    assert await purge_audit_log(api.database, clock.now(), 180) == 0
    root = await api.superadmin()
    clock.advance(timedelta(seconds=1))
    assert await purge_audit_log(api.database, clock.now(), 180) == 2
    [left] = (await root.get("auth/events/")).json()["items"]
    assert left["account_id"] == root.user_id


async def test_it_goes_on_until_all_is_gone(
    api: Api, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
):
    await api.admin()
    for _ in range(4):
        await sign_in(api)
    clock.advance(timedelta(days=8))
    monkeypatch.setattr(housekeeping, "BATCH", 2)
    assert (await purge_sign_ins(api.database, clock.now())).sessions == 5


async def test_tickets_challenges_and_apps_that_were_not_confirmed_go(
    api: Api, clock: SettableClock
):
    host = await api.host()
    await enrol(host, clock)
    await host.post("auth/second-factor/totp/")
    await ticket(api)
    await api.http.post("/api/auth/passkeys/sign-in/options/")
    clock.advance(timedelta(minutes=4))
    purged = await purge_sign_ins(api.database, clock.now())
    assert (purged.tickets, purged.challenges, purged.unconfirmed_apps) == (0, 0, 0)
    clock.advance(timedelta(minutes=1))
    purged = await purge_sign_ins(api.database, clock.now())
    assert (purged.tickets, purged.challenges, purged.unconfirmed_apps) == (1, 1, 0)
    clock.advance(timedelta(days=1))
    assert (await purge_sign_ins(api.database, clock.now())).unconfirmed_apps == 1
    await ticket(api)


async def test_a_key_that_expired_long_ago_goes(api: Api, clock: SettableClock):
    root = await api.superadmin()
    await make(root, expires_at="2026-11-23T09:00:00Z")
    kept = await make(root)
    for days, gone in ((90, 0), (1, 1)):
        clock.advance(timedelta(days=days))
        assert (await purge_sign_ins(api.database, clock.now())).api_keys == gone
    async with api.database.read() as session:
        assert await session.scalar(select(ApiKey.id)) == UUID(kept["id"])
