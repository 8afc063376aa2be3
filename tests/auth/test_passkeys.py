"""Passkeys: registration, sign-in, and as second factor."""

import asyncio
import copy
from datetime import timedelta
from typing import Any

import pytest

from app.auth.passkeys import RelyingParty, unfitting
from app.core.clock import SettableClock
from tests.auth.conftest import StartApp
from tests.auth.factors import assertion, enrol, login, redeem, register, ticket
from tests.support.api import PASSWORD, Api, Client
from tests.support.passkeys import SoftKey, b64
from tests.support.problems import problem

OPTIONS = "auth/passkeys/options/"
SIGN_IN = "/api/auth/passkeys/sign-in/"


@pytest.fixture
async def host(api: Api) -> Client:
    return await api.host()


@pytest.fixture
async def key(host: Client) -> SoftKey:
    """A passkey of the host."""
    key = SoftKey()
    assert (await register(host, key)).status_code == 201
    return key


async def sign_in(api: Api, credential: Any) -> Any:
    return await api.http.post(SIGN_IN, json={"credential": credential})


async def test_a_passkey_is_registered_and_listed(host: Client):
    made = await register(host, SoftKey(), "Laptop")
    assert made.status_code == 201
    assert made.json() | {"name": "Laptop", "last_used_at": None} == made.json()
    assert (await host.get("auth/passkeys/")).json() == {"items": [made.json()]}
    assert (await host.get("auth/me/")).json()["second_factor"]["passkeys"] == 1


async def test_a_browser_is_asked_for_a_key_that_it_finds_and_that_verifies_the_user(
    host: Client, key: SoftKey
):
    options = (await host.post(OPTIONS)).json()
    chosen = options["authenticatorSelection"]
    assert (chosen["residentKey"], chosen["userVerification"]) == ("required", "required")
    assert options["rp"]["id"] == "localhost"
    assert [each["id"] for each in options["excludeCredentials"]] == [b64(key.id)]


async def test_a_passkey_alone_signs_in(api: Api, host: Client, key: SoftKey):
    answer = await sign_in(api, await assertion(api, key))
    assert answer.status_code == 200
    assert answer.json()["user"]["id"] == host.user_id
    [found] = (await host.get("auth/passkeys/")).json()["items"]
    assert found["last_used_at"] is not None


async def test_a_passkey_signs_in_where_there_is_an_app_too(
    api: Api, host: Client, key: SoftKey, clock: SettableClock
):
    await enrol(host, clock)
    assert (await sign_in(api, await assertion(api, key))).status_code == 200


async def test_a_password_alone_is_not_enough_where_there_is_a_passkey(api: Api, key: SoftKey):
    refused = problem(await login(api), 401, "second_factor_required")
    assert refused["methods"] == ["passkey"]
    credential = await assertion(api, key)
    assert (await redeem(api, refused["ticket"], credential=credential)).status_code == 200


async def test_a_challenge_counts_once(api: Api, key: SoftKey):
    credential = await assertion(api, key)
    assert (await sign_in(api, credential)).status_code == 200
    problem(await sign_in(api, credential), 401, "invalid_credentials")


async def test_a_challenge_counts_once_for_a_failure_too(api: Api, key: SoftKey):
    credential = await assertion(api, key)
    forged = copy.deepcopy(credential)
    forged["response"]["signature"] = b64(b"forged")
    problem(await sign_in(api, forged), 401, "invalid_credentials")
    problem(await sign_in(api, credential), 401, "invalid_credentials")


