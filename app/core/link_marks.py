"""Keep mail clients from turning typed text into links.

White space ends a link in every client; invisible characters do not (UTS 46, section 4).
"""

import re

from babel import Locale
from pydantic_core import PydanticCustomError

# The full stop and its equivalents in browsers (UTS 46).
DOTS = ".\u3002\uff0e\uff61\u2024\ufe52"
ATS = "@\uff20\ufe6b"
_ENDS_WORDS = r"\s.,;:!?…)\]}\"'»”\u2019"
_BEFORE_SEAMS = re.compile(f"[{DOTS}{ATS}:\uff1a/\uff0f\\\\]")
_SEAM = re.compile(
    f"(?<=[{DOTS}])(?=[^{_ENDS_WORDS}/])"
    f"|(?<=[{ATS}])(?=[^{_ENDS_WORDS}])"
    # In `https://`, `//host` and `mailto:`, but not in a time of day.
    rf"|(?<=[^\W\d]{{2}}[:\uff1a])(?=[^\s])|(?<=[/\uff0f\\])(?=[/\uff0f\\])"
)

_LATIN_DOMAINS = (
    *("com", "net", "org", "info", "biz", "name", "pro", "edu", "gov", "mil", "int", "eu", "uk"),
    *("app", "dev", "cloud", "online", "site", "website", "shop", "store", "xyz", "top", "club"),
    *("live", "link", "click", "email", "page", "support", "agency", "icu", "vip", "example"),
)
# Country codes are domains (ISO 3166); `unlinked` handles all others.
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
    """Return the text with a space in everything that could become a link. Idempotent."""
    # Most names have nothing to look at, and every mail has several.
    return _SEAM.sub(" ", text) if _BEFORE_SEAMS.search(text) else text


def without_link(text: str | None) -> str | None:
    """Return the text; raise if it contains a web or e-mail address."""
    if text is not None and _LINK.search(text):
        raise PydanticCustomError("link", "must not contain a web address or an e-mail address")
    return text


def without_domain(text: str | None) -> str | None:
    """Return the text; raise if it contains a domain, as no personal name does."""
    if text is not None and _DOMAIN.search(text):
        raise PydanticCustomError("link", "must not contain the name of a web site")
    return without_link(text)
