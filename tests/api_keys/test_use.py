"""Requests of programs: how far a key reaches, from where, how long, and what is known of it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import update

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.users.models import Role, User
from app.users.roles import KEY_SCOPES, ROLES
from tests.api_keys.keys import make, program, with_secret
from tests.devices.devices import add_device
from tests.support.api import VISITOR, Api, Client
from tests.support.counting import statements
from tests.support.database import add_site
from tests.support.problems import faulty_fields, problem

STRANGE = "vmsk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA24vVA6"
SITES = "sites/"


async def _works(client: Client) -> bool:
    answer = await client.get(SITES)
    if answer.status_code != 200:
        problem(answer, 401, "not_authenticated")
    return answer.status_code == 200


async def _become(database: Database, person: Client, role: Role, *sites: str) -> None:
    values = {"role": role, "sites": [UUID(site) for site in sites] or None}
    async with database.write() as unit:
        await unit.write(update(User).where(User.id == UUID(person.user_id)).values(**values))


def _from(api: Api, client: Client, address: str) -> Client:
    """Return the same program at another address."""
    app = api.http._transport.app  # type: ignore[attr-defined] # of httpx's transport
    transport = httpx.ASGITransport(app, client=(address, 1))
    return Client(
        httpx.AsyncClient(transport=transport, base_url="http://test"), client.headers, ""
    )


@pytest.mark.parametrize("key", ["vmsk_", STRANGE, STRANGE[:-1] + "!", "vmsk_" + "x" * 5_000])
async def test_a_key_that_is_not_one_of_ours_is_401(api: Api, key: str):
    assert not await _works(with_secret(api, key))


async def test_a_key_does_what_its_scopes_name(api: Api):
    root = await api.superadmin()
    reader, writer = [
        await program(api, root, scope, name=scope) for scope in ("visitors:read", "visitors:write")
    ]
    visitor = await writer.register(host_name=None)
    path = f"visitors/{visitor['id']}/"
    assert (await reader.get(path)).json()["qr_code"] == visitor["qr_code"]
    problem(await writer.get(path), 403, "forbidden")
    problem(await reader.patch(path, {"name": "x"}), 403, "forbidden")
    problem(await reader.post(f"{path}cancel/"), 403, "forbidden")
    problem(await reader.get("auth/me/"), 403, "forbidden")
    assert (await writer.patch(path, {"name": "Augusta"})).status_code == 200


async def test_effects_on_visits_need_their_own_scopes(api: Api):
    root = await api.superadmin()
    groups = await program(api, root, "groups:write", name="Groups")
    sites = await program(api, root, "sites:write", name="Sites")
    group = {"name": "Choir", "visit_date": "2026-11-24", "visit_time": "10:00"}
    member = {"name": "Grace", "host_email": "charles@example.com"}
    made = await groups.post("groups/", group | {"visitors": [member]})
    assert made.status_code == 201
    path = f"groups/{made.json()['id']}/"
    for act in ("check-in/", "check-out/", "cancel/"):
        problem(await groups.post(path + act), 403, "forbidden")
    later = {"visit_date": "2026-11-25", "visit_time": "10:00"}
    problem(await groups.post(f"{path}reschedule/", later), 403, "forbidden")
    closures = f"sites/{made.json()['site']}/closures/"
    closed = {"date": "2026-11-24", "cancel_visits": True}
    problem(await sites.post(closures, closed), 403, "forbidden")
    assert (await sites.post(closures, closed | {"cancel_visits": False})).status_code == 201


async def test_a_key_without_visitors_read_sees_cards(api: Api):
    root = await api.superadmin()
    door = await program(api, root, "gate:scan", "gate:desk", "desk:read", "musters:read")
    visitor = await root.register(phone="+49 7777 1234567")
    site = visitor["site"]
    await door.scan(visitor["qr_code"])
    muster = (await root.post(f"sites/{site}/musters/", {"kind": "drill"})).json()
    for answer in (
        await door.get("desk/", site=site),
        await door.get("desk/search/", q="Ada", site=site),
        await door.get(f"musters/{muster['id']}/"),
        await door.post(f"visitors/{visitor['id']}/check-out/"),
    ):
        assert answer.status_code == 200
        assert "Ada" in answer.text
        assert "7777" not in answer.text


async def test_a_key_reaches_its_sites_only(api: Api, database: Database):
    own, other = await add_site(database, name="Own"), await add_site(database, name="Other")
    root = await api.superadmin()
    everywhere = sorted(KEY_SCOPES)
    client = await program(api, root, *everywhere, sites=[own])
    here = await client.register(host_name=None)
    there = await root.register(site=other, email="other@example.com")
    assert here["site"] == own
    answer = await client.post("visitors/", VISITOR | {"site": other})
    assert faulty_fields(answer) == {"site"}
    problem(await client.get(f"visitors/{there['id']}/"), 404, "not_found")
    problem(await client.scan(there["qr_code"]), 404, "unknown")
    listed = (await client.get("visitors/", include_total=True)).json()
    assert ([each["id"] for each in listed["items"]], listed["total"]) == ([here["id"]], 1)


async def test_a_key_may_never_more_than_its_maker_now(api: Api, database: Database):
    own, other = await add_site(database, name="Own"), await add_site(database, name="Other")
    maker, root = await api.of_role(Role.ADMIN), await api.superadmin()
    client = await program(api, maker, *sorted(KEY_SCOPES - {"sites:create"}))
    here, there = [
        await root.register(site=site, email=f"{site}@example.com") for site in (own, other)
    ]
    await _become(database, maker, Role.ADMIN, own)
    problem(await client.get(f"visitors/{there['id']}/"), 404, "not_found")
    await _become(database, maker, Role.RECEPTIONIST, own)
    path = f"visitors/{here['id']}/"
    assert (await client.get(path)).status_code == 200
    problem(await client.delete(path), 403, "forbidden")
    await _become(database, maker, Role.GUARD, own)
    problem(await client.get(path), 403, "forbidden")
    assert (await client.get("desk/", site=own)).status_code == 200
    await _become(database, maker, Role.HOST)
    problem(await client.get("desk/", site=own), 403, "forbidden")
    problem(await client.post("visitors/", VISITOR), 403, "forbidden")
    # And what a maker of some sites makes does not follow to others.
    await _become(database, maker, Role.ADMIN, other)
    limited = await program(api, root, "visitors:read", sites=[own], name="Limited")
    assert (await limited.get(path)).status_code == 200


async def test_a_key_without_a_common_site_reaches_nothing(api: Api, database: Database):
    own, other = await add_site(database, name="Own"), await add_site(database, name="Other")
    maker, root = await api.of_role(Role.ADMIN, own), await api.superadmin()
    client = await program(api, maker, "visitors:read", "sites:read", sites=[own])
    await root.register(site=own)
    await _become(database, maker, Role.ADMIN, other)
    assert (await client.get("visitors/")).json()["items"] == []
    assert (await client.get(SITES)).json()["items"] == []


async def test_a_key_is_refused_elsewhere_than_in_its_networks(api: Api):
    root = await api.superadmin()
    networks = ["192.0.2.0/24", "2001:db8::/32"]
    key = await make(root, scopes=["sites:read"], allowed_networks=networks)
    client = with_secret(api, key["key"])
    for address in ("192.0.2.9", "::ffff:192.0.2.9", "2001:db8::1"):
        assert (await _from(api, client, address).get(SITES)).status_code == 200, address
    for address in ("192.0.3.9", "2001:db9::1", "testclient", "fe80::1%eth0"):
        answer = await _from(api, client, address).get(SITES)
        problem(answer, 403, "network_not_allowed")
    used = (await root.get(f"api-keys/{key['id']}/")).json()["last_used_from"]
    assert used == "192.0.2.9"


async def test_a_key_ends_when_it_expires(api: Api, clock: SettableClock):
    root = await api.superadmin()
    key = await make(root, scopes=["sites:read"], expires_at="2026-11-23T08:01:00Z")
    client = with_secret(api, key["key"])
    assert await _works(client)
    clock.advance(timedelta(minutes=1))
    assert not await _works(client)
    path = f"api-keys/{key['id']}/"
    assert (await root.get(path)).json()["status"] == "expired"
    assert (await root.patch(path, {"expires_at": "2026-11-24T08:00:00Z"})).status_code == 200
    assert await _works(client)


async def test_both_secrets_work_until_the_overlap_ends(api: Api, clock: SettableClock):
    root = await api.superadmin()
    key = await make(root, scopes=["sites:read"])
    path, old = f"api-keys/{key['id']}/", with_secret(api, key["key"])
    rotated = await root.post(f"{path}rotate/", {"old_valid_minutes": 5})
    assert rotated.json()["old_valid_until"] == "2026-11-23T08:05:00Z"
    new = with_secret(api, rotated.json()["key"])
    assert [await _works(each) for each in (old, new)] == [True, True]
    clock.advance(timedelta(minutes=5))
    assert [await _works(each) for each in (old, new)] == [False, True]
    assert (await root.get(path)).json()["old_valid_until"] is None
    day = await root.post(f"{path}rotate/")
    assert day.json()["old_valid_until"] == "2026-11-24T08:05:00Z"


async def test_a_rotation_that_is_repeated_ends_no_secret_in_use(api: Api, clock: SettableClock):
    root = await api.superadmin()
    key = await make(root, scopes=["sites:read"])
    path, old = f"api-keys/{key['id']}/rotate/", with_secret(api, key["key"])
    lost = with_secret(api, (await root.post(path)).json()["key"])
    clock.advance(timedelta(minutes=2))
    new = with_secret(api, (await root.post(path)).json()["key"])
    assert [await _works(each) for each in (old, lost, new)] == [True, True, True]
    clock.advance(timedelta(hours=23, minutes=58))
    assert [await _works(each) for each in (old, lost, new)] == [False, True, True]
    clock.advance(timedelta(minutes=2))
    assert [await _works(each) for each in (old, lost, new)] == [False, False, True]


async def test_a_rotation_without_overlap_ends_all_secrets(api: Api):
    root = await api.superadmin()
    key = await make(root, scopes=["sites:read"])
    path = f"api-keys/{key['id']}/rotate/"
    second = with_secret(api, (await root.post(path)).json()["key"])
    third = (await root.post(path, {"old_valid_minutes": 0})).json()
    clients = (with_secret(api, key["key"]), second, with_secret(api, third["key"]))
    assert [await _works(each) for each in clients] == [False, False, True]
    assert third["old_valid_until"] is None
    for minutes in (-1, 1441, "x"):
        answer = await root.post(path, {"old_valid_minutes": minutes})
        assert faulty_fields(answer) == {"old_valid_minutes"}


async def test_a_deleted_key_ends_at_once(api: Api):
    root = await api.superadmin()
    client = await program(api, root, "sites:read")
    assert await _works(client)
    await root.delete(f"api-keys/{client.user_id}/")
    assert not await _works(client)


async def test_a_key_costs_a_statement_and_one_more_each_minute(
    app: FastAPI, api: Api, clock: SettableClock
):
    root = await api.superadmin()
    client = await program(api, root, "sites:read")
    counts, seen = [], []
    for seconds in (0, 0, 59, 1, 30):
        clock.advance(timedelta(seconds=seconds))
        with statements(app) as sent:
            problem(await client.get("visitors/"), 403, "forbidden")  # counts, too
        counts.append(len(sent))
        key = (await root.get(f"api-keys/{client.user_id}/")).json()
        seen.append((key["last_used_at"][11:], key["last_used_from"]))
    assert counts == [2, 1, 1, 2, 1]
    assert [at for at, _ in seen] == ["08:00:00Z"] * 3 + ["08:01:00Z"] * 2
    assert {address for _, address in seen} == {"127.0.0.1"}


async def test_a_malformed_key_costs_no_statement(app: FastAPI, api: Api):
    with statements(app) as sent:
        assert not await _works(with_secret(api, STRANGE[:-1] + "!"))
    assert sent == []


async def test_a_key_beside_another_credential_is_refused(api: Api):
    root = await api.superadmin()
    client, gate = await program(api, root, "gate:scan"), await add_device(api)
    both = Client(api.http, client.headers | gate.headers, "")
    answer = await both.scan("V1" + "A" * 40)
    assert problem(answer, 401, "not_authenticated")["detail"] == "Send only one credential"
    as_device = Client(api.http, {"X-Device-Key": client.headers["Authorization"][7:]}, "")
    problem(await as_device.scan("V1" + "A" * 40), 401, "not_authenticated")


async def test_what_a_key_registers_names_its_host(api: Api):
    root = await api.superadmin()
    client = await program(api, root, *sorted(KEY_SCOPES), name="Booking tool")
    nobody = VISITOR | {"host_email": None, "host_name": "Charles"}
    group = {"name": "Choir", "visitors": [nobody | {"site": None}]}
    walk_in = {"name": "Ada", "department": None, "host_name": "Charles"}
    assert faulty_fields(await client.post("visitors/", nobody)) == {"host_id"}
    assert (await client.post("visitors/walk-in/", walk_in)).status_code == 422
    del group["visitors"][0]["site"]  # type: ignore[attr-defined] # of a literal
    assert (await client.post("groups/", group)).status_code == 422
    host = await api.host()
    made = await client.register(host_id=host.user_id, host_email=None)
    assert made["host_id"] == host.user_id
    assert made["booked_by"] == "Booking tool"
    assert made["qr_code"].startswith("V1")
    assert made["host_email"] == "charles@example.com"
    [event] = (await root.get(f"visitors/{made['id']}/events/")).json()
    assert (event["actor_role"], event["actor_id"]) == ("key", client.user_id)
    assert event["actor_name"] == "Booking tool"


async def test_visitors_answer_to_the_host_of_what_a_key_booked(api: Api, mailbox: Any):
    root = await api.superadmin()
    client = await program(api, root, "visitors:write")
    await client.register()
    mails = await mailbox.deliver()
    [to_visitor] = [mail for mail in mails if "ada@example.com" in mail["To"]]
    assert "charles@example.com" in to_visitor["Reply-To"]


async def test_a_group_of_a_key_is_nobodys_own(api: Api):
    root = await api.superadmin()
    client = await program(api, root, "groups:write", "visitors:read")
    group = {"name": "Choir", "visit_date": "2026-11-24", "visit_time": "10:00"}
    member = {"name": "Grace", "host_email": "charles@example.com"}
    made = await client.post("groups/", group | {"visitors": [member]})
    assert made.status_code == 201
    path = f"groups/{made.json()['id']}/"
    assert (await client.get(path)).status_code == 200
    assert (await client.patch(path, {"name": "Band"})).json()["name"] == "Band"


async def test_a_key_undoes_its_own_acts_only(api: Api):
    root = await api.superadmin()
    client = await program(api, root, "visitors:write", "visitors:read", "gate:desk")
    own, other = await root.register(), await root.register(email="other@example.com")
    assert (await client.post(f"visitors/{own['id']}/check-in/")).status_code in {200, 409}
    await root.post(f"visitors/{other['id']}/cancel/")
    problem(await client.post(f"visitors/{other['id']}/undo/"), 403, "not_your_act")


async def test_a_key_changes_names_sites_and_gates_of_devices(api: Api, database: Database):
    root, site = await api.superadmin(), await add_site(database)
    other = await add_site(database, name="Other")
    gate = await add_device(api, site=site)
    client = await program(api, root, "devices:write", "devices:read")
    path = f"devices/{gate.user_id}/"
    changed = await client.patch(path, {"name": "South", "gate": "S", "site": other})
    assert (changed.status_code, changed.json()["site"]) == (200, other)
    problem(await client.patch(path, {"kind": "kiosk"}), 403, "forbidden")
    problem(await client.post("devices/", {"name": "New", "kind": "scanner"}), 403, "forbidden")
    problem(await client.post(f"{path}rotate-key/"), 403, "forbidden")
    limited = await program(api, root, "devices:write", sites=[other], name="Limited")
    assert faulty_fields(await limited.patch(path, {"site": site})) == {"site"}


async def test_repeats_are_counted_by_key(api: Api):
    root = await api.superadmin()
    one, two = [await program(api, root, "visitors:write", name=name) for name in ("1", "2")]
    repeat = {"Idempotency-Key": "once"}
    answers = [
        await Client(api.http, client.headers | repeat, "").post("visitors/", VISITOR)
        for client in (one, one, two)
    ]
    ids = [answer.json()["id"] for answer in answers]
    assert ids[0] == ids[1] != ids[2]


async def test_a_key_sees_the_accounts_that_its_maker_manages(api: Api):
    root, admin = await api.superadmin(), await api.admin()
    await api.host()
    for maker, seen in ((root, {"superadmin", "admin", "host"}), (admin, {"host"})):
        client = await program(api, maker, "users:read")
        listed = (await client.get("auth/users/")).json()["items"]
        assert {user["role"] for user in listed} == seen
    assert ROLES[Role.ADMIN].manages >= {Role.HOST}
