"""Changing, forgetting and resetting a password."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.auth.jobs import purge_sign_ins
from app.core.clock import SettableClock
from app.core.db.database import Database
from tests.auth.conftest import StartApp
from tests.auth.links import newest_token
from tests.support.api import PASSWORD, Api, Client
from tests.support.database import all_mails, change_default_site, deactivate, places_holding
from tests.support.mailbox import Mailbox
from tests.support.problems import faulty_fields, problem

NEW, EMAIL = "another fine password", "desk@example.com"


async def login(api: Api, password: str = NEW) -> httpx.Response:
    return await api.http.post("/api/auth/login/", json={"email": EMAIL, "password": password})


async def forgot(api: Api, email: str = EMAIL) -> httpx.Response:
    return await api.http.post("/api/auth/forgot-password/", json={"email": email})


async def reset(api: Api, token: str, new: Any = NEW) -> httpx.Response:
    body = {"token": token, "new_password": new}
    return await api.http.post("/api/auth/reset-password/", json=body)


async def change(caller: Client, old: Any = PASSWORD, new: Any = NEW) -> httpx.Response:
    body = {"old_password": old, "new_password": new}
    return await caller.post("auth/change-password/", body)


async def reset_token(api: Api, mailbox: Mailbox) -> str:
    await forgot(api)
    return await newest_token(mailbox, "reset-password", EMAIL)


async def test_a_changed_password_is_the_only_one(api: Api):
    admin = await api.admin()
    answer = await change(admin)
    assert (answer.status_code, answer.content) == (204, b"")
    problem(await login(api, PASSWORD), 401, "invalid_credentials")
    assert (await login(api)).status_code == 200


async def test_all_other_sessions_end(api: Api):
    admin, stranger = await api.admin(), await api.host()
    elsewhere = (await login(api, PASSWORD)).json()
    await change(admin)
    assert (await admin.get("auth/me/")).status_code == 200
    assert (await stranger.get("auth/me/")).status_code == 200
    answer = await api.http.post("/api/auth/token/refresh/", json={"refresh": elsewhere["refresh"]})
    problem(answer, 401, "invalid_token")
    headers = {"Authorization": f"Bearer {elsewhere['access']}"}
    problem(await api.http.get("/api/auth/me/", headers=headers), 401, "not_authenticated")


async def test_the_old_password_is_asked_for(api: Api):
    admin = await api.admin()
    answer = await change(admin, old="wrong")
    assert faulty_fields(answer) == {"old_password"}
    assert (await login(api, PASSWORD)).status_code == 200


@pytest.mark.parametrize("new", ["short", "password", EMAIL, "x" * 129, None, 5])
async def test_a_weak_new_password_is_refused(api: Api, new: object):
    assert faulty_fields(await change(await api.admin(), new=new)) == {"new_password"}


@pytest.mark.parametrize("new", ["riverside-2026", "Acme! Acme! Acme!", "desk.example99"])
async def test_the_name_of_a_site_is_no_password(api: Api, start: StartApp, new: str):
    await change_default_site(api.database, name="Riverside")
    there = await start(password_words=["acme"])
    admin = await there.admin()
    answer = await change(admin, new=new)
    assert faulty_fields(answer) == {"new_password"}
    assert answer.json()["errors"][0]["code"] == "password_too_obvious"
    assert (await change(admin, new=f"{new} and much beside")).status_code == 204


async def test_of_two_changes_at_once_one_is_made(api: Api):
    admin = await api.admin()
    answers = await asyncio.gather(*(change(admin, new=f"{NEW} {n}") for n in range(4)))
    codes = Counter(answer.status_code for answer in answers)
    assert codes[204] == 1
    assert codes.keys() <= {204, 401, 422}


async def test_nobody_has_no_password(api: Api):
    body = {"old_password": PASSWORD, "new_password": NEW}
    answer = await api.http.post("/api/auth/change-password/", json=body)
    problem(answer, 401, "not_authenticated")


async def test_a_reset_ends_all_sessions(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    answer = await reset(api, await reset_token(api, mailbox))
    assert (answer.status_code, answer.content) == (204, b"")
    problem(await admin.get("auth/me/"), 401, "not_authenticated")
    problem(await login(api, PASSWORD), 401, "invalid_credentials")
    assert (await login(api)).status_code == 200


async def test_a_link_works_once(api: Api, mailbox: Mailbox):
    await api.admin()
    token = await reset_token(api, mailbox)
    await reset(api, token)
    problem(await reset(api, token, "a third fine password"), 422, "invalid_link")
    assert (await login(api)).status_code == 200


async def test_of_many_uses_at_once_one_counts(api: Api, mailbox: Mailbox):
    await api.admin()
    token = await reset_token(api, mailbox)
    answers = await asyncio.gather(*(reset(api, token, f"{NEW} {n}") for n in range(5)))
    assert Counter(answer.status_code for answer in answers) == {204: 1, 422: 4}
    [winner] = [n for n, answer in enumerate(answers) if answer.status_code == 204]
    assert (await login(api, f"{NEW} {winner}")).status_code == 200


async def test_a_stranger_who_asks_for_links_ends_none(
    api: Api, mailbox: Mailbox, clock: SettableClock
):
    await api.admin()
    owners = await reset_token(api, mailbox)
    clock.advance(timedelta(minutes=30))
    for _ in range(2):
        last = await reset_token(api, mailbox)
    await purge_sign_ins(api.database, clock.now())
    assert (await reset(api, owners)).status_code == 204
    problem(await reset(api, last, "a third fine password"), 422, "invalid_link")
    assert (await login(api)).status_code == 200


async def test_an_older_link_lasts_no_longer_for_the_newer_one(
    api: Api, mailbox: Mailbox, clock: SettableClock
):
    await api.admin()
    older = await reset_token(api, mailbox)
    clock.advance(timedelta(minutes=30))
    newer = await reset_token(api, mailbox)
    clock.advance(timedelta(minutes=30))
    problem(await reset(api, older), 422, "invalid_link")
    assert (await purge_sign_ins(api.database, clock.now())).links == 1
    assert (await reset(api, newer)).status_code == 204


async def test_of_two_links_used_at_once_one_counts(api: Api, mailbox: Mailbox):
    await api.admin()
    tokens = [await reset_token(api, mailbox) for _ in range(3)]
    answers = await asyncio.gather(*(reset(api, token) for token in tokens))
    assert Counter(answer.status_code for answer in answers) == {204: 1, 422: 2}


async def test_a_link_lasts_an_hour(api: Api, mailbox: Mailbox, clock: SettableClock):
    await api.admin()
    token = await reset_token(api, mailbox)
    clock.advance(timedelta(hours=1))
    problem(await reset(api, token), 422, "invalid_link")
    clock.advance(-timedelta(seconds=1))
    assert (await reset(api, token)).status_code == 204


async def test_a_changed_password_ends_the_link(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    token = await reset_token(api, mailbox)
    await change(admin)
    problem(await reset(api, token), 422, "invalid_link")


async def test_a_weak_password_leaves_the_link_good(api: Api, mailbox: Mailbox):
    await api.admin()
    token = await reset_token(api, mailbox)
    for weak in ("short", "password", EMAIL):
        assert faulty_fields(await reset(api, token, weak)) == {"new_password"}
    assert (await reset(api, token)).status_code == 204


async def test_a_link_of_a_deactivated_account_is_dead(
    api: Api, mailbox: Mailbox, database: Database
):
    admin = await api.admin()
    token = await reset_token(api, mailbox)
    await deactivate(database, admin.user_id)
    problem(await reset(api, token), 422, "invalid_link")


async def test_a_link_of_another_purpose_is_refused(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    token = await reset_token(api, mailbox)
    body = {"token": token, "password": NEW}
    answer = await api.http.post("/api/auth/accept-invitation/", json=body)
    problem(answer, 422, "invalid_link")
    access = admin.headers["Authorization"].removeprefix("Bearer ")
    problem(await reset(api, access), 422, "invalid_link")


async def test_unknown_closed_and_known_accounts_get_one_answer(
    api: Api, database: Database, mailbox: Mailbox
):
    await api.admin()
    closed = await api.host()
    await deactivate(database, closed.user_id)
    answers = [
        await forgot(api),
        await forgot(api, "nobody@example.com"),
        await forgot(api, "charles@example.com"),
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(202, b"null")}
    mails = await mailbox.deliver()
    assert [mail["To"] for mail in mails] == ["Front Desk <desk@example.com>"]


async def test_another_spelling_gets_the_mail_to_the_address_on_file(api: Api, mailbox: Mailbox):
    await api.admin()
    await forgot(api, "\uff24ESK@example.com")  # a full-width D: another mailbox
    assert not await mailbox.deliver()
    await forgot(api, "DESK@Example.COM")
    [mail] = await mailbox.deliver()
    assert EMAIL in mail["To"]


@pytest.mark.parametrize("email", ["no address", "", None, "de\u0600sk@example.com", "a@b\0.com"])
async def test_what_is_no_address_is_422(api: Api, email: Any):
    assert faulty_fields(await forgot(api, email)) == {"email"}


async def test_the_token_is_stored_as_a_hash_outside_the_mail(api: Api, mailbox: Mailbox):
    await api.admin()
    token = await reset_token(api, mailbox)
    assert await places_holding(api.database, token) == {"notifications.payload"}


async def test_a_mail_is_not_sent_after_its_hour(api: Api, clock: SettableClock):
    await api.admin()
    await forgot(api)
    [mail] = await all_mails(api.database)
    assert mail.pointless_after == clock.now() + timedelta(hours=1)
