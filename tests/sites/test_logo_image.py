"""What becomes of the images that people send as logos. Pure."""

import struct
import zlib
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from app.sites.logo_image import SHOWN, SMALL, TooWide, Unreadable, logo_of
from tests.sites.logos import LOGO, encoded, picture


def made(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(logo_of(data)))
    image.load()
    assert image.format == "PNG"
    return image


def bomb(side: int) -> bytes:
    """Return a PNG whose header promises so many pixels a side, and holds none."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">2I5B", side, side, 8, 6, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"")), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    ("image", "kind", "expected"),
    [
        (picture(colour=(9, 99, 199)), "PNG", (9, 99, 199)),
        (picture("RGBA", colour=(9, 99, 199, 120)), "PNG", (9, 99, 199, 120)),
        (picture("LA", colour=(70, 0)), "PNG", (70, 70, 70, 0)),
        (picture("L", colour=70), "PNG", (70, 70, 70)),
        (picture("1", colour=1), "PNG", (255, 255, 255)),
        (picture("I;16", colour=0x4680), "PNG", (70, 70, 70)),
        (picture("P", colour=0), "PNG", (0, 0, 0)),
        (picture("RGB", colour=(0, 0, 0)), "JPEG", (0, 0, 0)),
        (picture("CMYK", colour=(0, 0, 0, 255)), "JPEG", (0, 0, 0)),
        (picture("L", colour=255), "JPEG", (255, 255, 255)),
    ],
)
def test_every_kind_of_image_keeps_its_colours(image: Image.Image, kind: str, expected: Any):
    assert made(encoded(image, kind)).getpixel((5, 5)) == expected


def test_a_photo_is_turned_as_the_camera_was_held():
    exif = Image.Exif()
    exif[0x0112] = 6
    sent = encoded(picture(size=(40, 20)), "JPEG", exif=exif)
    assert made(sent).size == (20, 40)


def test_nothing_but_the_picture_is_kept():
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "taken at home")
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    profile = b"a profile" * 99
    sent = encoded(picture(), pnginfo=info, exif=exif, icc_profile=profile, dpi=(300, 300))
    assert made(sent).info == {}
    assert b"home" not in logo_of(sent)


def test_of_a_moving_image_the_first_frame_counts():
    frames = [picture(colour=(1, 2, 3)), picture(colour=(200, 100, 50))]
    image = made(encoded(frames[0], save_all=True, append_images=frames[1:]))
    assert (getattr(image, "n_frames", 1), image.getpixel((0, 0))) == (1, (1, 2, 3))


def test_large_images_are_made_to_fit_and_stay_small():
    noise = Image.effect_noise((2000, 900), 200).convert("RGB")
    png = logo_of(encoded(noise, "JPEG"))
    wide, high = Image.open(BytesIO(png)).size
    assert wide <= SHOWN[0]
    assert high <= SHOWN[1]
    assert len(png) <= 3 * SMALL


def test_a_small_image_is_not_enlarged():
    assert made(LOGO).size == (120, 40)


@pytest.mark.parametrize("side", [4097, 30_000, 2**31 - 1])
def test_a_bomb_is_refused_by_its_header(side: int):
    with pytest.raises(TooWide):
        logo_of(bomb(side))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg/>",
        b"GIF89a",
        LOGO[:40],
        LOGO[:-30],
        b"\xff\xd8\xff\xe0 no more",
        bomb(20),
        bomb(0),
        encoded(picture(), "GIF"),
    ],
)
def test_what_is_no_image_is_unreadable(data: bytes):
    with pytest.raises(Unreadable):
        logo_of(data)
