"""The key of a device: a prefix that secret scanners know, 256 random bits, a checksum.

`vmsdev_`, 43 characters of base62, and 6 characters of base62 that are the CRC-32 of all before
them: the form of GitHub's tokens. The checksum tells a mistyped or invented key without a look at
the database and saves secret scanners their false alarms; what guards the key are its random bits.
"""

import hashlib
import re
import secrets
import zlib

PREFIX = "vmsdev_"
RANDOM_BYTES = 32
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SECRET_LENGTH = 43  # the least that holds 256 bits
CHECKSUM_LENGTH = 6  # the least that holds 32 bits
SHAPE = re.compile(f"{PREFIX}[0-9A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}}")


def new_key() -> str:
    """A new key, from the system's source of randomness."""
    secret = int.from_bytes(secrets.token_bytes(RANDOM_BYTES))
    return _with_checksum(PREFIX + _base62(secret, SECRET_LENGTH))


def is_well_formed(key: str) -> bool:
    """Whether this could be a key of some installation: its form and its checksum are right."""
    return bool(SHAPE.fullmatch(key)) and _with_checksum(key[:-CHECKSUM_LENGTH]) == key


def key_hash(key: str) -> bytes:
    """SHA-256, as keys are stored: nobody guesses 256 random bits, so that nothing slower helps."""
    return hashlib.sha256(key.encode()).digest()


def _with_checksum(body: str) -> str:
    return body + _base62(zlib.crc32(body.encode()), CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = ""
    for _ in range(length):
        number, digit = divmod(number, len(DIGITS))
        digits = DIGITS[digit] + digits
    return digits
