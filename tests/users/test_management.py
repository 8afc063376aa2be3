"""Management of accounts by staff."""

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.auth.links import newest_token
from tests.support.api import PASSWORD, Api, Client
from tests.support.database import places_holding
from tests.support.mailbox import Mailbox
from tests.support.problems import faulty_fields, problem

ADA: dict[str, Any] = {
    "email": "ada@example.com",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "role": "host",
}
NOBODY = "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11"


async def create(caller: Client, **fields: Any) -> httpx.Response:
    return await caller.post("auth/users/", ADA | fields)


async def made(caller: Client, **fields: Any) -> str:
    answer = await create(caller, **fields)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def login(api: Api, email: str = "ada@example.com", password: str = PASSWORD):
    return await api.http.post("/api/auth/login/", json={"email": email, "password": password})


async def accept(
    api: Api, mailbox: Mailbox, email: str = "ada@example.com"
) -> tuple[httpx.Response, dict[str, str]]:
    """Set the password of a new account with the mailed link."""
    token = await newest_token(mailbox, "accept-invitation", email)
    body = {"token": token, "password": PASSWORD}
    return await api.http.post("/api/auth/accept-invitation/", json=body), body


async def emails(caller: Client, **params: Any) -> list[str]:
    answer = await caller.get("auth/users/", **params)
    assert answer.status_code == 200, answer.text
    return [user["email"] for user in answer.json()["items"]]


async def test_staff_makes_an_account(api: Api):
    answer = await create(await api.superadmin(), role="admin", sites=None)
    assert answer.status_code == 201
    user = answer.json()
    assert answer.headers["Location"] == f"/api/auth/users/{user['id']}/"
    shown = {"id", "email", "first_name", "last_name", "phone", "role", "is_active", "sites"}
    assert user.keys() == shown | {"created_at", "updated_at"}
    assert (user["role"], user["is_active"]) == ("admin", True)


async def test_the_mailed_link_sets_the_password_once(api: Api, mailbox: Mailbox):
    await create(await api.admin())
    answer, body = await accept(api, mailbox)
    assert answer.status_code == 204
    assert (await login(api)).status_code == 200
    problem(await api.http.post("/api/auth/accept-invitation/", json=body), 422, "invalid_link")


async def test_that_mail_is_about_a_new_account(api: Api, mailbox: Mailbox):
    await create(await api.admin())
    await api.http.post("/api/auth/forgot-password/", json={"email": "ada@example.com"})
    subjects = [mail["Subject"] for mail in await mailbox.deliver()]
    assert sorted(subjects) == ["Reset your password", "Your account is ready"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "no address"),
        ("email", "ad\u0600a@example.com"),
        ("email", None),
        ("role", "root"),
        ("role", None),
        ("first_name", ""),
        ("password", PASSWORD),
        ("is_active", False),
        ("id", NOBODY),
        ("password_hash", "x"),
        ("awaits_verification", False),
        ("created_at", "2026-01-01T00:00:00Z"),
    ],
)
async def test_what_is_not_right_is_refused(api: Api, field: str, value: object):
    answer = await create(await api.superadmin(), **{field: value})
    assert faulty_fields(answer) == {field}


async def test_an_account_has_a_phone_which_its_user_may_change(api: Api):
    admin, host = await api.admin(), await api.host()
    path = f"auth/users/{host.user_id}/"
    assert (await admin.patch(path, {"phone": " +49 30 1 "})).json()["phone"] == "+49 30 1"
    answer = await host.patch("auth/me/", {"first_name": "Carl"})
    assert answer.json()["phone"] == "+49 30 1"
    assert (await host.patch("auth/me/", {"phone": None})).json()["phone"] is None
    assert faulty_fields(await host.patch("auth/me/", {"phone": "call me"})) == {"phone"}
    assert (await admin.get(path)).json()["phone"] is None


async def test_an_address_has_one_account(api: Api):
    admin = await api.admin()
    await made(admin)
    problem(await create(admin, email="\uff21DA@example.com"), 409, "email_taken")


