"""Mails in a browser: phone and desktop, light and dark."""

import base64
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import pytest
import zxingcpp
from PIL import Image
from playwright.async_api import Browser, Page

from app.notifications.kinds import WITH_QR_CODE
from app.notifications.kinds import NotificationKind as Kind
from app.notifications.rendering import RenderedMail
from tests.notifications.examples import TOKEN, VALUES, rendered
from tests.support.contrast import faint_words

WIDE = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2
NAMES = ("visitor_name", "company", "host_name", "site_name", "site_address", "gate", "first_name")
LONG: dict[str, Any] = dict.fromkeys(NAMES, WIDE) | {
    "visitors": [VALUES["visitors"][0] | {"name": WIDE, "company": WIDE}],
    "link": f"https://visitors.example.com/{'x' * 300}",
}
RIGHT_TO_LEFT: dict[str, Any] = dict.fromkeys(NAMES, "محمد بن عبد الله الخوارزمي") | {
    "visitors": [VALUES["visitors"][0] | {"name": "יעל כהן", "company": 'שלום בע"מ'}],
}


@pytest.fixture(params=["light", "dark"])
async def page(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    context = await browser.new_context(color_scheme=request.param)
    yield await context.new_page()
    await context.close()


async def show(page: Page, mail: RenderedMail, width: int) -> None:
    html = mail.html
    for image in mail.images:
        data = base64.b64encode(image.png).decode()
        html = html.replace(f"cid:{image.content_id}", f"data:image/png;base64,{data}")
    await page.set_viewport_size({"width": width, "height": 800})
    await page.set_content(html)


@pytest.mark.parametrize("page", ["light"], indirect=True)  # colours take no room
@pytest.mark.parametrize("language", ["en", "de"])
async def test_no_mail_is_wider_than_a_screen(page: Page, language: str):
    for kind in Kind:
        for facts in ({}, LONG, RIGHT_TO_LEFT):
            await show(page, rendered(kind, language=language, **facts), 1000)
            for width in (320, 375, 1000):
                await page.set_viewport_size({"width": width, "height": 800})
                found = await page.evaluate("document.documentElement.scrollWidth")
                assert found <= width, (kind, facts)


async def test_every_word_stands_out_from_what_is_behind_it(page: Page):
    for kind in Kind:
        await show(page, rendered(kind), 375)
        assert await faint_words(page) == []


@pytest.mark.parametrize("kind", sorted(WITH_QR_CODE))
async def test_the_code_is_read_from_the_screen_of_a_phone(page: Page, kind: Kind):
    await show(page, rendered(kind), 375)
    shot = Image.open(BytesIO(await page.screenshot(full_page=True))).convert("L")
    assert [code.text for code in zxingcpp.read_barcodes(shot)] == [TOKEN]
