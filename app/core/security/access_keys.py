"""The form of keys of devices and programs, as in GitHub's tokens.

A prefix, 43 characters of base62 and a CRC-32 in 6. Secret scanners know the prefix; the checksum
detects mistyped keys without a query.
"""

import re
import secrets
import zlib
from dataclasses import dataclass

RANDOM_BYTES = 32
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SECRET_LENGTH = 43  # 256 bits
CHECKSUM_LENGTH = 6  # 32 bits
SHAPE = re.compile(f"[0-9A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}}")


@dataclass(frozen=True, slots=True)
class KeyForm:
    """A kind of keys."""

    prefix: str

    def new(self) -> str:
        secret = int.from_bytes(secrets.token_bytes(RANDOM_BYTES))
        return _with_checksum(self.prefix + _base62(secret, SECRET_LENGTH))

    def fits(self, key: str) -> bool:
        """Return whether a text is a well-formed key of this kind."""
        has_shape = key.startswith(self.prefix) and SHAPE.fullmatch(key, len(self.prefix))
        return bool(has_shape) and _with_checksum(key[:-CHECKSUM_LENGTH]) == key


DEVICE_KEYS = KeyForm("vmsdev_")
API_KEYS = KeyForm("vmsk_")


def _with_checksum(body: str) -> str:
    return body + _base62(zlib.crc32(body.encode()), CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = ""
    for _ in range(length):
        number, digit = divmod(number, len(DIGITS))
        digits = DIGITS[digit] + digits
    return digits