async def test_of_many_at_once_one_is_made(api: Api):
    admin = await api.admin()
    answers = await asyncio.gather(*(create(admin) for _ in range(4)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 3}


@pytest.mark.parametrize("role", ["admin", "superadmin"])
async def test_an_admin_makes_nobody_who_may_as_much(api: Api, role: str):
    admin, host = await api.admin(), await api.host()
    problem(await create(admin, role=role), 403, "beyond_your_rights")
    answer = await admin.patch(f"auth/users/{host.user_id}/", {"role": role})
    problem(answer, 403, "beyond_your_rights")
    assert (await host.get("auth/me/")).json()["role"] == "host"


async def test_other_accounts_are_not_there_for_an_admin(api: Api):
    admin, root, colleague = await api.admin(), await api.superadmin(), await api.admin("b@x.com")
    host = await api.host()
    assert await emails(admin) == ["charles@example.com"]
    assert await emails(admin, role="superadmin") == []
    assert (await admin.get("auth/users/", include_total=True)).json()["total"] == 1
    assert (await admin.get(f"auth/users/{host.user_id}/")).status_code == 200
    for user_id in (root.user_id, colleague.user_id, admin.user_id, NOBODY):
        path = f"auth/users/{user_id}/"
        problem(await admin.get(path), 404, "not_found")
        problem(await admin.patch(path, {"is_active": False}), 404, "not_found")
        problem(await admin.delete(path), 404, "not_found")


async def test_hosts_and_strangers_manage_nobody(api: Api):
    host = await api.host()
    path = f"auth/users/{host.user_id}/"
    for answer in (
        await host.get("auth/users/"),
        await create(host),
        await host.get(path),
        await host.patch(path, {"role": "superadmin"}),
        await host.delete(path),
    ):
        problem(answer, 403, "forbidden")
    problem(await api.http.get("/api/auth/users/"), 401, "not_authenticated")
    problem(await api.http.post("/api/auth/users/", json=ADA), 401, "not_authenticated")


async def test_a_superadmin_sees_all_newest_first_page_by_page(api: Api):
    root = await api.superadmin()
    for number in range(4):
        await made(root, email=f"ada{number}@example.com")
    assert await emails(root) == [
        *(f"ada{number}@example.com" for number in (3, 2, 1, 0)),
        "root@example.com",
    ]
    seen, cursor = [], None
    while True:
        params = {"limit": 2, "include_total": True} | ({"cursor": cursor} if cursor else {})
        page = (await root.get("auth/users/", **params)).json()
        assert page["total"] == 5
        seen += [user["email"] for user in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == await emails(root)


async def test_a_list_is_narrowed(api: Api):
    root = await api.superadmin()
    ada = await made(root)
    await made(root, email="grace_h@example.com", first_name="Grace", last_name="Hopper")
    await root.patch(f"auth/users/{ada}/", {"is_active": False})
    assert await emails(root, role="superadmin") == ["root@example.com"]
    assert await emails(root, is_active="false") == ["ada@example.com"]
    for q in ("gra", "GRACE H", "hop", "grace_", "\uff27race_h@"):
        assert await emails(root, q=q) == ["grace_h@example.com"], q
    for q in ("race", "%", "_", "grace%", "\\", "' OR 1=1"):
        assert await emails(root, q=q) == [], q


async def test_a_list_is_searched_without_regard_to_accents(api: Api):
    root = await api.superadmin()
    await made(root, email="j@example.com", first_name="Jürgen", last_name="Żółć")
    for q in ("jurgen", "JUERGEN Z", "jür", "zolc", "żoł"):
        assert await emails(root, q=q) == ["j@example.com"], q
    assert await emails(root, q="olc") == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("role", "root"), ("is_active", "x"), ("q", "a\0b"), ("limit", "-1"), ("password", "x")],
)
async def test_a_filter_that_makes_no_sense_is_422(api: Api, name: str, value: str):
    root = await api.superadmin()
    assert faulty_fields(await root.get("auth/users/", **{name: value})) == {name}


async def test_a_tampered_cursor_is_400(api: Api):
    root = await api.superadmin()
    await made(root)
    cursor = (await root.get("auth/users/", limit=1)).json()["next_cursor"]
    other = "B" if cursor.startswith("A") else "A"
    for bad in (cursor[:-1], cursor + "A", other + cursor[1:], "x", cursor.swapcase()):
        problem(await root.get("auth/users/", cursor=bad), 400, "invalid_cursor")


async def test_fields_are_changed_one_by_one(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    path = f"auth/users/{await made(admin)}/"
    await accept(api, mailbox)
    answer = await admin.patch(path, {"first_name": "Augusta"})
    assert (answer.json()["first_name"], answer.json()["last_name"]) == ("Augusta", "Lovelace")
    await admin.patch(path, {"email": "Augusta@Example.com"})
    assert (await admin.get(path)).json()["email"] == "Augusta@example.com"
    problem(await login(api), 401, "invalid_credentials")
    assert (await login(api, "augusta@example.com")).status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("password", "another fine password"),
        ("password_hash", "x"),
        ("email_key", "x"),
        ("awaits_verification", True),
        ("id", NOBODY),
        ("role", None),
        ("role", "root"),
        ("is_active", None),
        ("email", None),
        ("email", "x"),
        ("first_name", None),
    ],
)
async def test_nothing_else_can_be_changed(api: Api, field: str, value: object):
    root = await api.superadmin()
    path = f"auth/users/{await made(root)}/"
    before = (await root.get(path)).json()
    assert faulty_fields(await root.patch(path, {field: value})) == {field}
    assert (await root.get(path)).json() == before


