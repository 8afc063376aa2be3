"""Password rules (NIST SP 800-63B-4, section 3.1.1.2; OWASP ASVS 5, 6.2).

Length counts, composition does not. Common passwords and those made of related words are refused.
"""

import lzma
import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from app.core.errors import Invalid
from app.core.security.passwords import MAX_LENGTH, normalized
from app.core.text import account_key
from app.settings import Settings
from app.users.models import Role

MIN_LENGTH = 8
# The minimum of letters besides related words.
LETTERS_BESIDE = 4
SHORTEST_WORD = 3
# Others come from the settings.
OWN_WORDS = ("vms", "visitor", "visitors", "management", *Role)
WORD = re.compile(r"[^\W\d_]+")
COMMON = Path(__file__).with_name("common_passwords.txt.xz")
# Common substitutions; a 1 is an i or an l, so these are equal.
UNDONE = str.maketrans("@4013l5$", "aaoieiss")
# In addition to control and format characters.
INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)


@dataclass(frozen=True, slots=True)
class Weakness:
    code: str
    message: str


TOO_SHORT = Weakness("password_too_short", f"A password must have at least {MIN_LENGTH} characters")
TOO_LONG = Weakness("password_too_long", f"A password may have at most {MAX_LENGTH} characters")
IS_INVISIBLE = Weakness("password_invisible", "A password must not contain invisible characters")
REPEATS = Weakness("password_repeats", "A password must not be one repeated character")
TOO_COMMON = Weakness("password_too_common", "This password is too common")
IS_ADDRESS = Weakness("password_is_email", "A password must not be the e-mail address")
IS_OBVIOUS = Weakness(
    "password_too_obvious",
    "A password must not consist only of names related to this site or to you",
)


def words_of(*texts: str) -> frozenset[str]:
    """Return the words in names and addresses, normalized."""
    found = (word for text in texts for word in WORD.findall(account_key(text)))
    return frozenset(word for word in found if len(word) >= SHORTEST_WORD)


def words_of_place(settings: Settings) -> frozenset[str]:
    """Return the installation's own words (OWASP ASVS 5, 6.1.2)."""
    addresses = (*settings.allowed_hosts, *settings.registration_domains, settings.frontend_url)
    return words_of(*OWN_WORDS, *settings.password_words, *addresses)


def weakness(password: str, email: str, words: Collection[str] = ()) -> Weakness | None:
    """Return the reason to refuse a password, or None; `words` come from `words_of`."""
    text, address = normalized(password), account_key(email)
    if len(text) < MIN_LENGTH:
        return TOO_SHORT
    if len(text) > MAX_LENGTH:
        return TOO_LONG
    if any(map(_is_invisible, password)):
        return IS_INVISIBLE
    folded = account_key(text)
    if len(set(folded)) == 1:
        return REPEATS
    if folded in {address, address.rpartition("@")[0]}:
        return IS_ADDRESS
    if _is_common(folded):
        return TOO_COMMON
    return IS_OBVIOUS if _is_made_of(folded, {*words, *words_of(email)}) else None


def _is_made_of(text: str, words: Iterable[str]) -> bool:
    """Return whether hardly any letter remains without these words."""
    rest = text
    for word in sorted(words, key=len, reverse=True):
        rest = rest.replace(word, " ")
    return rest != text and sum(map(str.isalpha, rest)) < LETTERS_BESIDE


def require_strong(password: str, email: str, *, field: str, words: Collection[str] = ()) -> None:
    """Raise `Invalid` for `field` if the password is weak."""
    found = weakness(password, email, words)
    if found is not None:
        raise Invalid.field(field, found.code, found.message)


def _is_invisible(character: str) -> bool:
    is_control = unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return is_control or INVISIBLE.match(character) is not None


def _is_common(folded: str) -> bool:
    """Return whether a password is common, with substitutions undone."""
    return f"\n{folded.translate(UNDONE)}\n".encode() in _common()


@cache
def _common() -> bytes:
    """Return the list as one text, which needs a tenth of a set's memory."""
    return lzma.decompress(COMMON.read_bytes())
