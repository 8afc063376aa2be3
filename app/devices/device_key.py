"""Device keys, as in GitHub's tokens: `vmsdev_`, 43 characters of base62 and a CRC-32 in 6.

Secret scanners know the prefix; the checksum detects mistyped keys without a query.
"""

import hashlib
import re
import secrets
import zlib

PREFIX = "vmsdev_"
RANDOM_BYTES = 32
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SECRET_LENGTH = 43  # 256 bits
CHECKSUM_LENGTH = 6  # 32 bits
SHAPE = re.compile(f"{PREFIX}[0-9A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}}")


def new_key() -> str:
    secret = int.from_bytes(secrets.token_bytes(RANDOM_BYTES))
    return _with_checksum(PREFIX + _base62(secret, SECRET_LENGTH))


def is_well_formed(key: str) -> bool:
    return bool(SHAPE.fullmatch(key)) and _with_checksum(key[:-CHECKSUM_LENGTH]) == key


def key_hash(key: str) -> bytes:
    """Return the stored hash; 256 random bits need no slow hash."""
    return hashlib.sha256(key.encode()).digest()


def _with_checksum(body: str) -> str:
    return body + _base62(zlib.crc32(body.encode()), CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = ""
    for _ in range(length):
        number, digit = divmod(number, len(DIGITS))
        digits = DIGITS[digit] + digits
    return digits
