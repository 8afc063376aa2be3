"""One active superadmin always remains."""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, text

from app.core.db.database import Database, WriteSession
from app.users.models import Role, User
from app.users.repository import UserRepository
from tests.e2e.installation import eventually
from tests.support.api import Api, Client
from tests.support.database import deactivate
from tests.support.problems import problem

LOSSES: list[dict[str, Any] | None] = [
    {"role": "admin", "sites": None},
    {"is_active": False},
    {"role": "host", "is_active": False},
    None,  # deleted
]


async def take(caller: Client, victim: Client, loss: dict[str, Any] | None) -> httpx.Response:
    """Remove or demote the superadmin `victim` as `caller`."""
    path = f"auth/users/{victim.user_id}/"
    return await (caller.delete(path) if loss is None else caller.patch(path, loss))


@pytest.mark.parametrize("loss", LOSSES, ids=str)
async def test_the_last_one_stays(api: Api, loss: dict[str, Any] | None):
    root = await api.superadmin()
    problem(await take(root, root, loss), 409, "last_superadmin")
    assert (await root.get("auth/me/")).json()["role"] == "superadmin"


@pytest.mark.parametrize("loss", LOSSES, ids=str)
async def test_an_inactive_one_does_not_count(api: Api, loss: dict[str, Any] | None):
    root, other = await api.superadmin(), await api.superadmin("other@example.com")
    await deactivate(api.database, other.user_id)
    problem(await take(root, root, loss), 409, "last_superadmin")
    assert (await take(root, other, None)).status_code == 200


@pytest.mark.parametrize("loss", LOSSES, ids=str)
async def test_one_of_two_may_go(api: Api, loss: dict[str, Any] | None):
    root, other = await api.superadmin(), await api.superadmin("other@example.com")
    assert (await take(other, other, loss)).status_code in {200, 204}
    problem(await take(root, root, loss), 409, "last_superadmin")


async def test_the_last_one_may_change_their_name(api: Api):
    root = await api.superadmin()
    body = {"first_name": "Ada", "role": "superadmin", "is_active": True}
    assert (await root.patch(f"auth/users/{root.user_id}/", body)).status_code == 200


@pytest.mark.parametrize("loss", LOSSES, ids=str)
async def test_two_can_not_take_it_from_each_other_at_once(api: Api, loss: dict[str, Any] | None):
    for round_ in range(3):
        pair = [await api.superadmin(f"{round_}.{n}@example.com") for n in range(2)]
        await _keep_only(api, pair)
        answers = await asyncio.gather(
            take(pair[0], pair[1], loss), take(pair[1], pair[0], loss), take(pair[0], pair[0], loss)
        )
        assert {answer.status_code for answer in answers} <= {200, 204, 401, 403, 404, 409}
        assert await _superadmins(api.database) == 1


async def test_who_has_just_lost_the_rights_takes_them_from_nobody(api: Api):
    root, one, other = [await api.superadmin(f"{n}@example.com") for n in range(3)]
    loss = {"role": "host"}
    async with api.database.write() as unit:
        await UserRepository(unit).lock_superadmins()
        taking = [asyncio.create_task(take(*pair, loss)) for pair in ((one, other), (other, one))]
        await eventually(lambda: _are_waiting(unit, len(taking)))
    answers = sorted([(await each).status_code for each in taking])
    assert answers == [200, 403]
    assert await _superadmins(api.database) == 2
    assert (await root.get("auth/users/")).status_code == 200


async def _are_waiting(unit: WriteSession, number: int) -> bool:
    waits = select(func.count()).select_from(text("pg_locks")).where(text("NOT granted"))
    return await unit.scalar(waits) == number


async def _superadmins(database: Database) -> int | None:
    async with database.read() as session:
        return await session.scalar(
            select(func.count()).where(User.role == Role.SUPERADMIN, User.is_active)
        )


async def _keep_only(api: Api, pair: Sequence[Client]) -> None:
    """Delete every superadmin that is not of the pair."""
    users = (await pair[0].get("auth/users/", role="superadmin")).json()["items"]
    for user in users:
        if user["id"] not in {client.user_id for client in pair}:
            assert (await pair[0].delete(f"auth/users/{user['id']}/")).status_code == 200
