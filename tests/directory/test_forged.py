"""Answers that a directory never gave, and documents that are not to be believed."""

import asyncio
import warnings
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from app.core.security import openid
from tests.directory.conftest import Configure
from tests.directory.sign_in import Page, fragment, parameters
from tests.support.forger import Forger

TOKEN_INVALID = {"error": "token_invalid"}
HOUR = 3600


async def test_a_good_answer_is_taken(page: Page, forger: Forger):
    address = await page.forged(forger)
    assert address.startswith("http://localhost:3000/home#code=")
    user = (await page.redeem(address)).json()["user"]
    assert (user["email"], user["first_name"], user["last_name"]) == (
        *("ada@example.com", "Ada", "Lovelace"),
    )


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://login.other.example"},
        {"iss": None},
        {"aud": "another client"},
        {"aud": "another client", "azp": "visitors"},
        {"aud": ["visitors", "another client"]},
        {"aud": ["visitors", "another client"], "azp": "another client"},
        {"azp": "another client"},
        {"aud": None},
        {"aud": []},
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": 1},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "a\0da"},
        {"sub": "a" * 256},
        {"exp": None},
        {"iat": None},
        {"exp": "soon"},
    ],
    ids=str,
)
async def test_a_token_of_wrong_claims_is_refused(
    page: Page, forger: Forger, claims: dict[str, Any]
):
    forger.claims = claims
    assert fragment(await page.forged(forger)) == TOKEN_INVALID


@pytest.mark.parametrize(
    ("claim", "seconds"), [("exp", -31), ("iat", 31), ("nbf", 31), ("exp", -HOUR)]
)
async def test_a_token_of_another_time_is_refused(
    page: Page, forger: Forger, claim: str, seconds: int
):
    forger.claims = {claim: int(forger.clock.now().timestamp()) + seconds}
    assert fragment(await page.forged(forger)) == TOKEN_INVALID


@pytest.mark.parametrize(("claim", "seconds"), [("exp", -29), ("iat", 29), ("nbf", 29)])
async def test_clocks_may_differ(page: Page, forger: Forger, claim: str, seconds: int):
    forger.claims = {claim: int(forger.clock.now().timestamp()) + seconds}
    assert "code" in fragment(await page.forged(forger))


async def test_a_token_without_signature_is_refused(page: Page, forger: Forger):
    forger.header, forger.signed_with = {"alg": "none"}, lambda _: b""
    assert fragment(await page.forged(forger)) == TOKEN_INVALID


async def test_the_public_key_is_no_secret(page: Page, forger: Forger):
    """RS256/HS256 confusion: an HMAC under the public key."""
    forger.header = {"alg": "HS256", "kid": "one"}
    forger.signed_with = forger.by_public_key
    assert fragment(await page.forged(forger)) == TOKEN_INVALID


async def test_a_published_secret_is_no_key(page: Page, forger: Forger):
    secret = OctKey.generate_key(256, parameters={"kid": "two"})
    forger.published.append(secret.as_dict(private=True))
    forger.header, forger.signed_with = {"alg": "HS256", "kid": "two"}, secret
    assert fragment(await page.forged(forger)) == TOKEN_INVALID


async def test_another_key_under_a_known_name_is_refused(page: Page, forger: Forger):
    forger.signed_with = RSAKey.generate_key(2048)
    assert fragment(await page.forged(forger)) == TOKEN_INVALID


async def test_an_algorithm_that_is_not_ours_is_refused(page: Page, forger: Forger):
    forger.header = {"alg": "RS512", "kid": "one"}
    assert fragment(await page.forged(forger)) == TOKEN_INVALID


@pytest.mark.parametrize("alg", ["PS256", "RS256"])
async def test_algorithms_of_our_list_are_taken(page: Page, forger: Forger, alg: str):
    forger.header = {"alg": alg, "kid": "one"}
    assert "code" in fragment(await page.forged(forger))


async def test_curves_are_taken(page: Page, forger: Forger):
    key = ECKey.generate_key("P-256", parameters={"kid": "curve"})
    forger.published.append(key)
    forger.header, forger.signed_with = {"alg": "ES256", "kid": "curve"}, key
    assert "code" in fragment(await page.forged(forger))


async def test_a_short_key_is_ignored(page: Page, forger: Forger):
    with warnings.catch_warnings(action="ignore"):
        key = RSAKey.generate_key(1024, parameters={"kid": "short"})
        forger.published.append(key)
        forger.header, forger.signed_with = {"alg": "RS256", "kid": "short"}, key
        assert fragment(await page.forged(forger)) == TOKEN_INVALID


@pytest.mark.parametrize(
    "key", [{}, {"kty": "RSA"}, {"kty": "EC", "crv": "P-0"}, {"kty": "AKP", "pub": "x"}, "RSA"]
)
async def test_a_key_that_nobody_understands_is_ignored(page: Page, forger: Forger, key: Any):
    forger.published = [forger.key, {"kid": "odd", **key} if isinstance(key, dict) else {}]
    assert "code" in fragment(await page.forged(forger))


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "..", "é.é.é", "e30.e30.e30"])
async def test_nonsense_is_no_token(page: Page, forger: Forger, token: str):
    forger.token = token
    assert fragment(await page.forged(forger)) == TOKEN_INVALID


