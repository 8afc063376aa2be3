"""A client of an OpenID provider (OpenID Connect Core 1.0, Discovery 1.0).

It trusts nothing that a provider says about how its tokens are to be checked: the algorithms, the
issuer and the audience are ours.
"""

import asyncio
import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit, urlunsplit

import httpx2
from joserfc import jwt
from joserfc.errors import (
    BadSignatureError,
    InvalidKeyIdError,
    JoseError,
    MissingKeyError,
    UnsupportedAlgorithmError,
)
from joserfc.jwk import JWKRegistry, Key, KeySet, RSAKey
from joserfc.jws import JWSRegistry
from pydantic import BaseModel, ConfigDict, ValidationError

from app.core.clock import Clock

DISCOVERY = "/.well-known/openid-configuration"
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
KEY_TYPES = frozenset({"RSA", "EC", "OKP"})
MINIMUM_RSA_BITS = 2048
MOST_KEYS = 100
# Difference between the clocks of two machines that is tolerated.
LEEWAY_SECONDS = 30
DOCUMENT_SECONDS = 3600.0
# Unknown keys cause one more request in this time, so that forged tokens cause no flood.
PAUSE_BETWEEN_KEYS = 10.0
# A provider that did not answer is not asked again at once, so that sign-ins don't queue.
PAUSE_AFTER_FAILURE = 2.0
REQUEST_SECONDS = 10.0
MOST_BYTES = 256 * 1024
MOST_SUBJECT_CHARACTERS = 255  # OpenID Connect Core, section 2


class ProviderUnavailable(Exception):  # noqa: N818 - a verdict
    """The provider did not answer, or not as its own documents promise."""


class ProviderRefused(Exception):  # noqa: N818 - a verdict
    """The provider refused a sign-in or our request for tokens; `str()` is its error code."""

    def __init__(self, code: str | None) -> None:
        is_code = code is not None and re.fullmatch(r"[a-z_]{1,64}", code)
        super().__init__(code if is_code else "unknown")  # what is no code is not logged


class TokenRefused(Exception):  # noqa: N818 - a verdict
    """An answer is forged, replayed, expired or meant for somebody else."""


@dataclass(frozen=True, slots=True)
class Client:
    """What this service is to the provider."""

    issuer: str
    id: str
    secret: str
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """The answer of the token endpoint."""

    id_token: str
    access_token: str | None


class Discovery(BaseModel):
    """The parts of the discovery document that are used."""

    model_config = ConfigDict(frozen=True)

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    authorization_response_iss_parameter_supported: bool = False

    def endpoints(self) -> list[str]:
        """Return the addresses that we or browsers send requests to."""
        return [
            url
            for url in (
                self.authorization_endpoint,
                self.token_endpoint,
                self.jwks_uri,
                self.userinfo_endpoint,
            )
            if url is not None
        ]


