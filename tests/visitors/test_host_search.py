"""The list of hosts, searched while somebody types."""

from typing import Any

import pytest

from app.core.db.database import Database
from app.users.models import Role
from tests.devices.devices import add_device
from tests.support.api import Api, Client
from tests.support.database import deactivate
from tests.support.problems import faulty_fields, problem


async def hosts(client: Client, **params: Any) -> list[dict[str, Any]]:
    answer = await client.get("visitors/hosts/", **params)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


async def names(client: Client, **params: Any) -> list[str]:
    return [host["name"] for host in await hosts(client, **params)]


async def add_hosts(api: Api) -> None:
    people = [("Jürgen", "Groß-Müller", "jg"), ("Łukasz", "Zając", "lz"), ("Mary", "Jung", "ada")]
    for first_name, last_name, local_part in people:
        await api.person(Role.HOST, f"{local_part}@works.example", first_name, last_name)


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("jurgen", ["Jürgen Groß-Müller"]),
        ("JUERGEN mull", ["Jürgen Groß-Müller"]),
        ("gross", ["Jürgen Groß-Müller"]),
        ("ju", ["Jürgen Groß-Müller", "Mary Jung"]),
        ("zajac luk", ["Łukasz Zając"]),
        ("ada@works", ["Mary Jung"]),
        ("works", ["Jürgen Groß-Müller", "Mary Jung", "Łukasz Zając"]),
        ("  ", ["Jürgen Groß-Müller", "Mary Jung", "Łukasz Zając"]),
        ("uller", []),
        ("...", []),
    ],
)
async def test_hosts_are_found_by_beginnings_of_words(api: Api, q: str, found: list[str]):
    await add_hosts(api)
    assert await names(await api.admin(), q=q) == found


async def test_without_a_limit_all_are_returned(api: Api):
    await add_hosts(api)
    admin = await api.admin()
    everybody = await names(admin)
    assert len(everybody) == 3
    assert await names(admin, limit=2) == everybody[:2]
    assert await names(admin, limit=200, q="works") == everybody
    for wrong in ({"limit": 0}, {"limit": 201}, {"limit": "x"}, {"q": "x" * 201}, {"page": 2}):
        assert faulty_fields(await admin.get("visitors/hosts/", **wrong)) == set(wrong)


async def test_phones_are_for_reception_and_admins(api: Api):
    host = await api.host()
    await host.patch("auth/me/", {"phone": "+49 30 99"})
    everything = {
        "id": host.user_id,
        "name": "Charles Babbage",
        "email": "charles@example.com",
        "phone": "+49 30 99",
    }
    for role in (Role.RECEPTIONIST, Role.ADMIN, Role.SUPERADMIN):
        assert await hosts(await api.of_role(role)) == [everything]
    assert await hosts(host) == [everything | {"phone": None}]
    kiosk = await add_device(api, "kiosk")
    assert await hosts(kiosk) == [everything | {"phone": None, "email": None}]
    problem(await (await api.of_role(Role.GUARD)).get("visitors/hosts/"), 403, "forbidden")
    problem(await api.http.get("/api/visitors/hosts/"), 401, "not_authenticated")


async def test_a_kiosk_learns_no_address_by_searching(api: Api):
    await add_hosts(api)
    kiosk = await add_device(api, "kiosk")
    assert await names(kiosk, q="ada@works") == await names(kiosk, q="works") == []
    assert await names(kiosk, q="jue") == ["Jürgen Groß-Müller"]


async def test_a_closed_account_is_not_found(api: Api, database: Database):
    host = await api.host()
    await deactivate(database, host.user_id)
    assert await names(await api.admin(), q="charles") == []
