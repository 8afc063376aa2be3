"""Floods of guesses: their cost, and who has to wait or is refused."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_network
from threading import Event

import httpx
import pytest
from sqlalchemy import func, select

from app.auth.models import AccountEvent, SignInNetwork
from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.security.passwords import (
    CONCURRENT,
    FOR_KNOWN,
    WAITING,
    WAITING_OF_A_NETWORK,
    PasswordHasher,
)
from tests.auth.conftest import StartApp
from tests.auth.links import newest_token
from tests.support.api import PASSWORD, Api, app_of
from tests.support.mailbox import Mailbox
from tests.support.problems import problem
from tests.support.serving import served

EMAIL, WRONG = "desk@example.com", "wrong password"
HOME, ELSEWHERE = "203.0.113.1", "198.51.100.1"
BEHIND_A_PROXY = {"trusted_proxies": [ip_network("192.0.2.0/24")]}
LOGIN = "/api/auth/login/"
STRANGERS = CONCURRENT - FOR_KNOWN


async def login(
    api: Api, password: str = PASSWORD, *, email: str = EMAIL, via: str = HOME
) -> httpx.Response:
    body = {"email": email, "password": password}
    return await api.http.post(LOGIN, json=body, headers={"X-Forwarded-For": via})


async def forgot(api: Api, *, email: str = EMAIL, via: str = HOME) -> httpx.Response:
    headers = {"X-Forwarded-For": via}
    return await api.http.post("/api/auth/forgot-password/", json={"email": email}, headers=headers)


async def tries(database: Database) -> int:
    """Return how many account events there are of failed sign-ins."""
    async with database.read() as session:
        counted = select(func.count()).select_from(AccountEvent)
        return await session.scalar(counted.where(AccountEvent.action == "sign_in_failed")) or 0


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - threads have no event for us
            await asyncio.sleep(0.001)


@dataclass
class Hashing:
    """Password checks that have begun; none ends before `go_on`."""

    begun: list[str] = field(default_factory=list)
    go_on: Event = field(default_factory=Event)

    async def is_under_way(self) -> None:
        await until(lambda: len(self.begun) == STRANGERS)

    @asynccontextmanager
    async def ending(self) -> AsyncIterator[None]:
        """Let the held checks continue at the end of the block, even after an error."""
        try:
            yield
        finally:
            self.go_on.set()


@pytest.fixture
def hashing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hashing]:
    held = Hashing()
    check = PasswordHasher._verify

    def verify(self: PasswordHasher, password: str, hashed: str) -> bool:
        held.begun.append(password)
        held.go_on.wait()
        return check(self, password, hashed)

    monkeypatch.setattr(PasswordHasher, "_verify", verify)
    yield held
    held.go_on.set()


async def waits(api: Api, *networks: str) -> None:
    """Wait until callers from these networks queue, the next one first."""
    turns = app_of(api).state.hasher.turns
    await until(lambda: turns.waiting == list(networks))


async def add_owner(api: Api, hashing: Hashing) -> None:
    """Add an account that was signed in from home."""
    hashing.go_on.set()
    await api.admin()
    assert (await login(api)).status_code == 200
    hashing.begun.clear()
    hashing.go_on.clear()


async def test_a_right_password_passes_a_flood_by(start: StartApp, hashing: Hashing):
    api = await start(**BEHIND_A_PROXY)
    await add_owner(api, hashing)
    flood = [
        asyncio.create_task(login(api, f"{n}", email=f"{n}@example.com", via=ELSEWHERE))
        for n in range(300)
    ]
    heard = STRANGERS + WAITING_OF_A_NETWORK
    await until(lambda: sum(guess.done() for guess in flood) == 300 - heard)
    right = asyncio.create_task(login(api))
    await until(lambda: PASSWORD in hashing.begun)  # immediately: no request of the flood has ended
    await waits(api, *[ELSEWHERE] * WAITING_OF_A_NETWORK)
    hashing.go_on.set()
    assert (await right).status_code == 200
    answers = Counter(answer.status_code for answer in await asyncio.gather(*flood))
    assert answers == {401: heard, 503: 300 - heard}


async def test_a_right_password_passes_a_flood_from_everywhere_by(
    start: StartApp, hashing: Hashing
):
    api = await start(**BEHIND_A_PROXY)
    await add_owner(api, hashing)
    flood = [
        asyncio.create_task(login(api, f"{n}", via=f"198.51.100.{n % 50}")) for n in range(100)
    ]
    heard = STRANGERS + WAITING
    await until(lambda: sum(guess.done() for guess in flood) == 100 - heard)
    right = asyncio.create_task(login(api))
    await until(lambda: PASSWORD in hashing.begun)
    assert len(app_of(api).state.hasher.turns.waiting) == WAITING
    hashing.go_on.set()
    assert (await right).status_code == 200
    answers = Counter(answer.status_code for answer in await asyncio.gather(*flood))
    assert answers == {401: heard, 503: 100 - heard}


async def test_who_is_sent_away_is_told_when_to_come_again(start: StartApp, hashing: Hashing):
    api = await start(**BEHIND_A_PROXY)
    flood = [asyncio.create_task(login(api, f"{n}", email=f"{n}@example.com")) for n in range(20)]
    await hashing.is_under_way()
    hashing.go_on.set()
    away = [answer for answer in await asyncio.gather(*flood) if answer.status_code == 503]
    assert away
    for answer in away:
        problem(answer, 503, "unavailable")
        assert int(answer.headers["Retry-After"]) > 0


async def test_guesses_are_counted_before_they_are_hashed(start: StartApp, hashing: Hashing):
    api = await start(**BEHIND_A_PROXY, login_limit_per_account="1/15minute")
    flood = [asyncio.create_task(login(api, f"{n}")) for n in range(STRANGERS)]
    await hashing.is_under_way()
    problem(await login(api, "one more"), 429, "too_many_requests")
    hashing.go_on.set()
    await asyncio.gather(*flood)
    assert "one more" not in hashing.begun


async def test_what_is_refused_leaves_no_row(start: StartApp, database: Database):
    api = await start(**BEHIND_A_PROXY, login_limit_per_address="5/15minute")
    flood = [login(api, WRONG, email=f"{n}@example.com") for n in range(60)]
    answers = Counter(answer.status_code for answer in await asyncio.gather(*flood))
    assert await tries(database) == answers[401] <= 5
    for n in range(20):
        await login(api, WRONG, email=f"{n}@example.com")
    assert await tries(database) == 5


async def test_who_hangs_up_is_not_hashed(start: StartApp, hashing: Hashing, database: Database):
    inside = await start()
    async with (
        served(app_of(inside)) as url,
        httpx.AsyncClient(base_url=url, timeout=120) as http,
        hashing.ending(),
    ):
        api = Api(http, database, inside.hasher)
        flood = [asyncio.create_task(login(api, f"{n}")) for n in range(STRANGERS)]
        await hashing.is_under_way()
        gone = [asyncio.create_task(login(api, "gone")) for _ in range(WAITING_OF_A_NETWORK)]
        await waits(inside, *[HOME] * WAITING_OF_A_NETWORK)
        for task in gone:
            task.cancel()
        await waits(inside)
        hashing.go_on.set()
        await asyncio.gather(*flood)
    assert "gone" not in hashing.begun
    assert await tries(database) == STRANGERS


async def test_a_stranger_elsewhere_shuts_nobody_out(start: StartApp):
    api = await start(**BEHIND_A_PROXY, login_limit_per_account="3/15minute")
    await api.admin()
    for _ in range(3):
        problem(await login(api, WRONG, via=ELSEWHERE), 401, "invalid_credentials")
    problem(await login(api, via=ELSEWHERE), 429, "too_many_requests")
    assert (await login(api, via=HOME)).status_code == 200


async def test_a_network_of_ipv6_is_one(start: StartApp):
    api = await start(**BEHIND_A_PROXY, login_limit_per_account="3/15minute")
    for number in range(3):
        await login(api, WRONG, via=f"2001:db8::{number + 1}")
    problem(await login(api, WRONG, via="2001:db8::ffff"), 429, "too_many_requests")
    problem(await login(api, WRONG, via="2001:db8:0:1::1"), 401, "invalid_credentials")


async def guess_everywhere(api: Api, email: str = EMAIL) -> None:
    """Use up the total limit of an account from as many networks, one guess each."""
    for number in range(10):
        answer = await login(api, WRONG, email=email, via=f"198.51.100.{number}")
        problem(answer, 401, "invalid_credentials")


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.com"])
async def test_all_networks_together_mail_an_account_ten_times_more(start: StartApp, email: str):
    api = await start(**BEHIND_A_PROXY, login_limit_per_account="1/15minute")
    await api.admin()
    await guess_everywhere(api, email)
    problem(await login(api, email=email, via=HOME), 429, "too_many_requests")


async def test_failures_elsewhere_never_close_the_network_of_an_owner(
    start: StartApp, clock: SettableClock
):
    api = await start(**BEHIND_A_PROXY, login_limit_per_account="1/15minute")
    await api.admin()
    assert (await login(api, via=HOME)).status_code == 200
    await guess_everywhere(api)
    problem(await login(api, via="203.0.113.2"), 429, "too_many_requests")
    clock.advance(timedelta(days=30) - timedelta(seconds=1))
    assert (await login(api, via=HOME)).status_code == 200
    clock.advance(timedelta(days=30))
    problem(await login(api, via=HOME), 429, "too_many_requests")


async def test_an_account_is_used_where_it_is_refreshed(start: StartApp):
    api = await start(**BEHIND_A_PROXY, login_limit_per_account="1/15minute")
    await api.admin()
    refresh = (await login(api, via="203.0.113.2")).json()["refresh"]
    headers = {"X-Forwarded-For": HOME}
    body = {"refresh": refresh}
    answer = await api.http.post("/api/auth/token/refresh/", json=body, headers=headers)
    assert answer.status_code == 200
    await guess_everywhere(api)
    assert (await login(api, via=HOME)).status_code == 200


async def test_the_network_of_another_account_is_not_known(start: StartApp):
    api = await start(**BEHIND_A_PROXY, login_limit_per_account="1/15minute")
    await api.admin()
    await api.host()
    assert (await login(api, email="charles@example.com", via=HOME)).status_code == 200
    await guess_everywhere(api)
    problem(await login(api, via=HOME), 429, "too_many_requests")


async def test_a_wrong_old_password_counts_like_a_guess(start: StartApp, database: Database):
    api = await start(**BEHIND_A_PROXY, login_limit_per_account="1/15minute")
    admin = await api.admin()
    await guess_everywhere(api)  # which does not block the owner
    body = {"old_password": WRONG, "new_password": "another fine password"}
    problem(await admin.post("auth/change-password/", body), 422, "invalid")
    body["old_password"] = PASSWORD
    problem(await admin.post("auth/change-password/", body), 429, "too_many_requests")


async def test_a_reset_opens_the_account_where_it_is_used(start: StartApp, mailbox: Mailbox):
    api = await start(**BEHIND_A_PROXY, login_limit_per_account="1/15minute")
    await api.admin()
    assert (await login(api, via=HOME)).status_code == 200
    await login(api, WRONG, via=HOME)
    problem(await login(api, via=HOME), 429, "too_many_requests")
    await forgot(api, via="203.0.113.2")
    token = await newest_token(mailbox, "reset-password", EMAIL)
    body = {"token": token, "new_password": "another fine password"}
    headers = {"X-Forwarded-For": "203.0.113.2"}
    answer = await api.http.post("/api/auth/reset-password/", json=body, headers=headers)
    assert answer.status_code == 204
    assert (await login(api, "another fine password", via=HOME)).status_code == 200


async def test_a_stranger_elsewhere_keeps_no_link_from_its_owner(start: StartApp):
    api = await start(**BEHIND_A_PROXY, forgot_password_limit_per_account="1/hour")
    await api.admin()
    assert (await login(api, via=HOME)).status_code == 200
    for number in range(10):
        assert (await forgot(api, via=f"198.51.100.{number}")).status_code == 202
    problem(await forgot(api, via="198.51.100.0"), 429, "too_many_requests")
    problem(await forgot(api, via="203.0.113.2"), 429, "too_many_requests")
    assert (await forgot(api, via=HOME)).status_code == 202


async def test_failures_at_other_accounts_shut_no_owner_out(start: StartApp):
    api = await start(**BEHIND_A_PROXY, login_limit_per_address="3/15minute")
    await api.admin()
    await api.host()
    assert (await login(api, via=HOME)).status_code == 200
    for number in range(3):
        problem(await login(api, email=f"x{number}@example.com"), 401, "invalid_credentials")
    problem(await login(api, email="x@example.com"), 429, "too_many_requests")
    problem(await login(api, email="charles@example.com"), 429, "too_many_requests")
    assert (await login(api)).status_code == 200
    problem(await login(api, WRONG), 401, "invalid_credentials")


async def test_guesses_at_known_accounts_count_for_their_network(start: StartApp):
    api = await start(**BEHIND_A_PROXY, login_limit_per_address="3/15minute")
    await api.admin()
    assert (await login(api)).status_code == 200
    for _ in range(3):
        problem(await login(api, WRONG), 401, "invalid_credentials")
    problem(await login(api, email="x@example.com"), 429, "too_many_requests")


async def test_links_for_others_keep_no_link_from_an_owner(start: StartApp):
    api = await start(**BEHIND_A_PROXY, forgot_password_limit_per_address="2/hour")
    await api.admin()
    assert (await login(api, via=HOME)).status_code == 200
    for number in range(2):
        assert (await forgot(api, email=f"x{number}@example.com")).status_code == 202
    problem(await forgot(api, email="x@example.com"), 429, "too_many_requests")
    assert (await forgot(api)).status_code == 202


async def test_an_address_with_a_scope_is_counted_with_the_proxy(start: StartApp):
    api = await start(**BEHIND_A_PROXY, login_limit_per_address="2/15minute")
    for number in range(2):
        answer = await login(api, WRONG, via=f"fe80::1%{'x' * 100}{number}")
        problem(answer, 401, "invalid_credentials")
    problem(await login(api, via="fe80::1%another"), 429, "too_many_requests")


async def test_of_networks_that_are_known_one_row_is_kept_each(start: StartApp):
    api = await start(**BEHIND_A_PROXY)
    await api.admin()
    for via in (HOME, HOME, ELSEWHERE):
        await login(api, via=via)
    async with api.database.read() as session:
        found = await session.scalars(select(SignInNetwork.network))
        assert sorted(found) == ["192.0.2.7", ELSEWHERE, HOME]
