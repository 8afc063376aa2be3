"""Sign-in by a real directory, over sockets."""

from datetime import timedelta

import httpx

from app.core.clock import SettableClock
from tests.directory.conftest import Configure
from tests.directory.sign_in import Page, fragment, parameters
from tests.support.api import Api
from tests.support.directory import Directory, Person


async def test_a_person_signs_in_and_gets_an_account(page: Page, person: Person):
    address = await page.through(person, "/visitors?day=today")
    assert address.startswith("http://localhost:3000/visitors?day=today#code=")
    answer = await page.redeem(address)
    assert answer.status_code == 200
    signed_in = answer.json()
    assert signed_in["user"]["email"] == "ada@example.com"
    assert signed_in["user"]["role"] == "host"
    assert signed_in["expires_in"] == 900
    me = {"Authorization": f"Bearer {signed_in['access']}"}
    assert (await page.http.get("/api/auth/me/", headers=me)).json().items() >= (
        signed_in["user"].items()
    )


async def test_the_same_person_gets_the_same_account(page: Page, person: Person):
    first = await page.signed_in(person)
    assert (await page.signed_in(person))["user"] == first["user"]


async def test_the_directory_is_asked_as_the_contract_says(page: Page, person: Person):
    sent = parameters(await page.begin())
    assert sent["redirect_uri"] == "http://localhost:8000/api/auth/oidc/callback/"
    assert sent["scope"] == "openid email profile"
    assert (sent["response_type"], sent["code_challenge_method"]) == ("code", "S256")


async def test_a_refusal_of_the_directory_is_told(page: Page, person: Person):
    back = await person.refuse(await page.begin())
    assert await page.come_back(**parameters(back)) == (
        "http://localhost:3000/#error=provider_refused"
    )


async def test_an_answer_counts_once(page: Page, person: Person):
    back = parameters(await person.visit(await page.begin(), until="http://localhost:8000/"))
    assert "code" in fragment(await page.come_back(**back))
    assert fragment(await page.come_back(**back)) == {"error": "state_invalid"}


async def test_the_code_of_the_directory_is_worth_nothing_twice(page: Page, person: Person):
    used = parameters(await person.visit(await page.begin(), until="http://localhost:8000/"))
    await page.come_back(**used)
    fresh = parameters(await page.begin())
    replayed = used | {"state": fresh["state"]}
    assert fragment(await page.come_back(**replayed)) == {"error": "token_invalid"}


async def test_an_answer_counts_only_in_the_browser_that_began(
    page: Page, person: Person, http: httpx.AsyncClient
):
    back = parameters(await person.visit(await page.begin(), until="http://localhost:8000/"))
    http.cookies.clear()
    assert fragment(await page.come_back(**back)) == {"error": "state_invalid"}


async def test_rotated_keys_are_fetched(page: Page, person: Person, directory: Directory):
    await page.signed_in(person)
    directory.rotate()
    assert (await page.signed_in(person))["user"]["email"] == "ada@example.com"


async def test_an_unverified_address_makes_no_account(
    page: Page, person: Person, directory: Directory
):
    directory.add("ada", email="ada@example.com", email_verified=False)
    assert fragment(await page.through(person)) == {"error": "email_unverified"}


async def test_clocks_may_differ_by_half_a_minute(page: Page, person: Person, clock: SettableClock):
    clock.advance(timedelta(seconds=-20))
    assert "code" in fragment(await page.through(person))
    clock.advance(timedelta(minutes=-2))
    assert fragment(await page.through(person)) == {"error": "token_invalid"}
    clock.advance(timedelta(days=1))
    assert fragment(await page.through(person)) == {"error": "token_invalid"}


async def test_while_the_directory_is_down_passwords_work(
    page: Page, api: Api, configure: Configure
):
    configure(oidc_issuer="http://127.0.0.1:1")
    answer = await page.start()
    assert (answer.status_code, answer.json()["code"]) == (503, "provider_unavailable")
    assert answer.headers["retry-after"]
    await api.admin()  # signs in