async def test_an_answer_without_id_token_is_refused(page: Page, forger: Forger):
    forger.answer = {"id_token": None}
    assert fragment(await page.forged(forger)) == TOKEN_INVALID


@pytest.mark.parametrize("issuer", ["https://login.other.example", ""])
async def test_an_answer_of_another_issuer_is_refused(page: Page, forger: Forger, issuer: str):
    """The mix-up attack (RFC 9207)."""
    assert fragment(await page.forged(forger, iss=issuer)) == TOKEN_INVALID
    assert "token" not in forger.asked  # the code was given to nobody


async def test_an_answer_must_name_its_issuer_where_that_was_promised(page: Page, forger: Forger):
    state = parameters(await page.begin())["state"]
    address = await page.come_back(code="code", state=state)
    assert fragment(address) == TOKEN_INVALID


async def test_an_issuer_need_not_be_named_where_that_is_not_promised(page: Page, forger: Forger):
    forger.discovery = {"authorization_response_iss_parameter_supported": False}
    sent = parameters(await page.begin())
    forger.nonce = sent["nonce"]
    assert "code" in fragment(await page.come_back(code="code", state=sent["state"]))


@pytest.mark.parametrize("state", ["another", ""])
async def test_a_wrong_state_is_refused(page: Page, forger: Forger, state: str):
    assert fragment(await page.forged(forger, state=state)) == {"error": "state_invalid"}


async def test_a_state_of_another_browser_is_refused(page: Page, forger: Forger):
    state = parameters(await page.begin())["state"]
    page.http.cookies.clear()
    await page.begin()
    address = await page.come_back(code="code", state=state, iss=forger.issuer)
    assert fragment(address) == {"error": "state_invalid"}


async def test_a_parameter_that_comes_twice_does_not_count(page: Page, forger: Forger):
    sent = parameters(await page.begin())
    answer = await page.http.get(
        "/api/auth/oidc/callback/",
        params=[("state", sent["state"]), ("state", sent["state"]), ("code", "code")],
    )
    assert fragment(answer.headers["location"]) == {"error": "state_invalid"}


async def test_two_tabs_can_sign_in_side_by_side(page: Page, forger: Forger):
    first = parameters(await page.begin())
    assert "code" in fragment(await page.forged(forger))
    forger.nonce = first["nonce"]
    address = await page.come_back(code="code", state=first["state"], iss=forger.issuer)
    assert "code" in fragment(address)


async def test_directories_may_add_parameters(page: Page, forger: Forger):
    address = await page.forged(forger, session_state="x", scope="openid", hd="example.com")
    assert "code" in fragment(address)


async def test_the_token_request_proves_who_asks(page: Page, forger: Forger):
    await page.forged(forger)
    [form], [header] = forger.forms, forger.headers
    assert form.keys() == {"grant_type", "code", "redirect_uri", "code_verifier"}
    # s3cret:+% as a form, then Base64 (RFC 6749, section 2.3.1)
    assert header == "Basic dmlzaXRvcnM6czNjcmV0JTNBJTJCJTI1"


async def test_parameters_of_the_directorys_own_address_stay(page: Page, forger: Forger):
    assert parameters(await page.begin())["tenant"] == "a b"


@pytest.mark.parametrize(
    ("error", "told"),
    [("invalid_grant", "token_invalid"), ("invalid_client", "provider_refused")],
)
async def test_an_error_of_the_token_endpoint_is_told(
    page: Page, forger: Forger, error: str, told: str
):
    forger.answer = {"error": error}
    assert fragment(await page.forged(forger)) == {"error": told}


async def unavailable(page: Page) -> bool:
    answer = await page.start()
    return (answer.status_code, answer.json()["code"]) == (503, "provider_unavailable")


async def test_a_discovery_document_of_another_issuer_is_not_believed(page: Page, forger: Forger):
    forger.discovery = {"issuer": "https://login.other.example"}
    assert await unavailable(page)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"nonsense", b"{}", b'{"issuer": ' + b"[" * 100_000, b" " * 300_000]
)
async def test_a_document_that_is_none_is_not_believed(page: Page, forger: Forger, body: bytes):
    forger.body = body
    assert await unavailable(page)


async def test_redirects_are_not_followed(page: Page, forger: Forger):
    forger.redirects = True
    assert await unavailable(page)


async def test_a_status_of_failure_is_one(page: Page, forger: Forger):
    forger.status = 500
    assert await unavailable(page)


