"""The sites that an account is limited to: who gives them, and what loses them."""

import asyncio
from typing import Any

import pytest

from app.users.models import Role
from tests.support.api import Api, Client
from tests.support.database import add_site
from tests.support.problems import problem
from tests.support.requests import NOBODY

ADA: dict[str, Any] = {
    "email": "ada@example.com",
    "first_name": "Ada",
    "last_name": "Lovelace",
}
LIMITED = ("admin", "receptionist", "guard")
UNLIMITED = ("superadmin", "host")


class Two:
    """Two sites, a superadmin, and admins with and without a limit."""

    def __init__(self, api: Api, berlin: str, paris: str) -> None:
        self.api, self.berlin, self.paris = api, berlin, paris

    async def local(self) -> Client:
        return await self.api.of_role(Role.ADMIN, self.berlin, email="local@example.com")

    async def at(self, role: Role, *sites: str) -> Client:
        return await self.api.of_role(role, *sites, email=f"{role}-{len(sites)}@example.com")


@pytest.fixture
async def two(api: Api) -> Two:
    names = ("Berlin", "Paris")
    return Two(api, *[await add_site(api.database, name) for name in names])


async def change(caller: Client, user: Client, **fields: Any) -> Any:
    return await caller.patch(f"auth/users/{user.user_id}/", fields)


async def sites_of(caller: Client, user: Client) -> Any:
    return (await caller.get(f"auth/users/{user.user_id}/")).json()["sites"]


@pytest.mark.parametrize("role", LIMITED)
async def test_a_new_account_at_sites_names_them(two: Two, role: str):
    root = await two.api.superadmin()
    problem(await root.post("auth/users/", ADA | {"role": role}), 422, "sites_required")
    none = await root.post("auth/users/", ADA | {"role": role, "sites": []})
    assert problem(none, 422, "sites_required")["errors"][0]["field"] == "sites"
    both = [two.paris, two.berlin, two.paris]
    made = await root.post("auth/users/", ADA | {"role": role, "sites": both})
    assert made.json()["sites"] == sorted({two.paris, two.berlin})
    all_of_them = ADA | {"role": role, "sites": None, "email": "b@example.com"}
    assert (await root.post("auth/users/", all_of_them)).json()["sites"] is None


@pytest.mark.parametrize("role", UNLIMITED)
@pytest.mark.parametrize("sites", [None, [], "berlin"])
async def test_other_roles_take_none(two: Two, role: str, sites: Any):
    root = await two.api.superadmin()
    given = [two.berlin] if sites == "berlin" else sites
    answer = await root.post("auth/users/", ADA | {"role": role, "sites": given})
    problem(answer, 422, "sites_not_for_role")
    host = await two.api.host()
    problem(await change(root, host, sites=given), 422, "sites_not_for_role")
    assert (await root.post("auth/users/", ADA | {"role": role})).json()["sites"] is None


async def test_an_unknown_site_is_named(two: Two):
    root = await two.api.superadmin()
    answer = await root.post("auth/users/", ADA | {"role": "guard", "sites": [NOBODY]})
    assert problem(answer, 422, "invalid")["errors"][0]["field"] == "sites"
    guard = await two.at(Role.GUARD, two.berlin)
    answer = await change(root, guard, sites=[two.berlin, NOBODY], is_active=True)
    assert problem(answer, 422, "invalid")["errors"][0]["field"] == "sites"
    assert await sites_of(root, guard) == [two.berlin]


@pytest.mark.parametrize("role", LIMITED)
async def test_a_change_to_such_a_role_needs_them_in_the_same_request(two: Two, role: str):
    root, host = await two.api.superadmin(), await two.api.host()
    problem(await change(root, host, role=role), 422, "sites_required")
    problem(await change(root, host, role=role, sites=[]), 422, "sites_required")
    changed = await change(root, host, role=role, sites=[two.paris])
    assert (changed.json()["role"], changed.json()["sites"]) == (role, [two.paris])


@pytest.mark.parametrize("role", UNLIMITED)
async def test_a_change_to_another_role_drops_them(two: Two, role: str):
    root, desk = await two.api.superadmin(), await two.at(Role.RECEPTIONIST, two.berlin)
    assert (await change(root, desk, role=role)).json()["sites"] is None
    assert (await desk.get("auth/me/")).json()["sites"] is None


async def test_no_road_leads_from_a_list_to_all_but_null(two: Two):
    root, desk = await two.api.superadmin(), await two.at(Role.RECEPTIONIST, two.berlin)
    problem(await change(root, desk, sites=[]), 422, "sites_required")
    problem(await change(root, desk, role="guard"), 422, "sites_required")
    for fields in ({"first_name": "Eve"}, {"role": "receptionist"}, {"is_active": True}):
        assert (await change(root, desk, **fields)).json()["sites"] == [two.berlin]
    # Not by way of a role that has none, either.
    assert (await change(root, desk, role="host")).status_code == 200
    problem(await change(root, desk, role="receptionist"), 422, "sites_required")
    assert (await change(root, desk, role="guard", sites=None)).json()["sites"] is None


