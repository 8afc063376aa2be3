"""The languages of mails and visitor pages.

English is in the code; others are gettext catalogues in `locales/`, compiled at start-up.
"""

from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from starlette.datastructures import Headers

CATALOGUES = Path(__file__).resolve().parents[2] / "locales"
# Per header, so that a hostile list costs no more.
MOST_TAGS = 20


class Language(StrEnum):
    """A language by its ISO 639 code."""

    ENGLISH = "en"
    GERMAN = "de"

    @property
    def locale(self) -> Locale:
        """Return the locale for dates, British for English."""
        return Locale("en", "GB") if self is Language.ENGLISH else Locale.parse(self.value)

    @property
    def direction(self) -> str:
        """Return the value of the HTML attribute `dir`."""
        return self.locale.text_direction


def translatable(text: str) -> str:
    """Mark a text for the catalogues that is translated where it is used."""
    return text


@lru_cache
def translations(language: Language) -> NullTranslations:
    """Return the catalogue; fuzzy entries stay English."""
    if language is Language.ENGLISH:
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, _catalogue(language))
    compiled.seek(0)
    return GNUTranslations(compiled)


@lru_cache
def texts_of(language: Language, folder: str) -> dict[str, str]:
    """Return the translations of the texts in files of a folder, by the English ones."""
    if language is Language.ENGLISH:
        return {}
    return {
        str(message.id): str(message.string)
        for message in _catalogue(language)
        if message.string and any(name.startswith(folder) for name, _ in message.locations)
    }


def _catalogue(language: Language) -> Catalog:
    with (CATALOGUES / f"{language.value}.po").open("rb") as file:
        return read_po(file, locale=language.value)


def preferred(accept_language: str, default: Language) -> Language:
    """Return the available language that a reader prefers (RFC 9110, section 12.5.4)."""
    wanted = sorted(_wanted(accept_language), key=lambda choice: -choice[0])
    return next((language for weight, language in wanted if weight > 0), default)


def read_language(headers: Headers, default: Language) -> Language:
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
