"""The rules of a flow: where it leads, how often it counts, and for how long."""

import asyncio
import json
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import Select, select

from app.auth.jobs import purge_sign_ins
from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.db.rollout import Rollout
from tests.directory.conftest import Configure
from tests.directory.sign_in import TOKEN, Page, fragment, parameters
from tests.support.api import Api
from tests.support.database import places_holding
from tests.support.forger import Forger
from tests.support.problems import problem

WITHOUT = [
    ("GET", "/api/auth/oidc/start/"),
    ("GET", "/api/auth/oidc/callback/"),
    ("POST", TOKEN),
]


@pytest.mark.parametrize(("method", "path"), WITHOUT)
async def test_without_a_directory_there_is_nothing(
    page: Page, configure: Configure, method: str, path: str
):
    configure(oidc_issuer=None)
    body = {"code": "x", "verifier": "x"} if method == "POST" else None
    problem(await page.http.request(method, path, json=body), 404, "not_found")


async def test_without_a_directory_nobody_confirms_there(api: Api, configure: Configure):
    host = await api.host()
    configure(oidc_issuer=None)
    problem(await host.post("auth/oidc/confirm/", {"challenge": "a" * 43}), 404, "not_found")


@pytest.mark.parametrize("challenge", [None, "", "short", "a" * 44, "a" * 42 + "="])
async def test_a_page_needs_a_challenge(page: Page, forger: Forger, challenge: str | None):
    given = {} if challenge is None else {"challenge": challenge}
    answer = await page.http.get("/api/auth/oidc/start/", params=given)
    problem(answer, 422, "invalid")


@pytest.mark.parametrize(
    "return_to",
    [
        *("", "home", "//evil.example", "https://evil.example", "/\\evil.example"),
        *("/a#b", "/a b", "/ä", "/a\n", "/a\0", "/%zz", "/%2", '/"', "/<", "/{", "/`", "/^"),
        *("/\t/evil.example", "/" + "a" * 2000, "javascript:alert(1)", " /home"),
    ],
)
async def test_a_way_back_that_leads_elsewhere_is_refused(
    page: Page, forger: Forger, return_to: str
):
    answer = await page.start(return_to)
    assert problem(answer, 422, "invalid_return_to")["errors"][0]["field"] == "return_to"


@pytest.mark.parametrize(
    "return_to",
    ["/", "/home", "/a/b?x=1&y=%20", "/a//b", "/~a!$&'()*+,;=:@-._", "/a/../b", "/" + "a" * 1999],
)
async def test_a_path_is_a_way_back(page: Page, forger: Forger, return_to: str):
    address = await page.forged(forger, return_to)
    assert address.partition("#")[0] == f"http://localhost:3000{return_to}"
    assert urlsplit(address).hostname == "localhost"


async def test_a_front_end_may_have_the_path_of_the_reception(
    page: Page, forger: Forger, configure: Configure
):
    configure(frontend_url="https://example.com/reception")
    address = await page.forged(forger, "/home")
    assert address.startswith("https://example.com/reception/home#code=")


async def test_the_way_back_is_the_front_end_by_default(page: Page, forger: Forger):
    answer = await page.http.get("/api/auth/oidc/start/", params={"challenge": "a" * 43})
    sent = parameters(answer.headers["location"])
    forger.nonce = sent["nonce"]
    address = await page.come_back(code="code", state=sent["state"], iss=forger.issuer)
    assert address.startswith("http://localhost:3000/#code=")


async def test_the_desks_page_is_of_this_service(page: Page, forger: Forger, configure: Configure):
    configure(public_url="http://localhost:8000")
    address = await page.forged(forger, "/reception/?day=today")
    assert address.startswith("http://localhost:8000/reception/?day=today#code=")
    forger.claims = {"aud": "another client"}
    assert await page.forged(forger, "/reception/") == (
        "http://localhost:8000/reception/#error=token_invalid"
    )


async def test_a_replay_at_the_desks_page_is_told_there(page: Page, forger: Forger):
    sent = parameters(await page.begin("/reception/"))
    again = {"code": "code", "state": sent["state"], "iss": forger.issuer}
    await page.come_back(**again)
    assert await page.come_back(**again) == ("http://localhost:8000/reception/#error=state_invalid")


async def test_the_cookie_is_for_the_callback_alone(page: Page, forger: Forger):
    answer = await page.start()
    [cookie] = answer.headers.get_list("set-cookie")
    name, *attributes = cookie.lower().split("; ")
    assert name.startswith("vms-directory-")
    assert set(attributes) == {
        *("httponly", "samesite=lax", "max-age=600", "path=/api/auth/oidc/callback/"),
    }
    assert answer.headers["cache-control"] == "no-store"


async def test_the_cookie_is_secure_where_the_service_is(
    page: Page, forger: Forger, configure: Configure
):
    configure(public_url="https://visitors.example.com", oidc_issuer=forger.issuer)
    answer = await page.start()
    assert "; Secure" in answer.headers["set-cookie"]
    assert parameters(answer.headers["location"])["redirect_uri"] == (
        "https://visitors.example.com/api/auth/oidc/callback/"
    )


async def test_a_flow_lasts_ten_minutes(page: Page, forger: Forger, clock: SettableClock):
    sent = parameters(await page.begin())
    clock.advance(timedelta(minutes=10))
    address = await page.come_back(code="code", state=sent["state"], iss=forger.issuer)
    assert fragment(address) == {"error": "state_invalid"}