# -- within one's own rights ----------------------------------------------------------------------


@pytest.mark.parametrize("role", ["receptionist", "guard"])
async def test_an_admin_of_some_sites_gives_a_part_of_them(two: Two, role: str):
    local = await two.local()
    for beyond in (None, [two.paris], [two.berlin, two.paris], [NOBODY]):
        answer = await local.post("auth/users/", ADA | {"role": role, "sites": beyond})
        problem(answer, 403, "beyond_your_rights")
    made = await local.post("auth/users/", ADA | {"role": role, "sites": [two.berlin]})
    assert made.status_code == 201
    path = f"auth/users/{made.json()['id']}/"
    for beyond in (None, [two.paris], [NOBODY]):
        problem(await local.patch(path, {"sites": beyond}), 403, "beyond_your_rights")
    problem(await local.patch(path, {"sites": []}), 422, "sites_required")
    other = "guard" if role == "receptionist" else "receptionist"
    changed = await local.patch(path, {"role": other, "sites": [two.berlin]})
    assert changed.json()["role"] == other
    assert (await local.patch(path, {"is_active": False})).status_code == 200


@pytest.mark.parametrize("role", ["admin", "superadmin"])
async def test_no_admin_gives_a_role_of_their_own_rank(two: Two, role: str):
    sites = {"sites": [two.berlin]} if role == "admin" else {}
    host = await two.at(Role.HOST)
    for admin in (await two.local(), await two.api.admin()):
        answer = await admin.post("auth/users/", ADA | {"role": role} | sites)
        problem(answer, 403, "beyond_your_rights")
        problem(await change(admin, host, role=role, **sites), 403, "beyond_your_rights")


async def test_an_admin_without_a_limit_may_give_all_sites(two: Two):
    admin = await two.api.admin()
    made = await admin.post("auth/users/", ADA | {"role": "guard", "sites": None})
    assert made.status_code == 201
    path = f"auth/users/{made.json()['id']}/"
    assert (await admin.patch(path, {"sites": [two.paris]})).json()["sites"] == [two.paris]


async def test_an_account_at_further_sites_is_unknown_to_an_admin(two: Two):
    local = await two.local()
    there = await two.at(Role.GUARD, two.berlin)
    for away in (
        await two.at(Role.RECEPTIONIST, two.berlin, two.paris),
        await two.at(Role.ADMIN, two.berlin),
        await two.at(Role.GUARD),
    ):
        path = f"auth/users/{away.user_id}/"
        for answer in (
            await local.get(path),
            await local.patch(path, {"first_name": "Eve"}),
            await local.delete(path),
            await local.post(f"{path}hand-over/", {"to": there.user_id}),
        ):
            problem(answer, 404, "not_found")
    listed = (await local.get("auth/users/", include_total=True)).json()
    assert ([user["id"] for user in listed["items"]], listed["total"]) == ([there.user_id], 1)


async def test_an_admin_of_some_sites_takes_no_host_over(two: Two, api: Api):
    local, host = await two.local(), await api.host()
    for fields in (
        {"email": "mallory@example.com"},
        {"role": "guard", "sites": [two.berlin]},
        {"role": "receptionist", "sites": [two.berlin], "first_name": "Eve"},
    ):
        problem(await change(local, host, **fields), 403, "beyond_your_rights")
    problem(await local.delete(f"auth/users/{host.user_id}/"), 403, "beyond_your_rights")
    desk = await two.at(Role.RECEPTIONIST, two.berlin)
    problem(await change(local, desk, role="host"), 403, "beyond_your_rights")
    allowed: list[dict[str, Any]] = [
        {"first_name": "Eve"},
        {"email": "charles@example.com"},
        {"is_active": False},
    ]
    for each in allowed:
        assert (await change(local, host, **each)).status_code == 200
    new = ADA | {"role": "host"}
    assert (await local.post("auth/users/", new)).status_code == 201


async def test_an_admin_of_some_sites_reaches_no_host_by_a_delegate(two: Two, api: Api):
    local, host = await two.local(), await api.host()
    desk = await two.at(Role.RECEPTIONIST, two.berlin)
    path = f"auth/users/{desk.user_id}/"
    answer = await local.put(f"{path}delegates/", {"user_ids": [local.user_id]})
    problem(answer, 403, "beyond_your_rights")
    await host.put("auth/me/delegates/", {"user_ids": [desk.user_id]})
    answer = await local.patch(path, {"email": "mine@example.com"})
    problem(answer, 403, "beyond_your_rights")
    assert (await local.patch(path, {"first_name": "Grace"})).status_code == 200


