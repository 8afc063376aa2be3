"""Keys for each purpose, derived from the installation's secret (HKDF, RFC 5869)."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


@dataclass(frozen=True, slots=True)
class Key:
    """Key bytes and the public id by which tokens refer to them."""

    id: str
    secret: bytes


class KeyRing:
    """The current secret, which signs, and earlier ones, which still verify.

    A leaked key of one purpose (`cursor`, say) is useless for any other.
    """

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
    """Return the first `size` bytes of HMAC-SHA-256 (RFC 2104, truncated as in section 5)."""
    return hmac.digest(key.secret, message, "sha256")[:size]
