"""The languages of mails and visitors' pages, and which of them a reader prefers.

English stands in the templates and the code themselves; every other language is a catalogue of
gettext in `locales/`. Catalogues are read as they are at the start: nothing to build, and no
binary beside the text that it was made from.
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
# Of one header: nobody reads more languages, and a hostile list must not cost more.
MOST_TAGS = 20


class Language(StrEnum):
    """A language, by its ISO 639 code."""

    ENGLISH = "en"
    GERMAN = "de"

    @property
    def locale(self) -> Locale:
        """How dates are written: English ones the British way, which no reader gets wrong."""
        return Locale("en", "GB") if self is Language.ENGLISH else Locale.parse(self.value)

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`, for the attribute of that name."""
        return self.locale.text_direction


@lru_cache
def translations(language: Language) -> NullTranslations:
    """What gettext knows of a language. Entries marked as fuzzy stay English."""
    if language is Language.ENGLISH:
        return NullTranslations()
    with (CATALOGUES / f"{language.value}.po").open("rb") as file:
        catalogue = read_po(file, locale=language.value)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


def preferred(accept_language: str, default: Language) -> Language:
    """The language that a reader likes best of those there are (RFC 9110, section 12.5.4).

    A regional tag (`de-AT`) stands for its language. `default` is for readers of none of them.
    """
    wanted = sorted(_wanted(accept_language), key=lambda choice: -choice[0])
    return next((language for weight, language in wanted if weight > 0), default)


def read_language(headers: Headers, default: Language) -> Language:
    """The same, of a request."""
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