async def test_a_flow_counts_once_also_where_it_fails(page: Page, forger: Forger):
    sent = parameters(await page.begin())
    forger.nonce = "another"
    said = {"code": "code", "state": sent["state"], "iss": forger.issuer}
    assert fragment(await page.come_back(**said)) == {"error": "token_invalid"}
    forger.nonce = sent["nonce"]
    assert fragment(await page.come_back(**said)) == {"error": "state_invalid"}


async def test_of_two_answers_at_once_one_counts(page: Page, forger: Forger):
    sent = parameters(await page.begin())
    forger.nonce = sent["nonce"]
    said = {"code": "code", "state": sent["state"], "iss": forger.issuer}
    found = await asyncio.gather(*(page.come_back(**said) for _ in range(3)))
    assert sum("code" in fragment(address) for address in found) == 1


def spent(answer: httpx.Response) -> None:
    problem(answer, 401, "invalid_code")


async def test_a_code_counts_once(page: Page, forger: Forger):
    address = await page.forged(forger)
    answers = await asyncio.gather(*(page.redeem(address) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401]
    spent(await page.redeem(address))


async def test_a_code_lasts_a_minute(page: Page, forger: Forger, clock: SettableClock):
    address = await page.forged(forger)
    clock.advance(timedelta(seconds=60))
    spent(await page.redeem(address))


@pytest.mark.parametrize("verifier", ["x", "another" * 8, "ä" * 43, "\0" * 43])
async def test_a_wrong_verifier_spends_the_code(page: Page, forger: Forger, verifier: str):
    address = await page.forged(forger)
    spent(await page.redeem(address, verifier))
    spent(await page.redeem(address))


@pytest.mark.parametrize("code", ["x", "\0", "ä", "a" * 2000])
async def test_an_unknown_code_is_worth_nothing(page: Page, forger: Forger, code: str):
    spent(await page.redeem(code))


async def test_a_directory_session_ends_despite_refreshes(
    page: Page, forger: Forger, clock: SettableClock
):
    tokens = (await page.redeem(await page.forged(forger))).json()
    for _ in range(11):
        clock.advance(timedelta(hours=1))
        answer = await page.http.post(
            "/api/auth/token/refresh/", json={"refresh": tokens["refresh"]}
        )
        assert answer.status_code == 200, answer.text
        tokens = answer.json()
    clock.advance(timedelta(minutes=59))
    answer = await page.http.post("/api/auth/token/refresh/", json={"refresh": tokens["refresh"]})
    tokens = answer.json()
    clock.advance(timedelta(minutes=1))
    answer = await page.http.post("/api/auth/token/refresh/", json={"refresh": tokens["refresh"]})
    problem(answer, 401, "invalid_token")
    me = {"Authorization": f"Bearer {tokens['access']}"}
    assert (await page.http.get("/api/auth/me/", headers=me)).status_code == 401


async def test_beginnings_are_limited(page: Page, forger: Forger, configure: Configure):
    configure(oidc_limit_per_address="2/minute")
    answers = [await page.start() for _ in range(3)]
    assert [answer.status_code for answer in answers] == [302, 302, 429]


async def test_nobody_begins_while_the_release_before_may_run(
    page: Page, forger: Forger, database: Database
):
    async with database.write() as unit:
        unit.add(Rollout(revision="0014", finished_at=None))
    try:
        problem(await page.start(), 503, "update_under_way")
    finally:
        async with database.write() as unit:
            await unit.delete(await unit.scalar(_ours()))
    async with database.write() as unit:
        unit.add(Rollout(revision="later", finished_at=None))
    try:
        assert (await page.start()).status_code == 302
    finally:
        async with database.write() as unit:
            await unit.delete(await unit.scalar(_ours("later")))


def _ours(revision: str = "0014") -> Select[Rollout]:
    return select(Rollout).where(Rollout.revision == revision)


async def test_what_is_over_is_purged(
    page: Page, forger: Forger, database: Database, clock: SettableClock
):
    await page.forged(forger)
    assert (await purge_sign_ins(database, clock.now())).directory_flows == 0
    clock.advance(timedelta(minutes=10))
    assert (await purge_sign_ins(database, clock.now())).directory_flows == 1


async def test_no_secret_of_a_flow_is_stored_as_it_is(
    page: Page, forger: Forger, database: Database
):
    sent = parameters(await page.begin())
    forger.nonce = sent["nonce"]
    said = {"code": "code", "state": sent["state"], "iss": forger.issuer}
    address = await page.come_back(**said)
    [form] = forger.forms
    secrets = [sent["state"], sent["nonce"], form["code_verifier"], fragment(address)["code"]]
    for secret in (*secrets, "ada@example.com", *page.http.cookies.values()):
        assert not await places_holding(database, secret)


@pytest.mark.parametrize("field", ["code", "verifier"])
async def test_half_a_character_is_no_secret(page: Page, forger: Forger, field: str):
    code = fragment(await page.forged(forger))["code"]
    sound = {"code": code, "verifier": page.verifier}
    body = json.dumps(sound | {field: "\ud800" * 43})
    headers = {"Content-Type": "application/json"}
    answer = await page.http.post(TOKEN, content=body, headers=headers)
    assert answer.status_code in {401, 422}