async def test_an_admin_of_some_sites_redirects_no_mail_of_others(two: Two, api: Api):
    local, root = await two.local(), await api.superadmin()
    desk = await two.at(Role.RECEPTIONIST, two.berlin)
    own, other = [
        await root.register(site=site, host_email="nobody@example.com", email=f"{site}@example.com")
        for site in (two.berlin, two.paris)
    ]
    assert (await change(local, desk, email="nobody@example.com")).status_code == 200
    problem(await change(local, desk, email="mine@example.com"), 403, "beyond_your_rights")
    assert (await root.post(f"visitors/{other['id']}/cancel/")).status_code == 200
    assert (await change(local, desk, email="mine@example.com")).status_code == 200
    moved = (await root.get(f"visitors/{own['id']}/")).json()
    assert moved["host_email"] == "mine@example.com"


async def test_an_admin_without_a_limit_gives_a_host_another_address(two: Two, api: Api):
    admin, host = await api.admin(), await api.host()
    assert (await change(admin, host, email="babbage@example.com")).status_code == 200


async def test_an_admin_of_some_sites_hands_over_the_visits_there(two: Two, api: Api):
    local, host, mary = await two.local(), await api.host(), await api.host("mary@x.com", "Mary")
    for site in (two.berlin, two.paris):
        await host.register(site=site)
    done = await local.post(f"auth/users/{host.user_id}/hand-over/", {"to": mary.user_id})
    assert done.json() == {"visits": 1, "left": 0}
    sites = {visit["site"] for visit in (await host.get("visitors/")).json()["items"]}
    assert sites == {two.paris}
    closed = await change(local, host, is_active=False)
    assert closed.json()["upcoming_visits"] == 0


async def test_an_admin_of_some_sites_does_not_choose_the_default(two: Two):
    local, root = await two.local(), await two.api.superadmin()
    path = f"sites/{two.berlin}/"
    assert (await local.patch(path, {"slot_capacity": 7})).json()["slot_capacity"] == 7
    for default in (True, False):
        answer = await local.patch(path, {"is_default": default})
        problem(answer, 403, "beyond_your_rights")
    problem(await local.patch(f"sites/{two.paris}/", {"slot_capacity": 7}), 404, "not_found")
    problem(await local.post("sites/", {"name": "New", "timezone": "UTC"}), 403, "forbidden")
    problem(await local.delete(path), 403, "forbidden")
    assert (await root.patch(path, {"is_default": True})).json()["is_default"] is True


# -- sites that are in use ------------------------------------------------------------------------


async def test_a_site_of_an_account_is_not_deleted(two: Two):
    root, guard = await two.api.superadmin(), await two.at(Role.GUARD, two.paris, two.berlin)
    problem(await root.delete(f"sites/{two.paris}/"), 409, "in_use")
    await change(root, guard, sites=[two.berlin])
    assert (await root.delete(f"sites/{two.paris}/")).status_code == 204
    problem(await root.delete(f"sites/{two.berlin}/"), 409, "in_use")
    await root.delete(f"auth/users/{guard.user_id}/")
    assert (await root.delete(f"sites/{two.berlin}/")).status_code == 204


async def test_a_site_is_given_or_deleted_but_not_both(two: Two):
    root, guard = await two.api.superadmin(), await two.at(Role.GUARD, two.berlin)
    given, deleted = await asyncio.gather(
        change(root, guard, sites=[two.paris]), root.delete(f"sites/{two.paris}/")
    )
    assert (given.status_code, deleted.status_code) in {(200, 409), (422, 204)}
    known = {site["id"] for site in (await root.get("sites/")).json()["items"]}
    assert set(await sites_of(root, guard)) <= known


async def test_a_site_that_stays_is_not_deleted_meanwhile(two: Two):
    root, guard = await two.api.superadmin(), await two.at(Role.GUARD, two.berlin, two.paris)
    given, deleted = await asyncio.gather(
        change(root, guard, sites=[two.berlin]), root.delete(f"sites/{two.berlin}/")
    )
    assert (given.status_code, deleted.status_code) == (200, 409)


async def test_the_profile_says_what_its_owner_may(two: Two, api: Api):
    me = (await (await two.local()).get("auth/me/")).json()
    assert me["sites"] == [two.berlin]
    assert "users:write" in me["permissions"]
    assert "sites:create" not in me["permissions"]
    assert (await (await api.host()).get("auth/me/")).json()["sites"] is None
    changed = await (await api.superadmin()).patch("auth/me/", {"first_name": "Ada"})
    assert "sites:create" in changed.json()["permissions"]
