"""Text fields: trimmed, in NFC, without control or invisible characters."""

import re
import unicodedata
from contextlib import suppress
from functools import lru_cache
from typing import Annotated, Any

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

LINE_BREAKS = frozenset("\n\r\t")
ADDRESSES = 256  # cached

# Invisible characters make look-alike names differ and come with pasted addresses.
_FORMAT = (
    "\u00ad\u061c\u200b\u202a-\u202e\u2060-\u206f\ufeff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f"
)
_MARKS = "\u200e\u200f"
_FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
_UNSEEN = re.compile(f"[{_FORMAT}{_MARKS}{_FILLERS}]")
_UNSEEN_IN_NOTES = re.compile(f"[{_FORMAT}]")
# Arabic, Indic and Mongolian scripts and emoji need joiners.
JOINERS = frozenset("\u180e\u200c\u200d\u200e\u200f")
_JOINED = (
    "\u0600-\u109f\u1780-\u18af\u1a00-\u1cff\ua800-\uabff\ufb50-\ufdff\ufe70-\ufefc"
    "\U00010a00-\U00011fff\U0001e900-\U0001e95f"
    "\u2190-\u2bff\u3030\u303d\ufe0f\U0001f000-\U0001faff"
)
_STRAY_JOINER = re.compile(f"(?<![{_JOINED}])[\u180e\u200c\u200d]|(?<=\u180e)\u180e")
_SELECTORS = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def visible(text: str) -> str:
    """Return text in NFC without invisible characters, except joiners that the script needs."""
    if text.isascii():
        return text
    return _STRAY_JOINER.sub("", _UNSEEN.sub("", unicodedata.normalize("NFC", text)))


def _is_unsafe(character: str) -> bool:
    category = unicodedata.category(character)
    return category in {"Cc", "Cs", "Co", "Zl", "Zp"} or (
        category == "Cf" and character not in JOINERS
    )


def _one_line(value: str) -> str:
    text = unicodedata.normalize("NFC", visible(value)).strip()
    if not text.isprintable() and any(_is_unsafe(character) for character in text):
        raise ValueError("must not contain control characters")
    if text and not _SELECTORS.sub("", text).strip():
        raise ValueError("must not consist of invisible characters")
    return text


def _many_lines(value: str) -> str:
    text = unicodedata.normalize("NFC", _UNSEEN_IN_NOTES.sub("", value)).strip()
    if text.isprintable():
        return text
    if any(_is_unsafe(character) and character not in LINE_BREAKS for character in text):
        raise ValueError("must not contain control characters")
    return text


# All rows of an upload may name one host.
@lru_cache(ADDRESSES)
def _email(value: str) -> str:
    text = visible(value).strip()
    if any(unicodedata.category(character) in {"Cc", "Cf"} for character in text):
        raise ValueError("must not contain invisible characters")
    try:
        found = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError(str(error)) from None
    return found.normalized


def _blank_to_none(value: object) -> object:
    return None if isinstance(value, str) and not visible(value).strip() else value


def _phone_input(value: object) -> object:
    return _blank_to_none(visible(value) if isinstance(value, str) else value)


def _sought(value: str) -> str:
    if "\0" in value:
        raise ValueError("must not contain null characters")
    return unicodedata.normalize("NFC", visible(value)).strip()


def account_key(email: str) -> str:
    """Return a key that is equal for look-alike addresses: NFKC, case-folded.

    For limits and unique accounts, without the null character, which PostgreSQL cannot store.
    """
    return unicodedata.normalize("NFKC", visible(email)).casefold().replace("\0", "\ufffd")


@lru_cache(ADDRESSES)
def address_key(email: str) -> str:
    """Return a key that is equal for addresses of the same mailbox.

    The domain is in its DNS form (RFC 5891), in which `straße` and `strasse` differ.
    """
    local_part, _, domain = unicodedata.normalize("NFC", visible(email)).lower().rpartition("@")
    if not domain.isascii():
        with suppress(EmailNotValidError):
            postmaster = validate_email(
                f"postmaster@{domain}", check_deliverability=False, test_environment=True
            )
            domain = postmaster.ascii_domain
    return f"{local_part}@{domain}"


def is_same_mailbox(one: str, other: str) -> bool:
    return one == other or address_key(one) == address_key(other)


def is_plainly_spelled(email: str) -> bool:
    """Return whether the local part has no look-alike characters."""
    return account_key(email).rpartition("@")[0] == address_key(email).rpartition("@")[0]


def mailbox_key(email: str) -> str:
    """Return a key for limits that is equal for an address and its plus-addresses.

    Many providers deliver them to one mailbox, but no standard says so.
    """
    local_part, _, domain = account_key(email).rpartition("@")
    return f"{local_part.partition('+')[0] or local_part}@{domain}"


# Checked twice, since NFC expands some characters to three.
MOST_IN_LINE, MOST_IN_TEXT = 200, 2_000
_ShortLine = StringConstraints(max_length=MOST_IN_LINE)
_ShortText = StringConstraints(max_length=MOST_IN_TEXT)
Line = Annotated[str, _ShortLine, AfterValidator(_one_line), _ShortLine]
RequiredLine = Annotated[Line, StringConstraints(min_length=1, strip_whitespace=True)]
# Why something out of the ordinary is done.
Reason = Annotated[
    str,
    StringConstraints(max_length=300),
    AfterValidator(_one_line),
    StringConstraints(min_length=3, max_length=300),
]
SearchText = Annotated[str, StringConstraints(max_length=254), AfterValidator(_sought)]
OptionalBriefLine = Annotated[
    Annotated[Line, StringConstraints(max_length=60)] | None, BeforeValidator(_blank_to_none)
]
OptionalLine = Annotated[Line | None, BeforeValidator(_blank_to_none)]
Notes = Annotated[
    Annotated[str, _ShortText, AfterValidator(_many_lines), _ShortText] | None,
    BeforeValidator(_blank_to_none),
]
TextOrEmpty = Annotated[Notes, AfterValidator(lambda value: value or "")]
# For an optional field of an update; null is refused unless the type allows it.
LEFT_OUT: Any = Field(default_factory=lambda: None)
Email = Annotated[
    str,
    StringConstraints(min_length=3, max_length=254),
    AfterValidator(_email),
    Field(json_schema_extra={"format": "email"}),
]
OptionalEmail = Annotated[Email | None, BeforeValidator(_blank_to_none)]
Phone = Annotated[
    Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=3, max_length=32),
        StringConstraints(pattern=r"^[0-9+\-(). ]+$"),
    ]
    | None,
    BeforeValidator(_phone_input),
]
