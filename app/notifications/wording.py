"""Names, times and purposes in the reader's language."""

import unicodedata
from datetime import date, datetime, time
from functools import lru_cache

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time, get_timezone_name
from babel.units import format_unit

from app.core.languages import Language, translations

# An unclosed one reorders the rest of the line. The direction marks U+200E and U+200F do not, and
# are part of Hebrew and Arabic names.
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Controls, separators, and lone surrogates, which UTF-8 cannot encode.
_BREAKING = frozenset({"Cc", "Zl", "Zp", "Cs"})


def one_line(text: str) -> str:
    """Replace everything that ends a line or a header with spaces."""
    if not text.isprintable():  # printable text has no such characters
        text = "".join(" " if _breaks(char) else char for char in text)
    return " ".join(text.split())


def _breaks(char: str) -> bool:
    return char in _BIDI_CONTROLS or unicodedata.category(char) in _BREAKING


def brief(text: str, length: int = 60) -> str:
    """Shorten a text to `length` characters with an ellipsis."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


class Wording:
    def __init__(self, language: Language) -> None:
        self.language = language
        self._locale = language.locale
        self._translations = translations(language)
        self.gettext = gettext = self._translations.gettext
        self._purposes = {
            "business_meeting": gettext("business meeting"),
            "interview": gettext("interview"),
            "delivery": gettext("delivery"),
            "maintenance": gettext("maintenance"),
            "training": gettext("training"),
            "i_factory_visit": gettext("i-Factory visit"),
            "i_factory_training": gettext("i-Factory training"),
            "other": gettext("other"),
        }

    def day(self, moment: datetime) -> str:
        """Format as "Monday, 23 November 2026"."""
        return _long_date(self._locale, moment.date())

    def short_day(self, moment: datetime) -> str:
        """Format as "Mon, 23 Nov 2026"."""
        return format_skeleton("yMMMEd", moment, locale=self._locale)

    def clock(self, moment: datetime) -> str:
        return _short_time(self._locale, moment.hour, moment.minute)

    def time_of_day(self, moment: datetime) -> str:
        """Format as "09:30", in German "09:30 Uhr"."""
        return self.gettext("%(clock)s") % {"clock": self.clock(moment)}

    def moment(self, moment: datetime) -> str:
        return f"{self.day(moment)}, {self.time_of_day(moment)}"

    def zone(self, moment: datetime) -> str:
        """Format as "Europe/Berlin, CET", with an offset if there is no abbreviation."""
        name, abbreviation = str(moment.tzinfo), self._abbreviation(moment)
        return name if name == abbreviation else f"{name}, {abbreviation}"

    def when(self, moment: datetime) -> str:
        """Format as "Monday, 23 November 2026, 09:30 (Europe/Berlin, CET)"."""
        return f"{self.moment(moment)} ({self.zone(moment)})"

    def duration(self, minutes: int) -> str:
        """Format 60 as "1 hour", 90 as "90 minutes" and 2880 as "2 days"."""
        units = ((1440, "day"), (60, "hour"), (1, "minute"))
        size, unit = next(unit for unit in units if minutes % unit[0] == 0)
        return format_unit(minutes // size, f"duration-{unit}", "long", locale=self._locale)

    def purpose(self, purpose: str) -> str:
        return self._purposes.get(purpose) or purpose.replace("_", " ")

    def _abbreviation(self, moment: datetime) -> str:
        local = get_timezone_name(moment, "short", locale=self._locale)  # MEZ in German
        for abbreviation in (local, moment.tzname() or ""):
            if abbreviation.isalpha():
                return abbreviation
        offset = moment.strftime("%z").replace("-", "\N{MINUS SIGN}")  # a hyphen would break lines
        return f"UTC{offset[:3]}:{offset[3:5]}"


# Babel parses its patterns each time.
@lru_cache(maxsize=1024)
def _long_date(locale: Locale, day: date) -> str:
    return format_date(day, "full", locale)


@lru_cache(maxsize=4096)
def _short_time(locale: Locale, hour: int, minute: int) -> str:
    return format_time(time(hour, minute), "short", locale=locale)


@lru_cache
def wording(language: Language) -> Wording:
    return Wording(language)