async def test_at_the_same_moment_a_challenge_counts_once(api: Api, key: SoftKey):
    credential = await assertion(api, key)
    answers = await asyncio.gather(*(sign_in(api, credential) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


async def test_a_challenge_ends_after_five_minutes(api: Api, key: SoftKey, clock: SettableClock):
    credential = await assertion(api, key)
    clock.advance(timedelta(minutes=5))
    problem(await sign_in(api, credential), 401, "invalid_credentials")


async def test_a_challenge_of_our_own_is_needed(api: Api, key: SoftKey):
    credential = key.get({"rpId": "localhost", "challenge": b64(bytes(32))})
    problem(await sign_in(api, credential), 401, "invalid_credentials")


async def test_a_challenge_to_register_signs_nobody_in(api: Api, host: Client, key: SoftKey):
    options = (await host.post(OPTIONS)).json()
    credential = key.get({"rpId": "localhost", "challenge": options["challenge"]})
    problem(await sign_in(api, credential), 401, "invalid_credentials")


async def test_a_challenge_of_somebody_else_registers_nothing(api: Api, host: Client):
    mary = await api.host("mary@example.com", "Mary")
    options = (await mary.post(OPTIONS)).json()
    body = {"name": "Laptop", "credential": SoftKey().create(options)}
    refused = problem(await host.post("auth/passkeys/", body), 422, "invalid")
    assert refused["errors"][0]["code"] == "invalid_credential"
    problem(await mary.post("auth/passkeys/", body), 422, "invalid")


async def test_a_passkey_is_registered_once(api: Api, host: Client, key: SoftKey):
    problem(await register(host, key), 409, "passkey_known")
    mary = await api.host("mary@example.com", "Mary")
    problem(await register(mary, key), 409, "passkey_known")


async def test_a_passkey_of_another_account_completes_no_sign_in(api: Api, key: SoftKey):
    mary = await api.host("mary@example.com", "Mary")
    own = SoftKey()
    await register(mary, own)
    waiting = await ticket(api, "mary@example.com")
    answer = await redeem(api, waiting, credential=await assertion(api, key))
    problem(answer, 401, "invalid_code")
    assert (await redeem(api, waiting, credential=await assertion(api, own))).status_code == 200


async def test_a_passkey_confirms_the_sign_in_of_its_owner(
    api: Api, host: Client, key: SoftKey, clock: SettableClock
):
    clock.advance(timedelta(minutes=10))
    credential = await assertion(api, key)
    assert (await host.post("auth/confirm/", {"credential": credential})).status_code == 204
    assert (await host.post(OPTIONS)).status_code == 200
    mary = await api.host("mary@example.com", "Mary")
    stolen = {"credential": await assertion(api, key)}
    problem(await mary.post("auth/confirm/", stolen), 401, "invalid_credentials")


async def test_the_user_must_be_verified(api: Api, host: Client):
    careless = SoftKey(verifies=False)
    problem(await register(host, careless), 422, "invalid")


async def test_a_key_of_another_origin_is_refused(api: Api, host: Client):
    problem(await register(host, SoftKey("https://evil.example")), 422, "invalid")


async def test_a_counter_that_falls_is_refused(api: Api, host: Client):
    key = SoftKey(counts=True)
    await register(host, key)
    copied = copy.copy(key)
    assert (await sign_in(api, await assertion(api, key))).status_code == 200
    problem(await sign_in(api, await assertion(api, copied)), 401, "invalid_credentials")


async def test_the_owner_that_the_key_names_must_be_the_one(api: Api, key: SoftKey):
    key.owner = bytes(16)
    problem(await sign_in(api, await assertion(api, key)), 401, "invalid_credentials")


@pytest.mark.parametrize(
    "credential",
    [
        {},
        {"id": "é", "rawId": "é", "type": "public-key", "response": {}},
        {"id": "YQ", "rawId": "YQ", "type": "public-key", "response": {"clientDataJSON": "//8"}},
        {
            "id": "YQ",
            "rawId": "YQ",
            "type": "public-key",
            "response": {
                "clientDataJSON": "eyJ0eXBlIjoxLCJjaGFsbGVuZ2UiOjEsIm9yaWdpbiI6Mn0",
                "authenticatorData": "YQ",
                "signature": "YQ",
                "userHandle": "é",
            },
        },
    ],
)
async def test_a_malformed_credential_is_refused(
    api: Api, host: Client, credential: dict[str, Any]
):
    problem(await sign_in(api, credential), 401, "invalid_credentials")
    body = {"name": "Laptop", "credential": credential}
    problem(await host.post("auth/passkeys/", body), 422, "invalid")
    problem(
        await host.post("auth/confirm/", {"credential": credential}), 401, "invalid_credentials"
    )


async def test_a_passkey_is_renamed_and_removed_by_its_owner_alone(
    api: Api, host: Client, key: SoftKey
):
    [made] = (await host.get("auth/passkeys/")).json()["items"]
    mary, path = await api.host("mary@example.com", "Mary"), f"auth/passkeys/{made['id']}/"
    problem(await mary.patch(path, {"name": "Mine"}), 404, "not_found")
    problem(await mary.delete(path), 404, "not_found")
    assert (await host.patch(path, {"name": "Phone"})).json()["name"] == "Phone"
    credential = await assertion(api, key)
    assert (await host.delete(path)).status_code == 204
    problem(await sign_in(api, credential), 401, "invalid_credentials")
    assert (await login(api)).status_code == 200


async def test_a_closed_account_has_no_sign_in_by_passkey(api: Api, host: Client, key: SoftKey):
    root = await api.superadmin()
    await root.patch(f"auth/users/{host.user_id}/", {"is_active": False})
    problem(await sign_in(api, await assertion(api, key)), 401, "invalid_credentials")


async def test_an_account_has_twenty_passkeys_at_most(host: Client):
    for _ in range(20):
        assert (await register(host, SoftKey())).status_code == 201
    problem(await host.post(OPTIONS), 409, "too_many_passkeys")


async def test_wrong_passkeys_are_limited_for_each_network(api: Api, start: StartApp):
    few = await start(login_limit_per_address="2/15minute")
    for _ in range(2):
        problem(await sign_in(few, {}), 401, "invalid_credentials")
    problem(await sign_in(few, {}), 429, "too_many_requests")


async def test_challenges_are_limited_for_each_network(api: Api, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("app.auth.factor_limits.CHALLENGES", "2/minute")
    for _ in range(2):
        assert (await api.http.post(f"{SIGN_IN}options/")).status_code == 200
    problem(await api.http.post(f"{SIGN_IN}options/"), 429, "too_many_requests")


async def test_pages_of_other_origins_offer_no_passkeys(api: Api, start: StartApp):
    two = await start(
        frontend_url="https://desk.example.org", public_url="https://visit.example.net"
    )
    host = await two.host("ada@example.com")
    for path in ("/api/auth/passkeys/sign-in/options/", "/api/auth/passkeys/options/"):
        headers = host.headers | {"Origin": "https://visit.example.net"}
        if path.endswith("sign-in/options/"):
            headers = {"Origin": "https://visit.example.net"}
        answer = await two.http.post(path, headers=headers)
        problem(answer, 403, "passkeys_not_offered")
        answer = await two.http.post(path, headers=headers | {"Origin": "https://desk.example.org"})
        assert answer.status_code == 200, answer.text


async def test_a_page_without_passkeys_is_not_told_of_them(
    api: Api, host: Client, key: SoftKey, clock: SettableClock
):
    await enrol(host, clock)
    body = {"email": "charles@example.com", "password": PASSWORD}
    for origin, methods in (
        ("https://elsewhere.example.net", ["totp", "recovery_code"]),
        ("http://localhost:3000", ["totp", "passkey", "recovery_code"]),
    ):
        answer = await api.http.post("/api/auth/login/", json=body, headers={"Origin": origin})
        assert problem(answer, 401, "second_factor_required")["methods"] == methods


@pytest.mark.parametrize(
    ("rp_id", "urls", "offered"),
    [
        (None, ("https://desk.example.org", "https://desk.example.org:8443"), (0, 1)),
        (None, ("https://desk.example.org", "https://visit.example.org"), (0,)),
        ("example.org", ("https://desk.example.org", "https://visit.example.org"), (0, 1)),
        ("ample.org", ("https://desk.example.org", "https://ample.org"), (1,)),
        ("desk.example.org", ("https://example.org", "https://desk.example.org"), (1,)),
        (None, ("http://127.0.0.1:3000", "http://localhost:8000"), ()),
    ],
)
def test_the_id_is_the_host_or_a_parent_domain_of_each_origin(
    rp_id: str | None, urls: tuple[str, ...], offered: tuple[int, ...]
):
    party = RelyingParty.of(rp_id, urls)
    assert party.origins == tuple(urls[number] for number in offered)
    assert unfitting(party.id, urls) == [url for url in urls if url not in party.origins]


def test_origins_are_written_as_browsers_do():
    party = RelyingParty.of(
        None, ["https://Desk.Example.org:443/app", "http://desk.example.org:80"]
    )
    assert party.origins == ("https://desk.example.org", "http://desk.example.org")
