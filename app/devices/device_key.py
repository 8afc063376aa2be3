"""Device keys: a prefix that secret scanners know, 256 random bits and a checksum.

`vmsdev_`, 43 characters of base62, and the CRC-32 of all before as 6 characters of base62, as in
GitHub's tokens. The checksum detects mistyped and invented keys without a database query and avoids
false alarms of secret scanners; security rests on the random bits.
"""

import hashlib
import re
import secrets
import zlib

PREFIX = "vmsdev_"
RANDOM_BYTES = 32
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SECRET_LENGTH = 43  # the minimum for 256 bits
CHECKSUM_LENGTH = 6  # the minimum for 32 bits
SHAPE = re.compile(f"{PREFIX}[0-9A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}}")


def new_key() -> str:
    """Return a new key from the system's random source."""
    secret = int.from_bytes(secrets.token_bytes(RANDOM_BYTES))
    return _with_checksum(PREFIX + _base62(secret, SECRET_LENGTH))


def is_well_formed(key: str) -> bool:
    """Return whether the key has the right form and checksum."""
    return bool(SHAPE.fullmatch(key)) and _with_checksum(key[:-CHECKSUM_LENGTH]) == key


def key_hash(key: str) -> bytes:
    """Return the SHA-256 under which a key is stored.

    A slow hash would add nothing, since 256 random bits cannot be guessed.
    """
    return hashlib.sha256(key.encode()).digest()


def _with_checksum(body: str) -> str:
    return body + _base62(zlib.crc32(body.encode()), CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = ""
    for _ in range(length):
        number, digit = divmod(number, len(DIGITS))
        digits = DIGITS[digit] + digits
    return digits
