"""QR codes (ISO/IEC 18004) that cheap readers get at once, on paper and on phones in dark mode."""

from io import BytesIO

import segno

QUIET_ZONE = 4
"""Modules of white around the code, the least that the standard allows."""

# Any of the eight masks is read as well. The search for the best one, four fifths of the time that
# a code takes, breaks up large areas of one colour; a token is random and has none.
MASK = 2


def qr_png(token: str, *, scale: int = 8) -> bytes:
    """A PNG of `token` (alphanumeric mode: digits, upper case, space and $%*+-./:).

    `scale` is in pixels a module. A token of 42 characters is version 3: 37 modules a side with
    the quiet zone. Raises ValueError for characters outside the mode.
    """
    return _drawn(token, kind="png", scale=scale)


def qr_svg(token: str) -> bytes:
    """The same as a stand-alone SVG document in UTF-8."""
    return _drawn(token, kind="svg", scale=8)


def _drawn(token: str, *, kind: str, scale: int) -> bytes:
    # Level Q outlives a crease or a thumb; boosting it where there is room would make codes of
    # one token length differ in density from those of another.
    code = segno.make(
        token, mode="alphanumeric", error="Q", boost_error=False, micro=False, mask=MASK
    )
    out = BytesIO()
    # White is painted, not left transparent: on a dark page the quiet zone would be gone.
    code.save(out, kind=kind, scale=scale, border=QUIET_ZONE, dark="#000", light="#fff")
    return out.getvalue()
