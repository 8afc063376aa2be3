"""Make a small PNG without metadata of an untrusted image."""

import struct
import zlib
from io import BytesIO

from PIL import Image, ImageOps
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

MOST_PIXELS = 4096
"""The longest side of an image."""
SHOWN = (600, 300)
"""The logo is made to fit, since it is shown small and goes out with every mail."""
SMALL = 64 * 1024
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
FAULTS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    KeyError,
    IndexError,
    struct.error,
    zlib.error,
)


class Unreadable(Exception):  # noqa: N818 - a verdict
    """Not a PNG or JPEG image, or a damaged one."""


class TooWide(Exception):  # noqa: N818 - a verdict
    """More than `MOST_PIXELS` a side."""


def logo_of(data: bytes) -> bytes:
    """Return a logo as PNG; raise `Unreadable` or `TooWide`.

    Of a moving image it is the first frame.
    """
    try:
        image = _opened(data)
        if max(image.size) > MOST_PIXELS:  # known from the header, before anything is unpacked
            raise TooWide
        return _as_png(_upright(image))
    except FAULTS:
        raise Unreadable from None


def _opened(data: bytes) -> Image.Image:
    # Not `Image.open`, which tries other formats, and warns of sizes that are refused here.
    if data.startswith(PNG):
        return PngImageFile(BytesIO(data))
    if data.startswith(JPEG):
        return JpegImageFile(BytesIO(data))
    raise Unreadable


def _upright(image: Image.Image) -> Image.Image:
    """Return the image in 8-bit colours, turned as its metadata says."""
    image.load()
    turned = ImageOps.exif_transpose(image)
    if turned.mode.startswith("I"):  # 16 bits, which `convert` would cut off
        turned = turned.convert("I").point(lambda level: level * (1 / 256)).convert("L")
    is_transparent = turned.has_transparency_data
    shown = turned.convert("RGBA" if is_transparent else "RGB")
    shown.info = {}  # comments, places, profiles
    shown.thumbnail(SHOWN)
    return shown


def _as_png(image: Image.Image) -> bytes:
    png = _saved(image)
    return png if len(png) <= SMALL else _saved(image.quantize(256, Image.Quantize.FASTOCTREE))


def _saved(image: Image.Image) -> bytes:
    out = BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()
