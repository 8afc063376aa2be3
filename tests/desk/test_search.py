"""The desk's search finds the visitors of today."""

from datetime import timedelta

import pytest

from app.core.clock import SettableClock
from app.users.models import Role
from tests.conftest import MONDAY
from tests.desk.test_desk import add, call
from tests.support.api import Api, Client
from tests.support.problems import problem


@pytest.fixture
async def reception(api: Api, clock: SettableClock) -> Client:
    clock.set(MONDAY + timedelta(minutes=90))
    return await api.admin()


async def found(client: Client, q: str) -> list[str]:
    answer = await client.get("desk/search/", q=q)
    assert answer.status_code == 200, answer.text
    return [card["name"] for card in answer.json()["items"]]


async def test_a_search_finds_who_comes_today(reception: Client):
    await add(reception, "Jürgen Ahead", visit_date="2026-11-24")
    for hour in ("12", "11"):
        await add(reception, f"Jürgen {hour}", f"{hour}:00")
    left = await add(reception, "Jürgen 10")
    await call(reception, left, "check-in")
    await call(reception, left, "check-out")
    assert await found(reception, "juergen") == ["Jürgen 10", "Jürgen 11", "Jürgen 12"]
    assert await found(reception, "nobody") == []


async def test_a_guard_searches_names_and_companies(api: Api, reception: Client):
    ada = await add(reception, "Ada Lovelace", company="Engines Ltd", phone="+49 30 123456")
    guard = await api.of_role(Role.GUARD, ada["site"])
    for q in ("ada", "lovelace engines", "ENGINE"):
        assert await found(reception, q) == await found(guard, q) == ["Ada Lovelace"]
    for q in ("example.com", "4930123456", "123456", ada["qr_code"], "ada example.com"):
        assert await found(reception, q) == ["Ada Lovelace"]
        assert await found(guard, q) == []


async def test_a_search_finds_twenty_at_most(reception: Client):
    visitors = [{"name": f"Ada {number}", "email": None} for number in range(21)]
    body = {"name": "Choir", "visit_date": "2026-11-23", "visit_time": "10:00"}
    half = [visitors[:11], visitors[11:]]
    for each, hour in zip(half, ("10:00", "11:00"), strict=True):
        made = await reception.post("groups/", body | {"visit_time": hour, "visitors": each})
        assert made.status_code == 201, made.text
    assert len(await found(reception, "ada")) == 20


@pytest.mark.parametrize("q", ["", " ", "x" * 201, "a\0"])
async def test_an_odd_search_is_refused_or_finds_nobody(reception: Client, q: str):
    await add(reception, "Ada")
    answer = await reception.get("desk/search/", q=q)
    if answer.status_code == 200:
        assert answer.json()["items"] == []
    else:
        problem(answer, 422, "invalid")
