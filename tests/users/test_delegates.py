"""Who acts for a host."""

import asyncio
from typing import Any

import httpx
import pytest

from app.core.db.database import Database
from app.users.models import Role
from tests.audit.entries import all_entries
from tests.support.api import Api, Client
from tests.support.database import add_site, deactivate
from tests.support.problems import problem

NOBODY = "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11"


async def choose(host: Client, *ids: Any) -> httpx.Response:
    return await host.put("auth/me/delegates/", {"user_ids": list(ids)})


async def delegates(host: Client) -> list[str]:
    ids: list[str] = (await host.get("auth/me/delegates/")).json()["user_ids"]
    return ids


def faults(answer: httpx.Response) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    return [(fault["field"], fault["code"]) for fault in answer.json()["errors"]]


async def test_a_host_names_delegates_who_replace_the_former_ones(api: Api):
    host, mary, grace = (
        await api.host(),
        await api.host("mary@example.com", "Mary"),
        await api.admin(),
    )
    answer = await choose(host, mary.user_id, mary.user_id)
    assert (answer.status_code, answer.json()) == (200, {"user_ids": [mary.user_id]})
    await choose(host, grace.user_id)
    assert await delegates(host) == [grace.user_id]
    await choose(host)
    assert await delegates(host) == []


async def test_the_audit_log_names_the_delegates(api: Api, database: Database):
    host, mary = await api.host(), await api.host("mary@example.com", "Mary")
    await choose(host, mary.user_id)
    entry = (await all_entries(database))[-1]
    assert entry.details == {"fields": ["delegates"], "delegates": [mary.user_id]}


async def test_a_delegate_is_another_active_account(api: Api):
    host, closed = await api.host(), await api.host("mary@example.com", "Mary")
    guard = await api.person(Role.GUARD, "guard@example.com", "Gate", "Guard")
    await deactivate(api.database, closed.user_id)
    answer = await choose(host, NOBODY, host.user_id, closed.user_id, guard.user_id)
    assert faults(answer) == [
        ("user_ids.0", "unknown_user"),
        *((f"user_ids.{number}", "not_eligible") for number in (1, 2, 3)),
    ]
    assert await delegates(host) == []


async def test_a_host_has_at_most_ten_delegates(api: Api):
    [(field, _)] = faults(await choose(await api.host(), *[NOBODY] * 11))
    assert field == "user_ids"


async def test_staff_chooses_the_delegates_of_a_host(api: Api):
    admin, host, mary = await api.admin(), await api.host(), await api.host("m@x.com", "Mary")
    path = f"auth/users/{host.user_id}/delegates/"
    assert (await admin.put(path, {"user_ids": [mary.user_id]})).status_code == 200
    assert (
        (await admin.get(path)).json()
        == {"user_ids": [mary.user_id]}
        == {"user_ids": await delegates(host)}
    )
    problem(await host.put(path, {"user_ids": []}), 403, "forbidden")
    other = f"auth/users/{(await api.superadmin()).user_id}/delegates/"
    problem(await admin.put(other, {"user_ids": []}), 404, "not_found")


@pytest.mark.parametrize("body", [{}, {"user_ids": None}, {"user_ids": ["x"]}, {"user_id": []}])
async def test_a_malformed_list_of_delegates_is_422(api: Api, body: dict[str, Any]):
    assert (await (await api.host()).put("auth/me/delegates/", body)).status_code == 422


async def test_a_closed_delegate_is_not_listed(api: Api):
    host, mary = await api.host(), await api.host("mary@example.com", "Mary")
    await choose(host, mary.user_id)
    await deactivate(api.database, mary.user_id)
    assert await delegates(host) == []


async def test_two_choices_at_once_are_made_one_after_the_other(api: Api):
    host, mary = await api.host(), await api.host("mary@example.com", "Mary")
    answers = await asyncio.gather(*[choose(host, mary.user_id) for _ in range(4)])
    assert [answer.status_code for answer in answers] == [200] * 4
    assert await delegates(host) == [mary.user_id]


async def test_an_account_of_some_sites_has_no_delegates(api: Api):
    desk = await api.of_role(Role.RECEPTIONIST, await add_site(api.database))
    path = f"auth/users/{desk.user_id}/delegates/"
    body = {"user_ids": [(await api.host()).user_id]}
    problem(await desk.put("auth/me/delegates/", body), 403, "beyond_your_rights")
    problem(await (await api.admin()).put(path, body), 403, "beyond_your_rights")
    assert (await choose(desk)).status_code == 200


async def test_the_log_says_who_acts_for_a_host(api: Api):
    host, mary = await api.host(), await api.host("mary@example.com", "Mary")
    await choose(host, mary.user_id)
    [event, *_] = (await host.get("auth/events/")).json()["items"]
    told = {"fields": ["delegates"], "delegates": [mary.user_id]}
    assert (event["action"], event["details"]) == ("updated", told)
