"""Colours that people choose, and text that stays readable on them."""

BLACK, WHITE = "#000000", "#ffffff"


def text_on(colour: str) -> str:
    """Return black or white, whichever has more contrast to `#rrggbb` (WCAG 2.2, 1.4.3).

    That is always at least 4.58 to 1.
    """
    light = _luminance(colour)
    return BLACK if (light + 0.05) ** 2 > 0.05 * 1.05 else WHITE


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(share: float) -> float:
    return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)