async def test_a_directory_that_falls_silent_is_told(page: Page, forger: Forger):
    sent = parameters(await page.begin())
    forger.discovery = {}
    url = page.http._transport.app.state.directory  # type: ignore[attr-defined]
    known = await url.discovery()
    key = forger.issuer + openid.DISCOVERY
    document = known.model_dump() | {"token_endpoint": "http://127.0.0.1:1/token"}
    url._documents._kept[key] = (url._documents._kept[key][0], document)
    address = await page.come_back(code="code", state=sent["state"], iss=forger.issuer)
    assert fragment(address) == {"error": "provider_unavailable"}


async def test_documents_are_asked_for_once(page: Page, forger: Forger):
    await asyncio.gather(*(page.begin() for _ in range(5)))
    for _ in range(3):
        await page.forged(forger)
    assert (forger.asked.count("discovery"), forger.asked.count("jwks")) == (1, 1)


async def test_a_directory_that_fails_is_not_asked_by_everybody(page: Page, forger: Forger):
    forger.status = 500
    await asyncio.gather(*(page.start() for _ in range(5)))
    assert forger.asked.count("discovery") == 1


async def test_unknown_keys_are_asked_for_once_in_a_while(page: Page, forger: Forger):
    await page.forged(forger)
    forger.header = {"alg": "RS256", "kid": "unknown"}
    for _ in range(3):
        assert fragment(await page.forged(forger)) == TOKEN_INVALID
    assert forger.asked.count("jwks") == 2


async def test_a_key_that_was_rotated_is_taken(page: Page, forger: Forger):
    await page.forged(forger)
    key = RSAKey.generate_key(2048, parameters={"kid": "two"})
    forger.published, forger.signed_with = [key], key
    forger.header = {"alg": "RS256", "kid": "two"}
    assert "code" in fragment(await page.forged(forger))


async def test_userinfo_of_another_subject_is_refused(page: Page, forger: Forger):
    forger.claims = {"email": None, "email_verified": None}
    forger.userinfo = {"sub": "eve", "email": "ada@example.com", "email_verified": True}
    assert fragment(await page.forged(forger)) == TOKEN_INVALID


async def test_claims_come_from_userinfo_where_the_token_has_none(page: Page, forger: Forger):
    forger.claims = dict.fromkeys(("email", "email_verified", "given_name", "family_name"))
    forger.userinfo = {
        "sub": "ada",
        "email": "ada@example.com",
        "email_verified": True,
        "name": "Ada King Lovelace",
    }
    user = (await page.redeem(await page.forged(forger))).json()["user"]
    assert (user["first_name"], user["last_name"]) == ("Ada", "King Lovelace")


async def test_a_verified_address_of_userinfo_verifies_no_other(page: Page, forger: Forger):
    forger.claims = {"email": "root@example.com", "email_verified": None}
    forger.userinfo = {"sub": "ada", "email": "ada@example.com", "email_verified": True}
    user = (await page.redeem(await page.forged(forger))).json()["user"]
    assert user["email"] == "ada@example.com"


async def test_a_name_that_nobody_could_type_is_left_out(page: Page, forger: Forger):
    forger.claims = {"given_name": "www.evil.example", "family_name": "\u200b"}
    user = (await page.redeem(await page.forged(forger))).json()["user"]
    assert (user["first_name"], user["last_name"]) == ("", "")


async def test_trust_in_addresses_does_not_extend_to_a_plain_no(
    page: Page, forger: Forger, configure: Configure
):
    configure(oidc_trust_email=True, oidc_domains=["example.com"])
    forger.claims = {"email_verified": False}
    assert fragment(await page.forged(forger)) == {"error": "email_unverified"}
    forger.claims = {"email_verified": None}
    assert "code" in fragment(await page.forged(forger))
    forger.claims = {"email_verified": None, "email": "ada@other.example"}
    assert fragment(await page.forged(forger)) == {"error": "domain_not_allowed"}


@pytest.mark.parametrize("said", [None, False, "true", 1])
async def test_only_a_true_makes_an_address_verified(page: Page, forger: Forger, said: Any):
    forger.claims = {"email_verified": said}
    assert fragment(await page.forged(forger)) == {"error": "email_unverified"}


@pytest.mark.parametrize("email", [None, "nobody", 7, "a" * 300 + "@example.com"])
async def test_a_person_without_address_gets_no_account(page: Page, forger: Forger, email: Any):
    forger.claims = {"email": email}
    assert fragment(await page.forged(forger)) == {"error": "email_unverified"}


@pytest.mark.parametrize(
    ("email", "told"),
    [
        ("ada@example.com", "code"),
        ("ada@EXAMPLE.com", "code"),
        ("ada@sub.example.com", "error"),
        ("ada@notexample.com", "error"),
        ("ada@example.com.evil.org", "error"),
    ],
)
async def test_only_exact_domains_sign_in(
    page: Page, forger: Forger, configure: Configure, email: str, told: str
):
    configure(oidc_domains=["example.com"])
    forger.claims = {"email": email}
    found = fragment(await page.forged(forger))
    assert told in found
    assert found.get("error", "domain_not_allowed") == "domain_not_allowed"
