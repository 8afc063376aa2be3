"""Signed tokens (JWT, RFC 7519)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from jose import JWTError, jwt
from jose.utils import base64url_decode, base64url_encode

from app.core.ids import new_id
from app.core.keys import KeyRing

ALGORITHM = "HS256"
ISSUER = AUDIENCE = "vms"
MAX_LENGTH = 2_000
KNOWN_TOKENS = 1_000


@dataclass(frozen=True, slots=True)
class Claims:
    subject: UUID
    session: UUID
    id: UUID
    expires_at: datetime


class InvalidToken(Exception):  # noqa: N818 - a verdict, as in `jose`
    """The token is forged, expired, not yet valid or of another purpose."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """The lifetimes of tokens and of a session, however often it is refreshed.

    `directory` is for sessions that began at the company's directory.
    """

    access: timedelta
    refresh: timedelta
    session: timedelta
    directory: timedelta = timedelta.max

    def longest(self, *, by_directory: bool) -> timedelta:
        """Return the longest life of a session."""
        return min(self.session, self.directory) if by_directory else self.session


class TokenSigner:
    """Signs and verifies tokens of one purpose with its own key."""

    def __init__(self, ring: KeyRing, purpose: str) -> None:
        self._purpose = purpose
        self._keys = ring.keys(f"token {purpose}")
        # A client sends the same token for a quarter of an hour.
        self._payload = lru_cache(KNOWN_TOKENS)(self._verified)

    def sign(
        self, subject: UUID, *, session: UUID, now: datetime, lifetime: timedelta
    ) -> tuple[str, Claims]:
        claims = Claims(subject, session, new_id(), now + lifetime)
        payload = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(subject),
            "sid": str(session),
            "jti": str(claims.id),
            "purpose": self._purpose,
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int(claims.expires_at.timestamp()),
        }
        key = self._keys[0]
        return jwt.encode(payload, key.secret, ALGORITHM, headers={"kid": key.id}), claims

    def read(self, token: str, *, now: datetime) -> Claims:
        """Return the claims of a token; raise `InvalidToken`."""
        if len(token) > MAX_LENGTH:
            raise InvalidToken
        try:
            payload = self._payload(token)
            claims = Claims(
                subject=UUID(payload["sub"]),
                session=UUID(payload["sid"]),
                id=UUID(payload["jti"]),
                expires_at=datetime.fromtimestamp(payload["exp"], now.tzinfo),
            )
            not_before = datetime.fromtimestamp(payload["nbf"], now.tzinfo)
        except (JWTError, KeyError, ValueError, TypeError, OverflowError, OSError, AttributeError):
            raise InvalidToken from None
        if payload.get("purpose") != self._purpose or not not_before <= now < claims.expires_at:
            raise InvalidToken
        return claims

    def _verified(self, token: str) -> dict[str, Any]:
        key_id = jwt.get_unverified_header(token).get("kid")
        key = next((key for key in self._keys if key.id == key_id), None)
        if key is None or not _has_one_spelling(token):
            raise InvalidToken
        # Checked in `read` with the service's clock.
        options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
        return jwt.decode(
            token,
            key.secret,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={**options, "require_aud": True, "require_iss": True, "require_sub": True},
        )


class SessionTokens:
    def __init__(self, ring: KeyRing, lifetimes: Lifetimes) -> None:
        self.lifetimes = lifetimes
        self.access = TokenSigner(ring, "access")
        self.refresh = TokenSigner(ring, "refresh")


def _has_one_spelling(token: str) -> bool:
    """Return whether the signature is in canonical base64.

    Base64 has unused bits, and Python skips foreign characters.
    """
    signature = token.rpartition(".")[2].encode()
    return base64url_encode(base64url_decode(signature)) == signature
