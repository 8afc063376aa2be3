"""How names, times and purposes are worded in a mail. English, whatever the machine's locale."""

import unicodedata
from datetime import datetime

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip

# Embeddings, overrides and isolates: one left open in a name turns the rest of the line around.
# The plain direction marks U+200E and U+200F can't, and belong to names in Hebrew and Arabic.
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Control characters, line and paragraph separators, lone surrogates (not encodable in UTF-8).
_BREAKING = frozenset({"Cc", "Zl", "Zp", "Cs"})


def one_line(text: str) -> str:
    """The text without anything that ends a line or a header: such characters become spaces."""
    return " ".join("".join(" " if _breaks(char) else char for char in text).split())


def _breaks(char: str) -> bool:
    return char in _BIDI_CONTROLS or unicodedata.category(char) in _BREAKING


def brief(text: str, length: int = 60) -> str:
    """At most `length` characters, cut with an ellipsis: for subjects and greetings."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def day(moment: datetime) -> str:
    """Monday, 23 November 2026."""
    return f"{DAYS[moment.weekday()]}, {moment.day} {MONTHS[moment.month - 1]} {moment.year}"


def short_day(moment: datetime) -> str:
    """Mon, 23 Nov 2026."""
    weekday, month = DAYS[moment.weekday()][:3], MONTHS[moment.month - 1][:3]
    return f"{weekday}, {moment.day} {month} {moment.year}"


def clock(moment: datetime) -> str:
    """09:30."""
    return f"{moment:%H:%M}"


def zone(moment: datetime) -> str:
    """Europe/Berlin, CET. An offset where the zone has no abbreviation."""
    name, abbreviation = str(moment.tzinfo), moment.tzname() or ""
    if not abbreviation.isalpha():
        offset = moment.strftime("%z").replace("-", "\N{MINUS SIGN}")  # a hyphen would break lines
        abbreviation = f"UTC{offset[:3]}:{offset[3:5]}"
    return name if name == abbreviation else f"{name}, {abbreviation}"


def when(moment: datetime) -> str:
    """Monday, 23 November 2026, 09:30 (Europe/Berlin, CET)."""
    return f"{day(moment)}, {clock(moment)} ({zone(moment)})"


def purpose_words(purpose: str) -> str:
    """`business_meeting` as business meeting."""
    return purpose.replace("i_factory", "i-Factory").replace("_", " ")


def duration(minutes: int) -> str:
    """60 as 1 hour, 90 as 90 minutes, 2880 as 2 days."""
    for size, unit in ((1440, "day"), (60, "hour")):
        if minutes % size == 0:
            return counted(minutes // size, unit)
    return counted(minutes, "minute")


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
