"""What mail programs make a link of, and words in which they find nothing to link.

Gmail, Outlook and Apple Mail link bare domains and addresses too, in plain text as in HTML, and no
header stops them all. What ends a link for every one of them is white space. A mark that nobody can
see does not: they read on over it, and browsers leave it out of a name (UTS 46, section 4).
"""

import re

from babel import Locale
from pydantic_core import PydanticCustomError

# A full stop and what browsers read as one (UTS 46): of China and Japan, wide, half-width, small.
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
# Almost every country's code is a domain (ISO 3166); domains that are not here meet `unlinked`.
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
    """Return the text with a space wherever a mail program could see an address.

    What went through here once comes back unchanged.
    """
    return _SEAM.sub(" ", text)


def without_link(text: str | None) -> str | None:
    """Return the text; raise where it holds a web address or an e-mail address."""
    if text is not None and _LINK.search(text):
        raise PydanticCustomError("link", "must not contain a web address or an e-mail address")
    return text


def without_domain(text: str | None) -> str | None:
    """Return the text; raise where it names a domain, as no person's name does."""
    if text is not None and _DOMAIN.search(text):
        raise PydanticCustomError("link", "must not contain the name of a web site")
    return without_link(text)
