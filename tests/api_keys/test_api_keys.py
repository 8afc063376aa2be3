"""`/api/api-keys/`: the record."""

from datetime import timedelta
from typing import Any

import pytest

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.db.rollout import Rollout
from app.core.security.random_secrets import stored_hash
from app.users.models import Role
from app.users.roles import KEY_SCOPES, Permission
from tests.api_keys.keys import DOOR, make, program, with_secret
from tests.support.api import Api, app_of
from tests.support.database import add_site, deactivate, places_holding
from tests.support.problems import faulty_fields, problem

NOWHERE = "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11"


async def test_a_new_key_is_answered_as_the_contract_says(api: Api):
    root = await api.superadmin()
    answer = await root.post("api-keys/", DOOR)
    key = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/api-keys/{key['id']}/"
    assert key.pop("key").startswith("vmsk_")
    assert key == DOOR | {
        "id": key["id"],
        "status": "active",
        "allowed_networks": None,
        "expires_at": "2027-11-23T08:00:00Z",
        "old_valid_until": None,
        "last_used_at": None,
        "last_used_from": None,
        "created_at": "2026-11-23T08:00:00Z",
        "created_by": {"id": root.user_id, "name": "Super Admin"},
    }


async def test_the_secret_is_shown_once_and_stored_nowhere(api: Api, database: Database):
    root = await api.superadmin()
    key = await make(root)
    secret = key.pop("key")
    assert (await root.get(f"api-keys/{key['id']}/")).json() == key
    assert (await root.get("api-keys/")).json()["items"] == [key]
    assert await places_holding(database, secret) == set()
    assert await places_holding(database, stored_hash(secret).hex()) == {"api_keys.key_hash"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", None),
        ("scopes", []),
        ("scopes", None),
        ("scopes", ["gate:open"]),
        ("scopes", "gate:scan"),
        ("sites", "1"),
        ("expires_at", "2026-11-23T08:00:00Z"),
        ("expires_at", "2028-11-23T08:00:01Z"),
        ("expires_at", "2027-01-01T00:00:00"),
        ("allowed_networks", ["here"]),
        ("allowed_networks", ["192.0.2.1/24"]),
        ("allowed_networks", ["fe80::1%eth0"]),
        ("allowed_networks", ["0.0.0.0/0"] * 51),
        ("key", "vmsk_mine"),
        ("last_used_at", None),
    ],
)
async def test_a_wrong_field_is_422_and_named(api: Api, field: str, value: Any):
    root = await api.superadmin()
    key = await make(root)
    answers = (
        await root.post("api-keys/", DOOR | {field: value}),
        await root.patch(f"api-keys/{key['id']}/", {field: value}),
    )
    for answer in answers:
        named = {name.partition(".")[0] for name in faulty_fields(answer)}
        assert named == {field}
    assert len((await root.get("api-keys/")).json()["items"]) == 1


async def test_four_permissions_are_no_scopes(api: Api):
    root = await api.superadmin()
    assert set(Permission) - KEY_SCOPES == {
        *("users:write", "sessions:end", "keys:write", "webhooks:write")
    }
    for word in set(Permission) - KEY_SCOPES:
        answer = await root.post("api-keys/", DOOR | {"scopes": ["gate:scan", word]})
        problem(answer, 422, "scope_not_for_keys")
    assert (await root.post("api-keys/", DOOR | {"scopes": sorted(KEY_SCOPES)})).status_code == 201


async def test_sites_are_named_and_known(api: Api, database: Database):
    root, site = await api.superadmin(), await add_site(database)
    without = {name: value for name, value in DOOR.items() if name != "sites"}
    problem(await root.post("api-keys/", without), 422, "sites_required")
    problem(await root.post("api-keys/", DOOR | {"sites": []}), 422, "sites_required")
    assert faulty_fields(await root.post("api-keys/", DOOR | {"sites": [NOWHERE]})) == {"sites"}
    key = await make(root, sites=[site, site])
    assert key["sites"] == [site]
    path = f"api-keys/{key['id']}/"
    assert faulty_fields(await root.patch(path, {"sites": [NOWHERE]})) == {"sites"}
    problem(await root.delete(f"sites/{site}/"), 409, "in_use")
    assert (await root.patch(path, {"sites": None})).json()["sites"] is None
    assert (await root.delete(f"sites/{site}/")).status_code == 204


async def test_networks_are_kept_in_their_usual_form(api: Api):
    root = await api.superadmin()
    given = ["192.0.2.7", "2001:DB8::/32", "::ffff:198.51.100.0/120", "192.0.2.7/32"]
    key = await make(root, allowed_networks=given)
    kept = ["192.0.2.7/32", "2001:db8::/32", "198.51.100.0/24"]
    assert key["allowed_networks"] == kept
    cleared = await root.patch(f"api-keys/{key['id']}/", {"allowed_networks": []})
    assert cleared.json()["allowed_networks"] is None


