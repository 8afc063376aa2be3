"""QR code images (ISO/IEC 18004), on paper and on screens."""

import zlib
from collections.abc import Sequence
from io import BytesIO
from struct import pack

import segno

QUIET_ZONE = 4
"""The margin in modules; the minimum of the standard."""

# Scanners read all eight masks equally well, and choosing the best takes four fifths of the time.
MASK = 2


_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_AS_IT_IS, _AS_ABOVE = b"\0", b"\2"  # PNG filters: none, and up with no difference


def qr_png(token: str, *, scale: int = 8) -> bytes:
    """Return a PNG with `scale` pixels per module; segno takes twenty times as long to scale.

    Raise ValueError for characters outside the alphanumeric mode.
    """
    rows = _with_quiet_zone(_code(token).matrix)
    side = len(rows) * scale
    lines = b"".join(_scaled(row, scale) for row in rows)
    # Greyscale with one bit per pixel (ISO/IEC 15948). White is opaque, or the quiet zone would
    # vanish on a dark page.
    header = pack(">2I5B", side, side, 1, 0, 0, 0, 0)
    pixels = zlib.compress(lines, zlib.Z_BEST_SPEED)  # half a kilobyte more, in a third of the time
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return _PNG_SIGNATURE + b"".join(_chunk(name, data) for name, data in chunks)


def qr_svg(token: str) -> bytes:
    out = BytesIO()
    code = _code(token)
    code.save(out, kind="svg", scale=8, border=QUIET_ZONE, dark="#000", light="#fff")
    return out.getvalue()


def qr_svg_of_text(text: str) -> str:
    """Return the QR code of any text as an SVG element that scales with its page."""
    out = BytesIO()
    code = segno.make_qr(text, error="M")
    code.save(
        out,
        kind="svg",
        border=QUIET_ZONE,
        dark="#000",
        light="#fff",
        xmldecl=False,
        omitsize=True,
        nl=False,
    )
    return out.getvalue().decode()


def _code(token: str) -> segno.QRCode:
    # Level Q survives a crease or a thumb. Boosted, the density would depend on the token length.
    return segno.make_qr(token, mode="alphanumeric", error="Q", boost_error=False, mask=MASK)


def _with_quiet_zone(matrix: Sequence[bytearray]) -> list[bytes]:
    """Return rows of modules; 1 is dark."""
    margin = bytes(QUIET_ZONE)
    above = [bytes(len(matrix) + 2 * QUIET_ZONE)] * QUIET_ZONE
    return [*above, *(margin + row + margin for row in matrix), *above]


def _scaled(row: bytes, scale: int) -> bytes:
    pixels = ("1" * scale, "0" * scale)
    bits = "".join([pixels[module] for module in row])
    length = -(-len(bits) // 8)
    line = int(bits.ljust(8 * length, "0"), 2).to_bytes(length)
    return _AS_IT_IS + line + (_AS_ABOVE + bytes(length)) * (scale - 1)


def _chunk(name: bytes, data: bytes) -> bytes:
    return pack(">I", len(data)) + name + data + pack(">I", zlib.crc32(name + data))