async def test_an_address_that_is_taken_can_not_be_had(api: Api):
    admin = await api.admin()
    user_id = await made(admin)
    answer = await admin.patch(f"auth/users/{user_id}/", {"email": "DESK@example.com"})
    problem(answer, 409, "email_taken")
    answer = await admin.patch(
        f"auth/users/{user_id}/", {"email": "DESK@example.com", "is_active": False}
    )
    problem(answer, 409, "email_taken")


async def test_a_new_role_counts_at_once(api: Api):
    root, admin = await api.superadmin(), await api.admin()
    await root.patch(f"auth/users/{admin.user_id}/", {"role": "host"})
    problem(await admin.get("auth/users/"), 403, "forbidden")
    assert (await admin.get("auth/me/")).json()["role"] == "host"


async def test_a_deactivated_account_is_out_and_stays_out(api: Api):
    root, host = await api.superadmin(), await api.host()
    tokens = (await login(api, "charles@example.com")).json()
    path = f"auth/users/{host.user_id}/"
    assert (await root.patch(path, {"is_active": False})).json()["is_active"] is False
    problem(await host.get("auth/me/"), 401, "not_authenticated")
    problem(await login(api, "charles@example.com"), 401, "invalid_credentials")
    await root.patch(path, {"is_active": True})
    problem(await host.get("auth/me/"), 401, "not_authenticated")
    answer = await api.http.post("/api/auth/token/refresh/", json={"refresh": tokens["refresh"]})
    problem(answer, 401, "invalid_token")
    assert (await login(api, "charles@example.com")).status_code == 200


async def test_a_new_address_ends_the_link_to_the_old_one(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    user_id = await made(admin)
    token = await newest_token(mailbox, "accept-invitation", "ada@example.com")
    await admin.patch(f"auth/users/{user_id}/", {"email": "augusta@example.com"})
    body = {"token": token, "password": PASSWORD}
    answer = await api.http.post("/api/auth/accept-invitation/", json=body)
    problem(answer, 422, "invalid_link")


async def test_a_deleted_account_is_gone_and_its_visitors_stay(api: Api):
    admin, host = await api.admin(), await api.host()
    visitor = await host.register()
    path = f"auth/users/{host.user_id}/"
    answer = await admin.delete(path)
    assert (answer.status_code, answer.json()) == (200, {"upcoming_visits": 1})
    problem(await admin.get(path), 404, "not_found")
    problem(await admin.delete(path), 404, "not_found")
    problem(await host.get("auth/me/"), 401, "not_authenticated")
    problem(await login(api, "charles@example.com"), 401, "invalid_credentials")
    kept = (await admin.get(f"visitors/{visitor['id']}/")).json()
    assert (kept["host_name"], kept["host_email"]) == ("Charles Babbage", "charles@example.com")
    places = await places_holding(api.database, host.user_id)
    # An entry, and its event, keep who acted, on whom, and whose visit it was.
    assert places <= {f"audit_entries.{each}_id" for each in ("actor", "subject", "host")}
    assert "users.email" not in await places_holding(api.database, "charles@example.com")


async def test_a_host_gets_the_visitors_that_waited_for_them(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    theirs = await admin.register(host_email="ADA@example.com", email="a@example.com")
    other = await admin.register(host_email="ada@example.org", email="b@example.com")
    user_id = await made(admin)
    await accept(api, mailbox)
    host = await api.sign_in("ada@example.com", user_id)
    assert (await host.get(f"visitors/{theirs['id']}/")).status_code == 200
    problem(await host.get(f"visitors/{other['id']}/"), 404, "not_found")


async def test_nobody_gets_the_visitors_of_another(api: Api, mailbox: Mailbox):
    admin, charles = await api.admin(), await api.host()
    visitor = await charles.register()
    await admin.patch(f"auth/users/{charles.user_id}/", {"email": "babbage@example.com"})
    user_id = await made(admin, email="charles@example.com")
    await accept(api, mailbox, "charles@example.com")
    successor = await api.sign_in("charles@example.com", user_id)
    problem(await successor.get(f"visitors/{visitor['id']}/"), 404, "not_found")
    assert (await charles.get(f"visitors/{visitor['id']}/")).status_code == 200
