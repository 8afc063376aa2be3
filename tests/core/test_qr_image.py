from io import BytesIO

import pytest
import segno
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from app.core.qr_image import MASK, QUIET_ZONE, qr_png, qr_svg

TOKEN = "7KQ2MZ9X4PBRT6WJ8HCD3VFNGY5LSAEU7KQ2MZ9X4P"
MODULES = 29  # a side of version 3


def picture(png: bytes) -> Image.Image:
    return Image.open(BytesIO(png)).convert("L")


def test_a_reader_reads_back_the_token():
    [code] = zxingcpp.read_barcodes(picture(qr_png(TOKEN)))
    assert code.text == TOKEN
    assert code.format == zxingcpp.BarcodeFormat.QRCode
    assert code.ec_level == "Q"


def test_a_token_of_42_characters_fits_version_3():
    assert picture(qr_png(TOKEN, scale=1)).width == MODULES + 2 * QUIET_ZONE


def test_the_quiet_zone_is_painted_white_for_dark_pages():
    image = Image.open(BytesIO(qr_png(TOKEN, scale=1))).convert("RGBA")
    edge = [image.getpixel((x, y)) for x in range(image.width) for y in range(QUIET_ZONE)]
    assert set(edge) == {(255, 255, 255, 255)}
    assert 'fill="#fff"' in qr_svg(TOKEN).decode()


@pytest.mark.parametrize("scale", [1, 3, 8, 14])
def test_every_pixel_is_as_segno_draws_it(scale: int):
    code = segno.make_qr(TOKEN, mode="alphanumeric", error="Q", boost_error=False, mask=MASK)
    drawn = BytesIO()
    code.save(drawn, kind="png", scale=scale, border=QUIET_ZONE, light="#fff")
    assert picture(qr_png(TOKEN, scale=scale)).tobytes() == picture(drawn.getvalue()).tobytes()


def test_the_code_survives_a_thumb_on_it():
    image = picture(qr_png(TOKEN))
    image.paste(0, (180, 180, 220, 220))
    [code] = zxingcpp.read_barcodes(image)
    assert code.text == TOKEN


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=42, max_size=42))
def test_every_token_of_the_alphabet_is_readable(token: str):
    [code] = zxingcpp.read_barcodes(picture(qr_png(token, scale=3)))
    assert code.text == token


def test_lower_case_is_refused_instead_of_growing_the_code():
    with pytest.raises(ValueError, match="alphanumeric"):
        qr_png("lower")
