"""Ceremonies of passkeys (Web Authentication, Level 3): where they are offered, what is asked.

A browser finds the account by the passkey, so no request names one; the authenticator must verify
the user. Challenges are kept by the caller.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import webauthn
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers import (
    options_to_json_dict,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from app.auth.errors import PasskeysNotOffered

NAME = "Visitor management"
DEFAULT_PORTS = {"http": 80, "https": 443}


class PasskeyRefused(Exception):  # noqa: N818 - a verdict
    """A credential that is malformed, of another origin, or not verified."""


@contextmanager
def _refusing() -> Iterator[None]:
    """Refuse what the library cannot read: for malformed input it raises errors of many kinds."""
    try:
        yield
    except Exception as error:
        raise PasskeyRefused from error


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """The domain that passkeys are bound to, and the origins of it that offer them."""

    id: str
    origins: tuple[str, ...]

    @classmethod
    def of(cls, id_: str | None, urls: Sequence[str]) -> "RelyingParty":
        """Return the relying party of these pages; the id is by default the host of the first."""
        rp_id = (id_ or urlsplit(urls[0]).hostname or "").lower().rstrip(".")
        return cls(rp_id, tuple(dict.fromkeys(_fitting(rp_id, urls))))

    def require_offered(self, origin: str | None) -> None:
        """Raise `PasskeysNotOffered` for a page of another origin."""
        if not self.offers(origin):
            raise PasskeysNotOffered

    def offers(self, origin: str | None) -> bool:
        """Return whether a page of this origin can use passkeys; None is no page."""
        return bool(self.origins) if origin is None else origin.lower() in self.origins

    def registration_options(
        self, user_id: UUID, email: str, name: str, challenge: bytes, known: Iterable[bytes]
    ) -> dict[str, Any]:
        """Return the options of a new passkey; an authenticator with a known one refuses."""
        options = webauthn.generate_registration_options(
            rp_id=self.id,
            rp_name=NAME,
            user_id=user_id.bytes,
            user_name=email,
            user_display_name=name or email,
            challenge=challenge,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                require_resident_key=True,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=each) for each in known],
        )
        return options_to_json_dict(options)

    def sign_in_options(self, challenge: bytes) -> dict[str, Any]:
        """Return the options of a sign-in with whichever passkey the user chooses."""
        options = webauthn.generate_authentication_options(
            rp_id=self.id,
            challenge=challenge,
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return options_to_json_dict(options)

    def verify_registration(
        self, credential: dict[str, Any], challenge: bytes
    ) -> VerifiedRegistration:
        """Return the new passkey; raise `PasskeyRefused`."""
        with _refusing():
            return webauthn.verify_registration_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=self.id,
                expected_origin=list(self.origins),
                require_user_verification=True,
            )

    def verify_sign_in(
        self, credential: dict[str, Any], challenge: bytes, public_key: bytes, sign_count: int
    ) -> VerifiedAuthentication:
        """Return the verified answer; raise `PasskeyRefused`, also for a counter that fell."""
        with _refusing():
            return webauthn.verify_authentication_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=self.id,
                expected_origin=list(self.origins),
                credential_public_key=public_key,
                credential_current_sign_count=sign_count,
                require_user_verification=True,
            )


@dataclass(frozen=True, slots=True)
class Answer:
    """What a credential says before it is verified; `owner` is what the authenticator keeps."""

    credential_id: bytes
    challenge: bytes
    owner: bytes | None = None


def read_registration(credential: dict[str, Any]) -> Answer:
    """Read the answer to `registration_options`; raise `PasskeyRefused` if it is malformed."""
    with _refusing():
        parsed = parse_registration_credential_json(credential)
        told = parse_client_data_json(parsed.response.client_data_json)
    return Answer(parsed.raw_id, told.challenge)


def read_sign_in(credential: dict[str, Any]) -> Answer:
    """Read the answer to `sign_in_options`; raise `PasskeyRefused` if it is malformed."""
    with _refusing():
        parsed = parse_authentication_credential_json(credential)
        told = parse_client_data_json(parsed.response.client_data_json)
    return Answer(parsed.raw_id, told.challenge, parsed.response.user_handle)


def _fitting(rp_id: str, urls: Iterable[str]) -> Iterable[str]:
    """Yield the origins of which the id is the host or a parent domain."""
    for url in urls:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower().rstrip(".")
        fits = host == rp_id or host.endswith(f".{rp_id}")
        if fits and rp_id and not _is_address(host):
            yield _origin(parts.scheme, host, parts.port)


def unfitting(rp_id: str, urls: Iterable[str]) -> list[str]:
    """Return the addresses at which passkeys of this id cannot be offered."""
    return [url for url in urls if not list(_fitting(rp_id, [url]))]


def _origin(scheme: str, host: str, port: int | None) -> str:
    """Return an origin as browsers write it (RFC 6454, section 6.2)."""
    is_usual = port is None or port == DEFAULT_PORTS.get(scheme)
    return f"{scheme}://{host}" if is_usual else f"{scheme}://{host}:{port}"


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
