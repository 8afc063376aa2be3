"""What is drawn on badges of every size, in every script."""

import asyncio
import subprocess
import sys
from functools import cache
from io import BytesIO
from typing import Any

import pytest
import zxingcpp
from PIL import Image, ImageChops

from app.badges.layout import PAPERS, Badge, BadgeSize, laid_out
from app.badges.service import compiled, draw
from tests.sites.logos import LOGO

TOKEN = "7KQ2MZ9X4PBRT6WJ8HCD3VFNGY5LSAEU7KQ2MZ9X4P"
WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk"
SCRIPTS = {
    "Latin": "Zoë Żółć",
    "Greek": "Ωμέγα Παπαδόπουλος",
    "Cyrillic": "Дмитрий Щукин",
    "Arabic": "محمد الخوارزمي",
    "Hebrew": "דוד לוי",
    "Devanagari": "दीपिका शर्मा",
    "Thai": "สมชาย ใจดี",
    "Chinese": "王小明",
    "Japanese": "さくら カナ",
    "Korean": "김철수",
}


def badge(name: str = "Ada Lovelace", **words: Any) -> Badge:
    known: dict[str, Any] = {
        "title": "Visitor pass",
        "heading": "Berlin Campus",
        "company": "Analytical Engines",
        "host": "Ansprechperson: Charles Babbage",
        "date": "Mo., 23. Nov. 2026",
        "token": TOKEN,
        "logo": None,
    }
    return Badge(name=name, **known | words)


@cache
def picture(shown: Badge, size: BadgeSize = BadgeSize.LABEL) -> Image.Image:
    return Image.open(BytesIO(compiled(shown, size, "png"))).convert("L")


@pytest.mark.parametrize("size", list(BadgeSize))
def test_the_code_of_every_size_can_be_read(size: BadgeSize):
    for shown in (badge(), badge(WORD * 4, company=WORD * 4, host=WORD * 4, logo=LOGO)):
        image = picture(shown, size)
        assert [code.text for code in zxingcpp.read_barcodes(image)] == [TOKEN]
        inches = tuple(round(side / 300 * 25.4) for side in image.size)
        assert inches == PAPERS[size].sheet


@pytest.mark.parametrize("size", list(BadgeSize))
def test_nothing_reaches_the_edge_of_the_label(size: BadgeSize):
    if PAPERS[size].sheet != PAPERS[size].badge:
        return  # it has an outline
    for name in (WORD * 4, "ก" * 200):
        image = picture(badge(name, company=name, host=name, heading=name), size)
        left, top, right, bottom = ImageChops.invert(image).getbbox() or (0, 0, 0, 0)
        margin = PAPERS[size].margin * 300 / 25.4 * 0.8
        assert min(left, top, image.width - right, image.height - bottom) > margin


@pytest.mark.parametrize("name", SCRIPTS.values(), ids=SCRIPTS)
def test_every_script_has_letters_of_its_own(name: str):
    # A missing letter is a box, which is the same for all.
    letters = sorted({letter for letter in name if letter.isalpha()})[:2]
    one, other, missing = (picture(badge(text)) for text in (*letters, "\U000f0000"))
    assert ImageChops.difference(one, other).getbbox()
    assert ImageChops.difference(one, missing).getbbox()
    assert ImageChops.difference(other, missing).getbbox()


@pytest.mark.parametrize(
    "text", ["#panic()", "*Ann* _x_", "$ x $", '"', "\\", "`a`", "<x> @y", "[", "// c", "]#"]
)
def test_markup_is_printed_as_it_is_typed(text: str):
    assert compiled(badge(text, company=text, host=text, heading=text), BadgeSize.A6)


def test_lines_and_overrides_of_direction_are_harmless():
    odd = badge("Ada\n\u202e \u2066Lovelace\u2028")
    assert laid_out(odd, BadgeSize.A6)["name"] == {"text": "Ada Lovelace", "rtl": False}


@pytest.mark.parametrize(
    ("text", "rtl"), [("דוד Levi", True), ("Ada דוד", False), ("1 محمد", True), ("42", False)]
)
def test_a_name_is_read_from_the_side_of_its_first_letter(text: str, rtl: bool):
    assert laid_out(badge(text), BadgeSize.A6)["name"]["rtl"] is rtl


@pytest.mark.parametrize(
    ("text", "first"), [("山田さくら", "JP"), ("김철수 山", "KR"), ("王小明", "SC"), ("Ada", "SC")]
)
def test_chinese_characters_are_those_of_the_language(text: str, first: str):
    fonts = laid_out(badge(text), BadgeSize.A6)["fonts"]
    assert next(font for font in fonts if "CJK" in font) == f"Noto Sans CJK {first}"


def test_a_logo_takes_the_place_of_the_heading():
    without, with_logo = picture(badge()), picture(badge(logo=LOGO))
    changed = ImageChops.difference(without, with_logo).getbbox()
    assert changed
    assert changed[3] < without.height / 4


async def test_the_loop_goes_on_while_badges_are_drawn():
    await draw(badge(), BadgeSize.LABEL)
    passed = 0

    async def count() -> None:
        nonlocal passed
        while True:
            await asyncio.sleep(0)
            passed += 1

    other = asyncio.create_task(count())
    await asyncio.gather(*(draw(badge(f"Ada {n}"), BadgeSize.A4) for n in range(4)))
    other.cancel()
    assert passed > 4


def test_what_draws_is_loaded_when_it_is_needed():
    check = "import sys, app.main; sys.exit(bool({'typst', 'PIL', 'openpyxl'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
