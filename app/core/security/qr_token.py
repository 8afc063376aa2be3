"""QR tokens: 128 random bits and their MAC.

`V1` and 40 characters of base32 (RFC 4648): 16 random bytes and 9 bytes of HMAC-SHA-256. 42
characters fit QR version 3 at level Q, and 25 bytes fill 40 characters, so that a token has one
spelling.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets

from app.core.keys import KeyRing, mac

PREFIX = "V1"
RANDOM_BYTES = 16
MAC_BYTES = 9
SHAPE = re.compile(r"V1[A-Z2-7]{40}")


class QrTokens:
    """Creates tokens, and recognises genuine ones without a query."""

    def __init__(self, ring: KeyRing) -> None:
        self._keys = ring.keys("qr token")

    def new(self) -> str:
        seed = secrets.token_bytes(RANDOM_BYTES)
        return PREFIX + base64.b32encode(seed + mac(self._keys[0], seed, MAC_BYTES)).decode()

    def is_genuine(self, token: str) -> bool:
        """Return whether a current or previous key made the token."""
        if not SHAPE.fullmatch(token):
            return False
        try:
            raw = base64.b32decode(token.removeprefix(PREFIX))
        except binascii.Error:
            return False
        seed, tag = raw[:RANDOM_BYTES], raw[RANDOM_BYTES:]
        return any(hmac.compare_digest(tag, mac(key, seed, MAC_BYTES)) for key in self._keys)


def token_hash(token: str) -> bytes:
    """Return the SHA-256 of a token, to recognise it without storing it."""
    return hashlib.sha256(token.encode()).digest()
