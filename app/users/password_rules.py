"""Which passwords are accepted (NIST SP 800-63B-4, section 3.1.1.2; OWASP ASVS 5, 6.2).

Length counts, composition does not. Common passwords and one's own address are refused.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from app.core.errors import Invalid
from app.core.passwords import MAX_LENGTH, normalized
from app.core.text import account_key

MIN_LENGTH = 8
COMMON = Path(__file__).with_name("common_passwords.txt")


@dataclass(frozen=True, slots=True)
class Weakness:
    """Why a password is refused: a stable word and a sentence."""

    code: str
    message: str


TOO_SHORT = Weakness("password_too_short", f"A password has at least {MIN_LENGTH} characters")
TOO_LONG = Weakness("password_too_long", f"A password has at most {MAX_LENGTH} characters")
TOO_COMMON = Weakness("password_too_common", "This password is one of the most common ones")
IS_ADDRESS = Weakness("password_is_email", "A password must not be the e-mail address")


def weakness(password: str, email: str) -> Weakness | None:
    """What is wrong with a password for the account of this address, if anything.

    Characters are Unicode code points, counted in the form in which the password is hashed.
    """
    text, address = normalized(password), account_key(email)
    if len(text) < MIN_LENGTH:
        return TOO_SHORT
    if len(text) > MAX_LENGTH:
        return TOO_LONG
    folded = account_key(text)
    if folded in {address, address.rpartition("@")[0]}:
        return IS_ADDRESS
    return TOO_COMMON if folded in _common() else None


def require_strong(password: str, email: str, *, field: str) -> None:
    """Raises `Invalid` for `field` where the password is refused."""
    found = weakness(password, email)
    if found is not None:
        raise Invalid.field(field, found.code, found.message)


@cache
def _common() -> frozenset[str]:
    lines = COMMON.read_text("utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))
