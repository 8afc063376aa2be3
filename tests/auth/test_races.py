"""Signing in while the account changes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, update

from app.auth.sign_in_limits import SignInLimits
from app.users.models import User
from tests.support.api import PASSWORD, Api, Client
from tests.support.database import deactivate
from tests.support.problems import problem

CREDENTIALS = {"email": "charles@example.com", "password": PASSWORD}


async def _deactivated(api: Api, host: Client) -> None:
    await deactivate(api.database, host.user_id)


async def _deleted(api: Api, host: Client) -> None:
    async with api.database.write() as unit:
        await unit.write(delete(User).where(User.id == UUID(host.user_id)))


async def _given_another_password(api: Api, host: Client) -> None:
    async with api.database.write() as unit:
        await unit.write(
            update(User)
            .where(User.id == UUID(host.user_id))
            .values(password_hash=await api.hasher.hash("another fine password", known=True))
        )


@pytest.mark.parametrize("change", [_deactivated, _deleted, _given_another_password])
async def test_a_password_that_was_just_replaced_opens_no_session(
    api: Api, monkeypatch: pytest.MonkeyPatch, change: Callable[[Api, Client], Awaitable[None]]
):
    host = await api.host()
    held, go_on = asyncio.Event(), asyncio.Event()
    check = SignInLimits.fits

    async def held_up(self: SignInLimits, *values: Any, **more: Any) -> bool:
        fits = await check(self, *values, **more)
        held.set()
        await go_on.wait()
        return fits

    monkeypatch.setattr(SignInLimits, "fits", held_up)
    login = asyncio.create_task(api.http.post("/api/auth/login/", json=CREDENTIALS))
    await held.wait()
    await change(api, host)
    go_on.set()
    problem(await login, 401, "invalid_credentials")
