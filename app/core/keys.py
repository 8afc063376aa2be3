"""Derive a key for each purpose from the installation's secret (HKDF, RFC 5869)."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


@dataclass(frozen=True, slots=True)
class Key:
    """A key, and the public id by which tokens refer to it."""

    id: str
    secret: bytes


class KeyRing:
    """The current secret, which signs, and earlier ones, which still verify."""

    def __init__(self, secrets: Sequence[str]) -> None:
        if not secrets:
            raise ValueError("a key ring needs a secret")
        self._secrets = [secret.encode() for secret in secrets]

    def keys(self, purpose: str) -> list[Key]:
        """Return the keys for a purpose, the signing key first."""
        return [_derive(secret, purpose) for secret in self._secrets]


def _derive(secret: bytes, purpose: str) -> Key:
    derived = HKDF(SHA256(), length=32, salt=None, info=f"vms {purpose}".encode()).derive(secret)
    return Key(id=hashlib.sha256(derived).hexdigest()[:8], secret=derived)


def mac(key: Key, message: bytes, size: int) -> bytes:
    """Return HMAC-SHA-256, truncated to `size` bytes (RFC 2104, section 5)."""
    return hmac.digest(key.secret, message, "sha256")[:size]
