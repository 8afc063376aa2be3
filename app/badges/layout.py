"""What is printed on a badge, and on what paper. Pure."""

import base64
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.core.qr_image import qr_svg
from app.notifications.wording import brief, one_line

MOST_LETTERS = 200


class BadgeSize(StrEnum):
    """The paper: width by height in millimetres, or ISO 216."""

    LABEL = "62x100"
    WIDE_LABEL = "89x36"
    A6 = "a6"
    A4 = "a4"


@dataclass(frozen=True, slots=True)
class Paper:
    """Millimetres of paper and badge, and points of the name and of the other words."""

    sheet: tuple[int, int]
    badge: tuple[int, int]
    margin: int
    large: int
    small: int


PAPERS = {
    BadgeSize.LABEL: Paper((62, 100), (62, 100), 3, 26, 10),
    BadgeSize.WIDE_LABEL: Paper((89, 36), (89, 36), 2, 18, 8),
    BadgeSize.A6: Paper((105, 148), (105, 148), 6, 40, 15),
    # An A6 badge to be cut out and folded into a holder.
    BadgeSize.A4: Paper((210, 297), (105, 148), 6, 40, 15),
}
CHINESE, JAPANESE, KOREAN = "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR"
FONTS = (
    "Noto Sans",
    *(f"Noto Sans {script}" for script in ("Arabic", "Hebrew", "Devanagari", "Thai")),
)
PICTURES = ("Noto Sans Symbols", "Noto Emoji")


@dataclass(frozen=True, slots=True)
class Badge:
    """The words of a badge; `logo` is a PNG."""

    title: str
    heading: str
    name: str
    company: str | None
    host: str | None
    date: str
    token: str
    logo: bytes | None


def laid_out(badge: Badge, size: BadgeSize) -> dict[str, Any]:
    """Return what the template reads."""
    paper = PAPERS[size]
    said = "".join(filter(None, (badge.name, badge.company, badge.host)))
    return {
        "sheet": paper.sheet,
        "badge": paper.badge,
        "margin": paper.margin,
        "large": paper.large,
        "small": paper.small,
        "fonts": [*FONTS, *_eastern(said), *PICTURES],
        "title": badge.title,
        "heading": _words(badge.heading),
        "name": _words(badge.name),
        "company": _words(badge.company),
        "host": _words(badge.host),
        "date": _words(badge.date),
        "qr": qr_svg(badge.token).decode(),
        "logo": badge.logo and _as_svg(badge.logo),
    }


def _words(text: str | None) -> dict[str, Any] | None:
    if not text:
        return None
    line = brief(one_line(text), MOST_LETTERS)
    return {"text": line, "rtl": _is_right_to_left(line)}


def _is_right_to_left(text: str) -> bool:
    """Return whether the first letter with a direction is read from the right (UAX 9, P2)."""
    directions = map(unicodedata.bidirectional, text)
    return next((way in {"R", "AL"} for way in directions if way in {"L", "R", "AL"}), False)


def _eastern(text: str) -> tuple[str, ...]:
    """Return the fonts of Chinese characters, which Japanese and Korean draw in other ways."""
    first = CHINESE
    if any("\u3040" <= letter <= "\u30ff" for letter in text):
        first = JAPANESE
    elif any("\uac00" <= letter <= "\ud7a3" for letter in text):
        first = KOREAN
    return (first, *(font for font in (CHINESE, JAPANESE, KOREAN) if font != first))


def _as_svg(png: bytes) -> str:
    """Return an image of which the template takes text; the size is in the PNG's header."""
    wide, high = (int.from_bytes(png[at : at + 4]) for at in (16, 20))
    data = base64.b64encode(png).decode()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}">'
        f'<image width="{wide}" height="{high}" href="data:image/png;base64,{data}"/></svg>'
    )
