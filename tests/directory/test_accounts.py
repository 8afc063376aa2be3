"""Which account a sign-in by directory opens, and with which role."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.users.models import Role
from app.users.repository import UserReader
from tests.directory.conftest import Configure
from tests.directory.sign_in import Page, fragment
from tests.support.api import PASSWORD, Api, Client
from tests.support.directory import Directory, Person
from tests.support.forger import Forger
from tests.support.mailbox import Mailbox

NOBODY = "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11"


async def redeemed(page: Page, forger: Forger) -> httpx.Response:
    return await page.redeem(await page.forged(forger))


async def user_of(page: Page, forger: Forger) -> dict[str, Any]:
    answer = await redeemed(page, forger)
    assert answer.status_code == 200, answer.text
    user: dict[str, Any] = answer.json()["user"]
    return user


async def actions(root: Client, user_id: str) -> list[str]:
    answer = await root.get("auth/events/", account=user_id)
    return [event["action"] for event in answer.json()["items"]]


async def test_a_host_is_linked_by_a_verified_address(
    page: Page, forger: Forger, api: Api, mailbox: Mailbox
):
    ada = await api.host("ada@example.com", "Ada")
    assert (await user_of(page, forger))["id"] == ada.user_id
    [mail] = await mailbox.deliver()
    assert mail["Subject"] == "Your account can be opened by your company's sign-in"
    assert mail["To"].endswith("<ada@example.com>")
    # From now on the subject counts, and nobody is mailed again.
    forger.claims = {"email": "other@example.com", "email_verified": False}
    assert (await user_of(page, forger))["id"] == ada.user_id
    assert len(await mailbox.deliver()) == 1
    assert "directory_linked" in await actions(await api.superadmin(), ada.user_id)


async def test_a_link_leaves_the_password_and_the_role(page: Page, forger: Forger, api: Api):
    await api.host("ada@example.com", "Ada")
    await user_of(page, forger)
    body = {"email": "ada@example.com", "password": PASSWORD}
    assert (await api.http.post("/api/auth/login/", json=body)).status_code == 200


async def test_a_linked_account_is_never_linked_to_a_second_subject(page: Page, forger: Forger):
    await user_of(page, forger)
    forger.claims = {"sub": "eve"}
    assert fragment(await page.forged(forger)) == {"error": "already_linked"}


async def test_a_superadmin_unlinks(page: Page, forger: Forger, api: Api):
    root = await api.superadmin()
    answer = (await redeemed(page, forger)).json()
    ada = answer["user"]["id"]
    gone = await root.delete(f"auth/users/{ada}/directory/")
    assert gone.status_code == 204
    me = {"Authorization": f"Bearer {answer['access']}"}
    assert (await api.http.get("/api/auth/me/", headers=me)).status_code == 401
    assert (await root.delete(f"auth/users/{ada}/directory/")).status_code == 404
    assert (await root.delete(f"auth/users/{NOBODY}/directory/")).status_code == 404
    assert "directory_unlinked" in await actions(root, ada)
    forger.claims = {"sub": "eve"}
    assert (await user_of(page, forger))["id"] == ada


async def test_only_superadmins_unlink(api: Api, configure: Configure):
    admin = await api.admin()
    assert (await admin.delete(f"auth/users/{NOBODY}/directory/")).status_code == 403


async def test_unlinking_needs_a_recent_sign_in(api: Api, clock: SettableClock):
    root = await api.superadmin()
    clock.advance(timedelta(minutes=11))
    answer = await root.delete(f"auth/users/{NOBODY}/directory/")
    assert answer.json()["code"] == "reauthentication_required"


async def test_a_closed_account_stays_closed(page: Page, forger: Forger, api: Api):
    root, ada = await api.superadmin(), await api.host("ada@example.com", "Ada")
    await root.patch(f"auth/users/{ada.user_id}/", {"is_active": False})
    assert fragment(await page.forged(forger)) == {"error": "account_disabled"}
    await root.patch(f"auth/users/{ada.user_id}/", {"is_active": True})
    await user_of(page, forger)
    await root.patch(f"auth/users/{ada.user_id}/", {"is_active": False})
    assert fragment(await page.forged(forger)) == {"error": "account_disabled"}


async def test_an_account_closed_before_redeeming_gets_no_session(
    page: Page, forger: Forger, api: Api
):
    root, ada = await api.superadmin(), await api.host("ada@example.com", "Ada")
    await user_of(page, forger)
    address = await page.forged(forger)
    await root.patch(f"auth/users/{ada.user_id}/", {"is_active": False})
    answer = await page.redeem(address)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_code")


async def test_more_than_hosts_need_their_domain_in_the_settings(
    page: Page, forger: Forger, api: Api, configure: Configure
):
    admin = await api.admin("ada@example.com")
    assert fragment(await page.forged(forger)) == {"error": "domain_not_allowed"}
    configure(oidc_domains=["example.com"])
    assert (await user_of(page, forger))["id"] == admin.user_id


async def test_a_superadmin_is_not_linked_without_a_second_factor(
    page: Page, forger: Forger, api: Api, configure: Configure
):
    configure(oidc_domains=["example.com"], oidc_trust_mfa=True)
    await api.superadmin("ada@example.com")
    answer = await redeemed(page, forger)
    assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_missing")


async def test_an_account_that_nobody_has_proven_gives_way(
    page: Page, forger: Forger, configure: Configure
):
    configure(registration="domain", registration_domains=["example.com"])
    body = {"email": "ada@example.com", "first_name": "Mallory", "last_name": "Doe"}
    assert (await page.http.post("/api/auth/register/", json=body)).status_code == 202
    user = await user_of(page, forger)
    assert (user["first_name"], user["last_name"]) == ("Ada", "Lovelace")


async def test_visitors_of_the_address_are_adopted(page: Page, forger: Forger, api: Api):
    admin = await api.admin()
    visitor = await admin.register(host_email="ada@example.com", host_name="Ada")
    user = await user_of(page, forger)
    seen = (await admin.get(f"visitors/{visitor['id']}/")).json()
    assert seen["host_id"] == user["id"]


async def test_of_two_first_sign_ins_one_makes_the_account(page: Page, forger: Forger):
    codes = [await page.forged(forger) for _ in range(3)]
    answers = await asyncio.gather(*(page.redeem(code) for code in codes))
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert len({answer.json()["user"]["id"] for answer in answers}) == 1


async def test_first_links_of_one_person_at_once_are_one(page: Page, forger: Forger, api: Api):
    host = await api.host("ada@example.com", "Ada")
    codes = [await page.forged(forger) for _ in range(3)]
    answers = await asyncio.gather(*(page.redeem(code) for code in codes))
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert {answer.json()["user"]["id"] for answer in answers} == {host.user_id}


async def test_of_two_first_links_one_wins(page: Page, forger: Forger, api: Api):
    await api.host("ada@example.com", "Ada")
    codes = [await page.forged(forger)]
    forger.claims = {"sub": "eve"}
    codes.append(await page.forged(forger))
    answers = await asyncio.gather(*(page.redeem(code) for code in codes))
    assert sorted(answer.status_code for answer in answers) == [200, 401]


# Roles


@pytest.fixture
async def sites(api: Api) -> dict[str, str]:
    """Return the ids of two sites by their names, of which each may be renamed."""
    root = await api.superadmin()
    for name in ("Berlin", "Hamburg"):
        answer = await root.post("sites/", {"name": name, "timezone": "Europe/Berlin"})
        assert answer.status_code == 201, answer.text
    listed = (await root.get("sites/")).json()["items"]
    return {site["name"]: site["id"] for site in listed}


async def stored(database: Database, user_id: str) -> tuple[Role, set[str] | None]:
    async with database.read() as session:
        user = await UserReader(session).get(UUID(user_id))
    assert user is not None
    return user.role, None if user.sites is None else {str(site) for site in user.sites}


async def test_groups_give_the_highest_role_with_all_its_sites(
    page: Page, forger: Forger, configure: Configure, database: Database, sites: dict[str, str]
):
    configure(
        oidc_role_map={
            "doors": {"role": "guard", "sites": ["Berlin"]},
            "desk": {"role": "receptionist", "sites": ["Berlin"]},
            "north": {"role": "receptionist", "sites": [sites["Hamburg"], "Nowhere"]},
        }
    )
    forger.claims = {"groups": ["doors", "desk", "north", "unknown", 7]}
    user = await user_of(page, forger)
    assert user["role"] == "receptionist"
    both = {sites["Berlin"], sites["Hamburg"]}
    assert await stored(database, user["id"]) == (Role.RECEPTIONIST, both)


@pytest.mark.parametrize(
    ("grant", "role"),
    [("superadmin", Role.SUPERADMIN), ({"role": "admin", "sites": "*"}, Role.ADMIN)],
)
async def test_some_rights_have_no_limit(
    page: Page, forger: Forger, configure: Configure, database: Database, grant: Any, role: Role
):
    configure(oidc_role_map={"it": grant})
    forger.claims = {"groups": "it"}
    user = await user_of(page, forger)
    assert await stored(database, user["id"]) == (role, None)


async def test_a_group_of_which_no_site_is_left_makes_a_host(
    page: Page, forger: Forger, configure: Configure
):
    configure(oidc_role_map={"desk": {"role": "receptionist", "sites": ["Nowhere"]}})
    forger.claims = {"groups": ["desk"]}
    assert (await user_of(page, forger))["role"] == "host"


async def test_groups_may_lie_deeper(page: Page, forger: Forger, configure: Configure):
    configure(oidc_role_claim="realm_access.roles", oidc_role_map={"it": "superadmin"})
    forger.claims = {"realm_access": {"roles": ["it"]}}
    assert (await user_of(page, forger))["role"] == "superadmin"


async def test_groups_come_from_userinfo_where_the_token_has_none(
    page: Page, forger: Forger, configure: Configure
):
    configure(oidc_role_map={"desk": {"role": "receptionist", "sites": "*"}})
    forger.userinfo = {"sub": "ada", "groups": ["desk"]}
    assert (await user_of(page, forger))["role"] == "receptionist"


async def test_a_role_of_the_directory_follows_it_in_open_sessions(
    page: Page,
    person: Person,
    directory: Directory,
    configure: Configure,
    api: Api,
):
    configure(oidc_role_map={"desk": {"role": "admin", "sites": "*"}})
    who = {"email": "ada@example.com", "email_verified": True}
    directory.add("ada", groups=["desk"], **who)
    first = await page.signed_in(person)
    assert first["user"]["role"] == "admin"
    directory.add("ada", groups=[], **who)
    assert (await page.signed_in(person))["user"]["role"] == "host"
    open_session = {"Authorization": f"Bearer {first['access']}"}
    assert (await api.http.get("/api/auth/users/", headers=open_session)).status_code == 403
    root = await api.superadmin()
    assert "role_followed" in await actions(root, first["user"]["id"])
    directory.add("ada", groups=["desk"], **who)
    assert (await page.signed_in(person))["user"]["role"] == "admin"


async def test_a_role_that_staff_set_is_left_alone(
    page: Page, forger: Forger, configure: Configure, api: Api
):
    configure(oidc_role_map={"it": "superadmin"}, oidc_domains=["example.com"])
    root = await api.superadmin()
    forger.claims = {"groups": ["it"]}
    user = await user_of(page, forger)
    changed = await root.patch(f"auth/users/{user['id']}/", {"role": "host"})
    assert changed.status_code == 200, changed.text
    assert (await user_of(page, forger))["role"] == "host"


async def test_a_role_of_before_the_link_is_left_alone(
    page: Page, forger: Forger, configure: Configure, api: Api
):
    configure(oidc_role_map={"it": "superadmin"})
    await api.host("ada@example.com", "Ada")
    forger.claims = {"groups": ["it"]}
    await user_of(page, forger)
    assert (await user_of(page, forger))["role"] == "host"


async def test_the_last_superadmin_keeps_the_role(
    page: Page, forger: Forger, configure: Configure, api: Api
):
    configure(oidc_role_map={"it": "superadmin"})
    forger.claims = {"groups": ["it"]}
    await user_of(page, forger)
    forger.claims = {"groups": []}
    assert (await user_of(page, forger))["role"] == "superadmin"
    await api.superadmin()
    assert (await user_of(page, forger))["role"] == "host"


@pytest.mark.parametrize("left_out", [{"_claim_names": {"groups": "src1"}}, {"hasgroups": True}])
async def test_groups_that_do_not_fit_into_a_token_take_no_role(
    page: Page, forger: Forger, configure: Configure, left_out: dict[str, Any]
):
    configure(oidc_role_map={"desk": {"role": "receptionist", "sites": "*"}})
    forger.claims = {"groups": ["desk"]}
    await user_of(page, forger)
    forger.claims = left_out
    assert (await user_of(page, forger))["role"] == "receptionist"
