"""Keys for each purpose, derived from the secret of the installation (HKDF, RFC 5869)."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


@dataclass(frozen=True, slots=True)
class Key:
    """Key bytes and the public name by which tokens refer to them."""

    id: str
    secret: bytes


class KeyRing:
    """The key that signs, and those before it that are still accepted.

    A key that leaks from one purpose (`cursor`, say) opens no other.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        if not secrets:
            raise ValueError("a key ring needs a secret")
        self._secrets = [secret.encode() for secret in secrets]

    def keys(self, purpose: str) -> list[Key]:
        """The keys of a purpose, the one that signs first."""
        return [_derive(secret, purpose) for secret in self._secrets]


def _derive(secret: bytes, purpose: str) -> Key:
    derived = HKDF(SHA256(), length=32, salt=None, info=f"vms {purpose}".encode()).derive(secret)
    return Key(id=hashlib.sha256(derived).hexdigest()[:8], secret=derived)


def mac(key: Key, message: bytes, size: int) -> bytes:
    """The first `size` bytes of HMAC-SHA-256 (RFC 2104; truncation as of section 5)."""
    return hmac.digest(key.secret, message, "sha256")[:size]