async def test_a_change_touches_what_is_sent_alone(api: Api):
    root = await api.superadmin()
    key = await make(root)
    del key["key"]
    path = f"api-keys/{key['id']}/"
    changes = {"name": "Loader", "scopes": ["visitors:read", "sites:read", "sites:read"]}
    changed = (await root.patch(path, changes)).json()
    assert changed == key | {"name": "Loader", "scopes": ["visitors:read", "sites:read"]}
    later = {"expires_at": "2028-11-23T08:00:00Z"}
    assert (await root.patch(path, later)).json() == changed | later


async def test_a_scoped_admin_gives_a_part_of_their_own(api: Api, database: Database):
    own, other = await add_site(database, name="Own"), await add_site(database, name="Other")
    root, admin = await api.superadmin(), await api.of_role(Role.ADMIN, own)
    for sites in (None, [other], [own, other], [NOWHERE]):
        answer = await admin.post("api-keys/", DOOR | {"sites": sites})
        problem(answer, 403, "beyond_your_rights")
    answer = await admin.post("api-keys/", DOOR | {"sites": [own], "scopes": ["sites:create"]})
    problem(answer, 403, "beyond_your_rights")
    key = await make(admin, sites=[own])
    path = f"api-keys/{key['id']}/"
    problem(await admin.patch(path, {"sites": None}), 403, "beyond_your_rights")
    problem(await admin.patch(path, {"scopes": ["sites:create"]}), 403, "beyond_your_rights")
    for foreign in (await make(root), await make(root, sites=[own, other])):
        for method in ("GET", "PATCH", "DELETE"):
            answer = await admin.request(method, f"api-keys/{foreign['id']}/", json={})
            problem(answer, 404, "not_found")
        problem(await admin.post(f"api-keys/{foreign['id']}/rotate/"), 404, "not_found")
    listed = (await admin.get("api-keys/", include_total=True)).json()
    assert ([each["id"] for each in listed["items"]], listed["total"]) == ([key["id"]], 1)


async def test_nobody_takes_a_key_that_may_do_more(api: Api):
    root, admin = await api.superadmin(), await api.admin()
    for scopes in (["sites:create"], ["users:read"]):  # superadmins see more accounts
        path = f"api-keys/{(await make(root, scopes=scopes))['id']}/"
        problem(await admin.post(f"{path}rotate/"), 403, "beyond_your_rights")
        problem(await admin.patch(path, {"name": "Mine"}), 403, "beyond_your_rights")
        assert (await admin.delete(path)).status_code == 204
    own = f"api-keys/{(await make(admin))['id']}/"
    assert (await root.post(f"{own}rotate/")).status_code == 200


async def test_keys_are_for_superadmins_and_admins(api: Api):
    for role in (Role.RECEPTIONIST, Role.GUARD, Role.HOST):
        person = await api.of_role(role)
        problem(await person.post("api-keys/", DOOR), 403, "forbidden")
        problem(await person.get("api-keys/"), 403, "forbidden")


async def test_making_changing_and_rotating_need_a_recent_sign_in(api: Api, clock: SettableClock):
    root = await api.superadmin()
    path = f"api-keys/{(await make(root))['id']}/"
    clock.advance(timedelta(minutes=10))
    for answer in (
        await root.post("api-keys/", DOOR),
        await root.patch(path, {"name": "x"}),
        await root.post(f"{path}rotate/"),
    ):
        problem(answer, 403, "reauthentication_required")
    assert (await root.get(path)).status_code == 200
    assert (await root.delete(path)).status_code == 204


async def test_a_key_outlives_the_account_of_its_maker(api: Api, database: Database):
    root, admin = await api.superadmin(), await api.admin()
    key = await make(admin)
    path, client = f"api-keys/{key['id']}/", with_secret(api, key["key"])
    await deactivate(database, admin.user_id)
    assert (await root.get(path)).json()["status"] == "disabled"
    problem(await client.scan("V1" + "A" * 40), 401, "not_authenticated")
    assert (await root.delete(f"auth/users/{admin.user_id}/")).status_code == 200
    left = (await root.get(path)).json()
    assert (left["status"], left["created_by"]) == ("disabled", None)
    assert "Desk" not in str(left)
    problem(await client.scan("V1" + "A" * 40), 401, "not_authenticated")


async def test_no_key_is_made_while_the_update_is_under_way(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(app_of(api).state.database, "rollout_is_finished", False)
    async with database.write() as unit:
        unit.add(Rollout(revision="next", finished_at=None))
    root = await api.superadmin()
    problem(await root.post("api-keys/", DOOR), 503, "update_under_way")


async def test_a_key_makes_no_key(api: Api):
    root = await api.superadmin()
    client = await program(api, root, *sorted(KEY_SCOPES))
    for answer in (
        await client.post("api-keys/", DOOR),
        await client.get("api-keys/"),
        await client.post(f"api-keys/{client.user_id}/rotate/"),
        await client.delete(f"api-keys/{client.user_id}/"),
    ):
        problem(answer, 403, "forbidden")
