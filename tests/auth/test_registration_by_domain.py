"""`REGISTRATION=domain`: an account belongs to the reader of the mail, not to the requester."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from app.auth.jobs import purge_sign_ins
from app.core.clock import SettableClock, SystemClock
from app.users.models import User
from app.users.repository import UserRepository
from tests.auth.conftest import StartApp
from tests.auth.links import newest_token
from tests.support.api import PASSWORD, Api
from tests.support.database import all_mails
from tests.support.mailbox import Mailbox
from tests.support.problems import faulty_fields, problem

BOSS = "boss@corp.example"
ASKED: dict[str, Any] = {"email": BOSS, "first_name": "Mallory", "last_name": "Typed"}


@pytest.fixture
async def api(start: StartApp) -> Api:
    return await start(registration="domain", registration_domains=["corp.example"])


async def register(api: Api, **fields: Any) -> httpx.Response:
    return await api.http.post("/api/auth/register/", json=ASKED | fields)


async def accept(api: Api, token: str, password: str = PASSWORD, **names: str) -> httpx.Response:
    body = {"token": token, "password": password, **names}
    return await api.http.post("/api/auth/accept-invitation/", json=body)


async def login(api: Api, password: str = PASSWORD, email: str = BOSS) -> httpx.Response:
    return await api.http.post("/api/auth/login/", json={"email": email, "password": password})


async def invited(mailbox: Mailbox, email: str = BOSS) -> str:
    return await newest_token(mailbox, "accept-invitation", email)


async def test_whoever_asks_sets_no_password(api: Api):
    answer = await register(api, password="mallory knows this one")
    assert faulty_fields(answer) == {"password"}
    assert await all_mails(api.database) == []
    assert (await register(api)).status_code == 202
    problem(await login(api, "mallory knows this one"), 401, "invalid_credentials")


async def test_the_mailed_link_sets_the_password_once(api: Api, mailbox: Mailbox):
    assert (await register(api)).status_code == 202
    token = await invited(mailbox)
    answer = await accept(api, token)
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await login(api)).json()["user"]["role"] == "host"
    problem(await accept(api, token, "another fine password"), 422, "invalid_link")
    assert (await login(api)).status_code == 200


async def test_of_many_uses_at_once_one_counts(api: Api, mailbox: Mailbox):
    await register(api)
    token = await invited(mailbox)
    answers = await asyncio.gather(*(accept(api, token) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [204, 422, 422]


async def test_a_taken_address_is_answered_alike(api: Api, mailbox: Mailbox):
    await api.host(BOSS)
    closed = await api.host("closed@corp.example")
    root = await api.superadmin()
    await root.patch(f"auth/users/{closed.user_id}/", {"is_active": False})
    answers = [
        await register(api, email=email)
        for email in (BOSS, "closed@corp.example", "new@corp.example", "new@corp.example")
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(202, b"null")}
    assert {name for answer in answers for name in answer.headers} == set(answers[0].headers)
    assert (await login(api)).json()["user"]["first_name"] == "Charles"
    await newest_token(mailbox, "reset-password", BOSS)
    told = [mail["To"] for mail in await mailbox.deliver()]
    assert not [to for to in told if "closed@" in to]


async def test_of_many_at_once_one_account_is_made(api: Api):
    answers = await asyncio.gather(*(register(api) for _ in range(3)))
    assert {answer.status_code for answer in answers} == {202}
    async with api.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(User)) == 1


async def test_names_are_shown_to_nobody_before(api: Api, mailbox: Mailbox):
    root = await api.superadmin()
    await register(api)
    for mail in await mailbox.deliver():
        assert "Mallory" not in mail.as_string()
        assert "Typed" not in mail.as_string()
    [listed, _] = (await root.get("auth/users/")).json()["items"]
    assert (listed["email"], listed["first_name"], listed["last_name"]) == (BOSS, "", "")
    assert (await root.get(f"auth/users/{listed['id']}/")).json()["first_name"] == ""
    for q in ("mallory", "typed", "mallory t"):
        assert (await root.get("auth/users/", q=q)).json()["items"] == []
    assert "Mallory" not in (await root.get("visitors/hosts/")).text
    assert "Mallory" not in (await root.get("auth/events/")).text


async def test_the_owner_chooses_the_names(api: Api, mailbox: Mailbox):
    await register(api)
    await accept(api, await invited(mailbox), first_name="Grace")
    user = (await login(api)).json()["user"]
    assert (user["first_name"], user["last_name"]) == ("Grace", "Typed")


async def test_a_name_that_looks_taken_leaves_the_link_good(api: Api, mailbox: Mailbox):
    await api.host(first_name="Cocco")
    await register(api, first_name="\u0421\u043e\u0441\u0441\u043e", last_name="Babbage")
    token = await invited(mailbox)
    problem(await accept(api, token), 409, "name_looks_taken")
    assert (await accept(api, token, first_name="Grace")).status_code == 204


async def test_a_weak_password_leaves_the_link_good(api: Api, mailbox: Mailbox):
    await register(api)
    token = await invited(mailbox)
    for weak in ("short", "password", BOSS):
        assert faulty_fields(await accept(api, token, weak)) == {"password"}
    assert (await accept(api, token)).status_code == 204


async def test_a_link_expires_after_a_day(api: Api, mailbox: Mailbox, clock: SettableClock):
    await register(api)
    token = await invited(mailbox)
    clock.advance(timedelta(days=1))
    problem(await accept(api, token), 422, "invalid_link")


@pytest.mark.parametrize("token", ["x", "é", "\0", "' OR 1=1", "x" * 2000])
async def test_a_made_up_link_is_refused(api: Api, token: str):
    problem(await accept(api, token), 422, "invalid_link")
    answer = await api.http.post("/api/auth/verify-email/", json={"token": token})
    problem(answer, 422, "invalid_link")


async def test_using_one_of_several_links_ends_them_all(api: Api, mailbox: Mailbox):
    await register(api)
    first = await invited(mailbox)
    await api.http.post("/api/auth/forgot-password/", json={"email": BOSS})
    last = await invited(mailbox)
    assert (await accept(api, first)).status_code == 204
    problem(await accept(api, last), 422, "invalid_link")


LOOKS_LIKE_BOSS = BOSS.replace("boss", "bos\uff53")  # a full-width s


async def add_unproven(api: Api, email: str) -> None:
    """Add an account as the previous release let strangers make it."""
    async with api.database.write() as unit:
        assert await UserRepository(unit).add_unproven(email, "", "", SystemClock().now())


@pytest.mark.parametrize("local_part", ["bos\uff53", "\ufb01nance", "wei\u00df", "x\u00b2"])
async def test_an_address_that_looks_like_another_cannot_register(api: Api, local_part: str):
    answer = await register(api, email=f"{local_part}@{BOSS.partition('@')[2]}")
    assert faulty_fields(answer) == {"email"}
    assert await all_mails(api.database) == []
    assert (await register(api, email=f"m\u00fcller@{BOSS.partition('@')[2]}")).status_code == 202


async def test_an_unproven_look_alike_is_in_nobodys_way(api: Api, mailbox: Mailbox):
    await add_unproven(api, LOOKS_LIKE_BOSS)
    assert (await register(api)).status_code == 202
    assert (await accept(api, await invited(mailbox))).status_code == 204
    assert (await login(api)).json()["user"]["email"] == BOSS


@pytest.mark.parametrize("how", ["made", "readdressed"])
async def test_an_unproven_look_alike_is_not_in_the_way_of_staff(api: Api, how: str):
    await add_unproven(api, LOOKS_LIKE_BOSS)
    root, host = await api.superadmin(), await api.host()
    if how == "made":
        body = {"email": BOSS, "role": "host", "first_name": "B.", "last_name": "O."}
        assert (await root.post("auth/users/", body)).status_code == 201
    else:
        answer = await root.patch(f"auth/users/{host.user_id}/", {"email": BOSS})
        assert answer.status_code == 200
    emails = {user["email"] for user in (await root.get("auth/users/")).json()["items"]}
    assert BOSS in emails
    assert LOOKS_LIKE_BOSS not in emails


async def test_a_look_alike_of_an_open_account_is_refused(api: Api, mailbox: Mailbox):
    root, _ = await api.superadmin(), await api.host(LOOKS_LIKE_BOSS)
    body = {"email": BOSS, "role": "host", "first_name": "B.", "last_name": "O."}
    problem(await root.post("auth/users/", body), 409, "email_taken")
    assert (await register(api)).status_code == 202
    await api.http.post("/api/auth/forgot-password/", json={"email": BOSS})
    assert await mailbox.deliver() == []  # it is another mailbox, and has no account
    assert (await login(api, PASSWORD, LOOKS_LIKE_BOSS)).status_code == 200


async def test_a_proven_address_brings_its_visitors(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    visitor = await admin.register(host_email=BOSS, host_name="B. O.")
    await register(api)
    await accept(api, await invited(mailbox))
    [boss] = (await admin.get("auth/users/")).json()["items"]
    host = await api.sign_in(BOSS, boss["id"])
    assert (await host.get(f"visitors/{visitor['id']}/")).json()["host_name"] == "B. O."


async def test_staff_closes_an_unproven_account_for_good(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    await register(api)
    token = await invited(mailbox)
    [boss] = (await admin.get("auth/users/")).json()["items"]
    await admin.patch(f"auth/users/{boss['id']}/", {"is_active": False})
    problem(await accept(api, token), 422, "invalid_link")
    before = len(await all_mails(api.database))
    await api.http.post("/api/auth/forgot-password/", json={"email": BOSS})
    assert len(await all_mails(api.database)) == before


async def test_unproven_accounts_go_after_seven_days(
    api: Api, mailbox: Mailbox, clock: SettableClock
):
    root = await api.superadmin()
    await root.post("auth/users/", ASKED | {"email": "made@corp.example", "role": "host"})
    await register(api)
    clock.advance(timedelta(days=7) - timedelta(seconds=1))
    assert (await purge_sign_ins(api.database, clock.now())).unproven_accounts == 0
    await register(api)
    clock.advance(timedelta(seconds=1))
    assert (await purge_sign_ins(api.database, clock.now())).unproven_accounts == 0
    clock.advance(timedelta(days=7))
    assert (await purge_sign_ins(api.database, clock.now())).unproven_accounts == 1
    async with api.database.read() as session:
        left = set(await session.scalars(select(User.email)))
    assert left == {"root@example.com", "made@corp.example"}


async def test_the_mails_of_registration_are_limited_per_account(start: StartApp):
    limits = {"forgot_password_limit_per_account": "2/hour"}
    api = await start(registration="domain", registration_domains=["corp.example"], **limits)
    for _ in range(2):
        assert (await register(api)).status_code == 202
    problem(await register(api), 429, "too_many_requests")
    assert len(await all_mails(api.database)) == 2


async def test_an_unproven_address_gets_three_links_a_day(start: StartApp, mailbox: Mailbox):
    limits = {
        "forgot_password_limit_per_account": "50/hour",
        "registration_limit_per_address": "50/hour",
    }
    api = await start(registration="domain", registration_domains=["corp.example"], **limits)
    answers = [await register(api) for _ in range(2)]
    forgotten = {"email": BOSS}
    for _ in range(3):
        assert (
            await api.http.post("/api/auth/forgot-password/", json=forgotten)
        ).status_code == 202
    answers += await asyncio.gather(*(register(api) for _ in range(5)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(202, b"null")}
    assert len(await all_mails(api.database)) == 3
    assert (await accept(api, await invited(mailbox))).status_code == 204  # the last one is valid
    for _ in range(2):
        await api.http.post("/api/auth/forgot-password/", json=forgotten)
    assert len([m for m in await all_mails(api.database) if m.kind == "password_reset"]) == 2


async def test_an_invitation_by_staff_is_not_a_strangers(start: StartApp):
    api = await start(registration="domain", registration_domains=["corp.example"])
    root = await api.superadmin()
    for _ in range(3):
        await register(api, email="new@corp.example")
    made = ASKED | {"email": "made@corp.example", "role": "host"}
    assert (await root.post("auth/users/", made)).status_code == 201
    assert [m.recipient for m in await all_mails(api.database)].count("made@corp.example") == 1
