"""Confirming a sign-in at the directory (step-up)."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import delete

from app.auth.directory_flow_service import challenge_of
from app.auth.models import AuthSession
from app.core.clock import SettableClock
from app.core.db.database import Database
from tests.auth.factors import enrol
from tests.directory.conftest import CALLED_BACK, Configure
from tests.directory.sign_in import Page, fragment, parameters
from tests.support.api import Api, Client
from tests.support.directory import Person
from tests.support.forger import Forger
from tests.support.problems import problem


@pytest.fixture
async def ada(page: Page, forger: Forger, clock: SettableClock) -> Client:
    """Return a superadmin of the directory who signed in ten minutes ago."""
    forger.claims = {"groups": ["it"]}
    answer = (await page.redeem(await page.forged(forger))).json()
    clock.advance(timedelta(minutes=10))
    headers = {"Authorization": f"Bearer {answer['access']}"}
    return Client(page.http, headers, answer["user"]["id"])


@pytest.fixture
def configure_superadmins(configure: Configure) -> None:
    configure(oidc_role_map={"it": "superadmin"})


async def asked(caller: Client, page: Page, return_to: str = "/users") -> httpx.Response:
    body = {"return_to": return_to, "challenge": challenge_of(page.verifier)}
    return await caller.post("auth/oidc/confirm/", body)


async def confirmed(caller: Client, page: Page, forger: Forger, **claims: Any) -> str:
    """Where a confirmation leads."""
    answer = await asked(caller, page)
    assert answer.status_code == 200, answer.text
    started = await page.http.get(answer.json()["url"])
    sent = parameters(started.headers["location"])
    assert sent["max_age"] == "0"
    now = int(forger.clock.now().timestamp())
    forger.nonce, forger.claims = sent["nonce"], {"auth_time": now} | claims
    return await page.come_back(code="code", state=sent["state"], iss=forger.issuer)


async def guarded(caller: Client) -> httpx.Response:
    return await caller.delete(f"auth/users/{caller.user_id}/directory/")


async def test_a_sign_in_at_the_directory_confirms_the_session(
    configure_superadmins: None, ada: Client, page: Page, forger: Forger
):
    problem(await guarded(ada), 403, "reauthentication_required")
    address = await confirmed(ada, page, forger)
    assert address.startswith("http://localhost:3000/users#code=")
    answer = await page.redeem(address)
    assert answer.status_code == 200
    assert answer.json()["user"]["id"] == ada.user_id
    sessions = (await ada.get("auth/sessions/")).json()["items"]
    assert [session["current"] for session in sessions] == [True]  # no second one
    assert (await guarded(ada)).status_code == 204


@pytest.mark.parametrize(("seconds", "status"), [(599, 204), (600, 403), (10**400, 403)])
async def test_a_sign_in_is_as_old_as_the_directory_says(
    configure_superadmins: None, page: Page, forger: Forger, seconds: int, status: int
):
    at = int(forger.clock.now().timestamp()) - seconds
    forger.claims = {"groups": ["it"], "auth_time": at}
    caller = caller_of(page, await page.redeem(await page.forged(forger)))
    assert (await guarded(caller)).status_code == status


async def test_who_lacks_a_second_factor_confirms_to_set_one_up(
    page: Page, forger: Forger, configure: Configure, clock: SettableClock
):
    configure(second_factor_roles=["host"])
    forger.claims = {"auth_time": 1}
    caller = caller_of(page, await page.redeem(await page.forged(forger)))
    answer = await caller.post("auth/second-factor/totp/")
    problem(answer, 403, "reauthentication_required")
    assert (await page.redeem(await confirmed(caller, page, forger))).status_code == 200
    await enrol(caller, clock)


def caller_of(page: Page, answer: httpx.Response) -> Client:
    assert answer.status_code == 200, answer.text
    found = answer.json()
    headers = {"Authorization": f"Bearer {found['access']}"}
    return Client(page.http, headers, found["user"]["id"])


async def test_a_confirmation_spends_the_refresh_token_of_before(page: Page, forger: Forger):
    before = (await page.redeem(await page.forged(forger))).json()
    headers = {"Authorization": f"Bearer {before['access']}"}
    caller = Client(page.http, headers, before["user"]["id"])
    after = (await page.redeem(await confirmed(caller, page, forger))).json()
    assert (await refreshed(page, after)).status_code == 200
    problem(await refreshed(page, before), 401, "token_reused")
    problem(await caller.get("auth/me/"), 401, "not_authenticated")


async def refreshed(page: Page, tokens: dict[str, Any]) -> httpx.Response:
    body = {"refresh": tokens["refresh"]}
    return await page.http.post("/api/auth/token/refresh/", json=body)


async def test_a_real_directory_asks_anew(
    page: Page, person: Person, clock: SettableClock, configure: Configure
):
    answer = await page.signed_in(person)
    caller = Client(
        page.http, {"Authorization": f"Bearer {answer['access']}"}, answer["user"]["id"]
    )
    started = await page.http.get((await asked(caller, page)).json()["url"])
    back = await person.visit(started.headers["location"], until=CALLED_BACK)
    redeemed = await page.redeem(await page.come_back(**parameters(back)))
    assert redeemed.status_code == 200
    assert redeemed.json()["user"]["id"] == caller.user_id


@pytest.mark.parametrize("late", [None, "now", -31])
async def test_an_old_sign_in_at_the_directory_confirms_nothing(
    ada: Client, page: Page, forger: Forger, late: Any
):
    at = int(forger.clock.now().timestamp()) + late if isinstance(late, int) else late
    address = await confirmed(ada, page, forger, auth_time=at)
    assert fragment(address) == {"error": "token_invalid"}


async def test_somebody_else_confirms_nothing(ada: Client, page: Page, forger: Forger):
    forger.claims = {"sub": "eve", "email": "eve@example.com"}
    await page.redeem(await page.forged(forger))
    address = await confirmed(ada, page, forger, sub="eve")
    problem(await page.redeem(address), 401, "invalid_code")


async def test_a_session_that_has_ended_is_not_confirmed(ada: Client, page: Page, forger: Forger):
    address = await confirmed(ada, page, forger)
    sessions = (await ada.get("auth/sessions/")).json()["items"]
    await ada.delete(f"auth/sessions/{sessions[0]['id']}/")
    problem(await page.redeem(address), 401, "invalid_code")


async def test_a_session_that_is_gone_meanwhile_is_not_confirmed(
    ada: Client, page: Page, forger: Forger, database: Database
):
    url = (await asked(ada, page)).json()["url"]
    async with database.write() as unit:
        await unit.write(delete(AuthSession))
    sent = parameters((await page.http.get(url)).headers["location"])
    now = int(forger.clock.now().timestamp())
    forger.nonce, forger.claims = sent["nonce"], {"auth_time": now}
    address = await page.come_back(code="code", state=sent["state"], iss=forger.issuer)
    problem(await page.redeem(address), 401, "invalid_code")


async def test_the_address_lasts_a_minute(
    ada: Client, page: Page, forger: Forger, clock: SettableClock
):
    url = (await asked(ada, page)).json()["url"]
    clock.advance(timedelta(minutes=1))
    problem(await page.http.get(url), 422, "invalid")
    problem(await page.http.get(url[:-3] + "abc"), 422, "invalid")


async def test_the_way_back_is_checked(ada: Client, page: Page):
    problem(await asked(ada, page, "//evil.example"), 422, "invalid_return_to")
    problem(await ada.post("auth/oidc/confirm/", {"challenge": "x"}), 422, "invalid")


async def test_an_account_that_is_not_linked_confirms_otherwise(
    api: Api, page: Page, forger: Forger
):
    problem(await asked(await api.host(), page), 403, "not_by_directory")


async def test_an_account_with_a_second_factor_confirms_by_that(
    page: Page, forger: Forger, clock: SettableClock
):
    answer = (await page.redeem(await page.forged(forger))).json()
    headers = {"Authorization": f"Bearer {answer['access']}"}
    caller = Client(page.http, headers, answer["user"]["id"])
    await enrol(caller, clock)
    problem(await asked(caller, page), 403, "not_by_directory")


async def test_a_second_factor_of_meanwhile_is_needed(
    page: Page, forger: Forger, clock: SettableClock
):
    caller = caller_of(page, await page.redeem(await page.forged(forger)))
    address = await confirmed(caller, page, forger)
    await enrol(caller, clock)
    problem(await page.redeem(address), 401, "invalid_code")


async def test_strangers_confirm_nothing(http: httpx.AsyncClient, forger: Forger):
    answer = await http.post("/api/auth/oidc/confirm/", json={"challenge": "a" * 43})
    problem(answer, 401, "not_authenticated")
