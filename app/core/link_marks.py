"""Keeps mail clients from turning typed text into links.

Gmail, Outlook and Apple Mail also link bare domains and addresses, in plain text and in HTML, and
no header stops all of them. White space ends a link in every client. Invisible characters do not:
clients ignore them, and browsers drop them from host names (UTS 46, section 4).
"""

import re

from babel import Locale
from pydantic_core import PydanticCustomError

# The full stop and the characters that browsers treat as one (UTS 46).
DOTS = ".\u3002\uff0e\uff61\u2024\ufe52"
ATS = "@\uff20\ufe6b"
_ENDS_WORDS = r"\s.,;:!?…)\]}\"'»”\u2019"
_SEAM = re.compile(
    f"(?<=[{DOTS}])(?=[^{_ENDS_WORDS}/])"
    f"|(?<=[{ATS}])(?=[^{_ENDS_WORDS}])"
    # Of `https://`, `//host` and `mailto:`, but not of a time of day.
    rf"|(?<=[^\W\d]{{2}}[:\uff1a])(?=[^\s])|(?<=[/\uff0f\\])(?=[/\uff0f\\])"
)

_LATIN_DOMAINS = (
    *("com", "net", "org", "info", "biz", "name", "pro", "edu", "gov", "mil", "int", "eu", "uk"),
    *("app", "dev", "cloud", "online", "site", "website", "shop", "store", "xyz", "top", "club"),
    *("live", "link", "click", "email", "page", "support", "agency", "icu", "vip", "example"),
)
# Almost every country code is a domain (ISO 3166); `unlinked` handles all others.
_COUNTRIES = sorted(
    code.lower() for code in map(str, Locale("en").territories) if re.fullmatch("[A-Z]{2}", code)
)
_DOMAIN = re.compile(
    rf"[\w-]{{3,}}[{DOTS}](?:{'|'.join((*_LATIN_DOMAINS, *_COUNTRIES))}|xn--\w+)\b", re.IGNORECASE
)
_LINK = re.compile(
    rf"://|www[{DOTS}]|mailto:|[^\s{ATS}][{ATS}][^\s{ATS}]+[{DOTS}]\w", re.IGNORECASE
)


def unlinked(text: str) -> str:
    """Return the text with a space wherever a mail client could see an address. Idempotent."""
    return _SEAM.sub(" ", text)


def without_link(text: str | None) -> str | None:
    """Return the text, or raise if it contains a web or e-mail address."""
    if text is not None and _LINK.search(text):
        raise PydanticCustomError("link", "must not contain a web address or an e-mail address")
    return text


def without_domain(text: str | None) -> str | None:
    """Return the text, or raise if it contains a domain, which no personal name does."""
    if text is not None and _DOMAIN.search(text):
        raise PydanticCustomError("link", "must not contain the name of a web site")
    return without_link(text)