class Documents:
    """Documents of the provider, each fetched once an hour by one request at a time."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http
        self._kept: dict[str, tuple[float, Any]] = {}
        self._failed: dict[str, float] = {}
        self._turns: dict[str, asyncio.Lock] = {}

    async def get(self, url: str, *, younger_than: float = DOCUMENT_SECONDS) -> Any:
        """Return a document; raise `ProviderUnavailable`."""
        async with self._turns.setdefault(url, asyncio.Lock()):
            fetched_at, document = self._kept.get(url, (-DOCUMENT_SECONDS, None))
            if document is not None and monotonic() - fetched_at < younger_than:
                return document
            if monotonic() - self._failed.get(url, -PAUSE_AFTER_FAILURE) < PAUSE_AFTER_FAILURE:
                raise ProviderUnavailable(f"{url} did not answer a moment ago")
            return await self._fetch(url)

    async def _fetch(self, url: str) -> Any:
        try:
            status, document = await ask(self._http, "GET", url)
            if status != 200:
                raise ProviderUnavailable(f"{url} answered {status}")
        except ProviderUnavailable:
            self._failed[url] = monotonic()
            raise
        self._kept[url] = monotonic(), document
        return document


async def ask(
    http: httpx2.AsyncClient, method: str, url: str, **options: Any
) -> tuple[int, dict[str, Any]]:
    """Return the status and the JSON object of an answer; raise `ProviderUnavailable`.

    The whole answer has a time and a size limit, and redirects are not followed.
    """
    try:
        async with (
            asyncio.timeout(REQUEST_SECONDS),
            http.stream(method, url, follow_redirects=False, **options) as answer,
        ):
            body = bytearray()
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > MOST_BYTES:
                    raise ProviderUnavailable(f"{url} answered too much")
            document = json.loads(body)
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError) as error:
        raise ProviderUnavailable(f"{url}: {type(error).__name__}") from error
    except (ValueError, RecursionError) as error:
        raise ProviderUnavailable(f"{url} did not answer with JSON") from error
    if not isinstance(document, dict):
        raise ProviderUnavailable(f"{url} did not answer with a JSON object")
    return answer.status_code, document


class OpenIdProvider:
    """One provider and our client there; keeps its documents for an hour."""

    def __init__(
        self, client: Client, clock: Clock, http: httpx2.AsyncClient | None = None
    ) -> None:
        self.client = client
        self._clock = clock
        self._http = http or httpx2.AsyncClient(timeout=httpx2.Timeout(5, connect=3))
        self._documents = Documents(self._http)
        self._keys_asked_at = -PAUSE_BETWEEN_KEYS

    async def close(self) -> None:
        await self._http.aclose()

    async def discovery(self) -> Discovery:
        """Return the checked discovery document; raise `ProviderUnavailable`."""
        document = await self._documents.get(self.client.issuer.rstrip("/") + DISCOVERY)
        try:
            found = Discovery.model_validate(document)
        except ValidationError as error:
            raise ProviderUnavailable("the discovery document is incomplete") from error
        if found.issuer != self.client.issuer:
            raise ProviderUnavailable(f"the discovery document is of {found.issuer}")
        if urlsplit(self.client.issuer).scheme == "https" and not all(
            url.startswith("https://") for url in found.endpoints()
        ):
            raise ProviderUnavailable("the discovery document names addresses without https")
        return found

    async def sign_in_url(self, **parameters: str) -> str:
        """Return the address that begins a sign-in."""
        parts = urlsplit((await self.discovery()).authorization_endpoint)
        ours = {
            "response_type": "code",
            "client_id": self.client.id,
            "redirect_uri": self.client.redirect_uri,
            "code_challenge_method": "S256",
            **parameters,
        }
        theirs = parse_qsl(parts.query, keep_blank_values=True)
        return urlunsplit(parts._replace(query=urlencode([*theirs, *ours.items()])))

    async def require_own_answer(self, issuer: str | None) -> None:
        """Raise `TokenRefused` unless this provider sent the answer (RFC 9207, mix-up)."""
        is_said = (await self.discovery()).authorization_response_iss_parameter_supported
        if (issuer is not None or is_said) and issuer != self.client.issuer:
            raise TokenRefused("the answer is of another issuer")

    async def redeem(self, code: str, verifier: str) -> Tokens:
        """Exchange a code; raise `TokenRefused`, `ProviderRefused` or `ProviderUnavailable`."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.client.redirect_uri,
            "code_verifier": verifier,
        }
        url = (await self.discovery()).token_endpoint
        headers = {"Authorization": self._basic(), "Accept": "application/json"}
        status, answer = await ask(self._http, "POST", url, data=form, headers=headers)
        if status != 200:
            raise _refusal(url, status, answer)
        id_token, access_token = answer.get("id_token"), answer.get("access_token")
        if not isinstance(id_token, str):
            raise TokenRefused("the answer has no ID token")
        return Tokens(id_token, access_token if isinstance(access_token, str) else None)

    def _basic(self) -> str:
        """Return our credentials, encoded as a form first (RFC 6749, section 2.3.1)."""
        pair = f"{quote_plus(self.client.id)}:{quote_plus(self.client.secret)}"
        return f"Basic {b64encode(pair.encode()).decode()}"

    async def claims(self, id_token: str) -> dict[str, Any]:
        """Return the claims of a valid ID token; raise `TokenRefused`.

        The caller compares the nonce.
        """
        uri = (await self.discovery()).jwks_uri
        try:
            claims = _decoded(id_token, _keys(await self._documents.get(uri)))
        except (InvalidKeyIdError, BadSignatureError, MissingKeyError):
            claims = await self._claims_by_new_keys(id_token, uri)
        self._check(claims)
        return claims

    async def _claims_by_new_keys(self, id_token: str, uri: str) -> dict[str, Any]:
        """Try again with keys that may have been rotated."""
        fresh = monotonic() - self._keys_asked_at >= PAUSE_BETWEEN_KEYS
        if fresh:
            self._keys_asked_at = monotonic()
        keys = _keys(await self._documents.get(uri, younger_than=0 if fresh else DOCUMENT_SECONDS))
        try:
            return _decoded(id_token, keys)
        except JoseError as error:
            raise TokenRefused(type(error).__name__) from error

    def _check(self, claims: dict[str, Any]) -> None:
        checks = jwt.JWTClaimsRegistry(
            now=int(self._clock.now().timestamp()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": self.client.issuer},
            aud={"essential": True, "value": self.client.id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )
        try:
            checks.validate(claims)
        except JoseError as error:
            raise TokenRefused(f"{type(error).__name__}: {error}") from error
        audience = claims["aud"]
        is_shared = isinstance(audience, list) and len(audience) > 1
        if claims.get("azp", None if is_shared else self.client.id) != self.client.id:
            raise TokenRefused("the token is of another client")
        subject = claims["sub"]
        if not (subject.isascii() and subject.isprintable()):
            raise TokenRefused("the subject is malformed")
        if not 0 < len(subject) <= MOST_SUBJECT_CHARACTERS:
            raise TokenRefused("the subject is too long or empty")

    async def userinfo(self, access_token: str | None, subject: str) -> dict[str, Any]:
        """Return what the provider says of this subject, if it says anything.

        Raise `TokenRefused` if it is another subject (OpenID Connect Core, section 5.3.2).
        """
        url = (await self.discovery()).userinfo_endpoint
        if url is None or access_token is None:
            return {}
        headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
        status, claims = await ask(self._http, "GET", url, headers=headers)
        if status != 200:
            raise ProviderUnavailable(f"{url} answered {status}")
        if claims.get("sub") != subject:
            raise TokenRefused("userinfo is of another subject")
        return claims


class _Headers(JWSRegistry):
    """Accepts our algorithms alone, and unknown headers (RFC 7515, section 4) but critical ones."""

    max_header_length = 4096

    def __init__(self) -> None:
        super().__init__(strict_check_header=False)

    def get_alg(self, name: str) -> Any:
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[name]


def _decoded(token: str, keys: KeySet) -> dict[str, Any]:
    """Return the claims of a signed token, which may still be of others.

    Raise `InvalidKeyIdError` and `BadSignatureError` where other keys might fit.
    """
    try:
        return jwt.decode(token, keys, registry=_Headers()).claims
    except (InvalidKeyIdError, BadSignatureError):
        raise
    except (JoseError, ValueError, TypeError, LookupError, RecursionError) as error:
        raise TokenRefused(type(error).__name__) from error


def _keys(document: Any) -> KeySet:
    """Return the public keys of a key set that we can use; the others are ignored."""
    given = document.get("keys")
    if not isinstance(given, list):
        raise ProviderUnavailable("the key set is malformed")
    keys = [key for each in given[:MOST_KEYS] if (key := _key(each)) is not None]
    if not keys:
        raise MissingKeyError("no usable key")
    return KeySet(keys)


def _key(given: Any) -> Key | None:
    if not isinstance(given, dict) or given.get("kty") not in KEY_TYPES:
        return None
    try:
        key = JWKRegistry.import_key(given)
        is_weak = isinstance(key, RSAKey) and key.public_key.key_size < MINIMUM_RSA_BITS
    except (JoseError, ValueError, TypeError, LookupError, AttributeError):
        return None
    return None if is_weak else key


def _refusal(url: str, status: int, answer: Mapping[str, Any]) -> Exception:
    error = answer.get("error")
    if status >= 500 or not isinstance(error, str):
        return ProviderUnavailable(f"{url} answered {status}")
    if error == "invalid_grant":
        return TokenRefused("the code was refused")
    return ProviderRefused(error)
