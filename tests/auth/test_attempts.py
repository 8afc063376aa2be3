"""How many wrong passwords are accepted, and the responses to them."""

import asyncio
from collections import Counter
from ipaddress import ip_network

import httpx
import pytest
from sqlalchemy import select

from app.auth import dependencies
from app.auth.models import AccountLink
from app.core.security.passwords import PasswordHasher
from tests.auth.conftest import StartApp
from tests.auth.links import newest_token
from tests.support.api import PASSWORD, Api
from tests.support.database import deactivate
from tests.support.mailbox import Mailbox
from tests.support.problems import problem

EMAIL, WRONG = "desk@example.com", "wrong password"


async def login(
    api: Api, password: str = WRONG, email: str = EMAIL, via: str | None = None
) -> httpx.Response:
    headers = {"X-Forwarded-For": via} if via else {}
    body = {"email": email, "password": password}
    return await api.http.post("/api/auth/login/", json=body, headers=headers)


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the password checks, each of which costs a bcrypt."""
    done: list[str] = []
    check = PasswordHasher._verify

    def counted(self: PasswordHasher, password: str, hashed: str) -> bool:
        done.append(password)
        return check(self, password, hashed)

    monkeypatch.setattr(PasswordHasher, "_verify", counted)
    return done


async def test_too_many_failures_close_an_account_for_a_while(start: StartApp):
    api = await start(login_limit_per_account="3/15minute")
    await api.admin()
    for _ in range(3):
        problem(await login(api), 401, "invalid_credentials")
    answer = await login(api, PASSWORD)
    problem(answer, 429, "too_many_requests")
    assert 1 <= int(answer.headers["Retry-After"]) <= 901
    form = {"username": EMAIL, "password": PASSWORD}
    problem(await api.http.post("/api/auth/token/", data=form), 429, "too_many_requests")


async def test_an_account_that_is_not_there_is_closed_alike(start: StartApp):
    api = await start(login_limit_per_account="3/15minute")
    for _ in range(3):
        problem(await login(api, email="nobody@example.com"), 401, "invalid_credentials")
    problem(await login(api, email="nobody@example.com"), 429, "too_many_requests")


async def test_other_spellings_are_no_other_account(start: StartApp):
    api = await start(login_limit_per_account="3/15minute")
    for email in (EMAIL, EMAIL.upper(), "\uff24esk@example.com"):
        problem(await login(api, email=email), 401, "invalid_credentials")
    problem(await login(api), 429, "too_many_requests")


async def test_a_success_begins_anew(start: StartApp):
    api = await start(login_limit_per_account="3/15minute")
    await api.admin()
    for _ in range(3):
        assert [(await login(api)).status_code for _ in range(2)] == [401, 401]
        assert (await login(api, PASSWORD)).status_code == 200


async def test_many_guesses_at_once_get_no_more_answers(start: StartApp):
    api = await start(login_limit_per_account="3/15minute")
    await api.admin()
    answers = await asyncio.gather(*(login(api, f"guess {n}") for n in range(20)))
    counted = Counter(answer.status_code for answer in answers)
    assert counted[401] == 3
    assert counted.keys() == {401, 429, 503}  # the last for callers without a place


async def test_an_address_is_limited_over_all_accounts(start: StartApp):
    api = await start(login_limit_per_address="3/15minute")
    await api.admin()
    for number in range(3):
        problem(await login(api, email=f"x{number}@example.com"), 401, "invalid_credentials")
    problem(await login(api, email="x@example.com"), 429, "too_many_requests")


async def test_a_success_is_no_new_start_for_an_address(start: StartApp):
    api = await start(login_limit_per_address="3/15minute")
    await api.admin()
    for number in range(3):
        assert (await login(api, PASSWORD)).status_code == 200
        problem(await login(api, email=f"x{number}@example.com"), 401, "invalid_credentials")
    problem(await login(api, email="x@example.com"), 429, "too_many_requests")


async def test_successes_are_not_counted(start: StartApp):
    api = await start(login_limit_per_address="3/15minute")
    await api.admin()
    answers = await asyncio.gather(*(login(api, PASSWORD) for _ in range(6)))
    assert {answer.status_code for answer in answers} == {200}


async def test_a_made_up_header_is_no_other_address(start: StartApp):
    api = await start(login_limit_per_address="3/15minute")
    for number in range(3):
        await login(api, email=f"x{number}@example.com", via=f"203.0.113.{number}")
    problem(await login(api, via="203.0.113.99"), 429, "too_many_requests")


async def test_behind_a_trusted_proxy_each_caller_is_counted_alone(start: StartApp):
    proxies = [ip_network("192.0.2.0/24")]
    api = await start(login_limit_per_address="3/15minute", trusted_proxies=proxies)
    for number in range(3):
        await login(api, email=f"x{number}@example.com", via="203.0.113.1")
    problem(await login(api, via="203.0.113.1"), 429, "too_many_requests")
    problem(await login(api, via="1.1.1.1, 203.0.113.1"), 429, "too_many_requests")
    problem(await login(api, via="203.0.113.2"), 401, "invalid_credentials")


async def test_a_wrong_old_password_counts_as_well(start: StartApp):
    api = await start(login_limit_per_account="3/15minute")
    admin = await api.admin()
    body = {"old_password": "wrong password", "new_password": "another fine password"}
    for _ in range(3):
        problem(await admin.post("auth/change-password/", body), 422, "invalid")
    answer = await admin.post("auth/change-password/", body | {"old_password": PASSWORD})
    problem(answer, 429, "too_many_requests")


async def test_a_reset_lets_the_owner_in_again(start: StartApp, mailbox: Mailbox):
    api = await start(login_limit_per_account="3/15minute")
    await api.admin()
    for _ in range(4):
        await login(api)
    await api.http.post("/api/auth/forgot-password/", json={"email": EMAIL})
    token = await newest_token(mailbox, "reset-password", EMAIL)
    body = {"token": token, "new_password": "another fine password"}
    assert (await api.http.post("/api/auth/reset-password/", json=body)).status_code == 204
    assert (await login(api, "another fine password")).status_code == 200


async def test_reset_mails_are_limited_per_account_and_per_address(start: StartApp):
    api = await start(
        forgot_password_limit_per_account="2/hour", forgot_password_limit_per_address="3/hour"
    )

    async def forgot(email: str) -> httpx.Response:
        return await api.http.post("/api/auth/forgot-password/", json={"email": email})

    for _ in range(2):
        assert (await forgot("nobody@example.com")).status_code == 202
    problem(await forgot("nobody@example.com"), 429, "too_many_requests")
    assert (await forgot("somebody@example.com")).status_code == 202
    problem(await forgot("somebody.else@example.com"), 429, "too_many_requests")


async def test_without_redis_guesses_are_limited_and_people_sign_in(start: StartApp):
    away = "unix:///nowhere/redis.sock"
    api = await start(login_limit_per_account="3/15minute", redis_url=away)
    await api.admin()
    for _ in range(3):
        problem(await login(api), 401, "invalid_credentials")
    problem(await login(api, PASSWORD), 429, "too_many_requests")
    await api.host("other@example.com")


async def test_every_failure_costs_one_hash(api: Api, hashes: list[str]):
    await api.admin()
    closed = await api.host()
    await deactivate(api.database, closed.user_id)
    await login(api, email="nobody@example.com")  # the first creates the hash for unknown accounts
    for email in (EMAIL, "nobody@example.com", "charles@example.com"):
        hashes.clear()
        problem(await login(api, "wrong password", email), 401, "invalid_credentials")
        assert len(hashes) == 1


async def test_a_forgotten_password_costs_no_hash(api: Api, hashes: list[str]):
    await api.admin()
    hashes.clear()
    for email in (EMAIL, "nobody@example.com"):
        await api.http.post("/api/auth/forgot-password/", json={"email": email})
    assert hashes == []


async def test_a_forgotten_password_is_answered_when_its_time_has_come(
    api: Api, monkeypatch: pytest.MonkeyPatch
):
    """The response is delayed to the same time, after the commit."""
    await api.admin()
    waits: list[tuple[float, int]] = []

    async def wait(seconds: float) -> None:
        async with api.database.read() as session:
            links = await session.scalars(select(AccountLink))
            waits.append((seconds, len(links.all())))

    monkeypatch.setattr(dependencies, "EVEN_SECONDS", 100)
    monkeypatch.setattr(dependencies, "pause", wait)
    for email in ("nobody@example.com", EMAIL):
        await api.http.post("/api/auth/forgot-password/", json={"email": email})
    assert [links for _, links in waits] == [0, 1]
    assert all(0 < seconds <= 100 for seconds, _ in waits)
