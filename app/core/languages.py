"""The languages of mails and visitor pages, and the choice of one for a reader.

English is in the templates and the code; each other language is a gettext catalogue in `locales/`.
Catalogues are compiled at start-up, so there is no binary file to keep up to date.
"""

from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from starlette.datastructures import Headers

CATALOGUES = Path(__file__).resolve().parents[2] / "locales"
# Per header: nobody reads more languages, and a hostile list must not cost more.
MOST_TAGS = 20


class Language(StrEnum):
    """A language, identified by its ISO 639 code."""

    ENGLISH = "en"
    GERMAN = "de"

    @property
    def locale(self) -> Locale:
        """Return the locale for dates; English uses the British, unambiguous format."""
        return Locale("en", "GB") if self is Language.ENGLISH else Locale.parse(self.value)

    @property
    def direction(self) -> str:
        """Return `ltr` or `rtl`, for the HTML attribute `dir`."""
        return self.locale.text_direction


@lru_cache
def translations(language: Language) -> NullTranslations:
    """Return the catalogue of a language; fuzzy entries stay English."""
    if language is Language.ENGLISH:
        return NullTranslations()
    with (CATALOGUES / f"{language.value}.po").open("rb") as file:
        catalogue = read_po(file, locale=language.value)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


def preferred(accept_language: str, default: Language) -> Language:
    """Return the available language that a reader prefers (RFC 9110, section 12.5.4).

    A regional tag (`de-AT`) counts as its language. Readers of no available language get `default`.
    """
    wanted = sorted(_wanted(accept_language), key=lambda choice: -choice[0])
    return next((language for weight, language in wanted if weight > 0), default)


def read_language(headers: Headers, default: Language) -> Language:
    """Return the language that a request's headers prefer."""
    return preferred(", ".join(headers.getlist("accept-language")), default)


def _wanted(accept_language: str) -> Iterator[tuple[float, Language]]:
    for choice in accept_language.split(",")[:MOST_TAGS]:
        tag, _, parameter = choice.strip().partition(";")
        name = tag.strip().partition("-")[0].lower()
        if name in set(Language):
            yield _weight(parameter), Language(name)


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
