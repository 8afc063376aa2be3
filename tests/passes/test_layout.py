"""Passes in a browser: small and large, light and dark, on paper."""

import re
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import pytest
import zxingcpp
from fastapi import FastAPI
from PIL import Image
from playwright.async_api import Browser, Page

from app.core.db.database import Database
from tests.passes.helpers import FORGED, press_cancel
from tests.support.api import Api
from tests.support.browser import watched
from tests.support.contrast import faint_words
from tests.support.database import change_default_site
from tests.support.serving import served

LONG = {
    "name": "Wolfeschlegelsteinhausenbergerdorff " * 5,
    "company": "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    "host_name": "Ḥasan Ibn ʿAbd al-Raḥmān al-Ṣūfī al-Khwārizmī " * 3,
}
RIGHT_TO_LEFT = {
    "name": "محمد بن عبد الله الخوارزمي",
    "company": 'שלום בע"מ',
    "host_name": "יעל כהן",
}
VISITORS: dict[str, dict[str, Any]] = {"plain": {}, "long": LONG, "right to left": RIGHT_TO_LEFT}
LANGUAGES = ("en", "de")
PHONE, DESKTOP = {"width": 320, "height": 640}, {"width": 1200, "height": 800}


@pytest.fixture
async def url(app: FastAPI) -> AsyncIterator[str]:
    async with served(app) as url:
        yield url


@pytest.fixture
async def tokens(api: Api, database: Database) -> dict[str, str]:
    """Return a pass of each of the visitors."""
    await change_default_site(
        database,
        address="Hauptstraße 1\n10115 Berlin",
        contact_phone="+49 30 123456",
        contact_email=f"{'visits' * 9}@{'berlin' * 9}.example.com",
    )
    admin = await api.admin()
    return {name: (await admin.register(**kind))["qr_code"] for name, kind in VISITORS.items()}


async def opened(browser: Browser, **options: Any) -> Page:
    context = await browser.new_context(**options)
    return await context.new_page()


async def overhang(page: Page) -> int:
    """Return by how many pixels the page is wider than the screen."""
    return int(await page.evaluate("document.documentElement.scrollWidth - innerWidth"))


async def seen_codes(page: Page) -> list[str]:
    shot = Image.open(BytesIO(await page.screenshot(full_page=True))).convert("L")
    return [code.text for code in zxingcpp.read_barcodes(shot)]


@pytest.mark.parametrize(("scheme", "language"), [("light", "de"), ("dark", "en")])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_a_pass_fits_the_screen_and_its_code_is_read_from_it(
    browser: Browser, url: str, tokens: dict[str, str], size: Any, scheme: Any, language: str
):
    page = await opened(browser, viewport=size, color_scheme=scheme, locale=language)
    complaints = watched(page)
    for token in tokens.values():
        await page.goto(f"{url}/pass/{token}")
        assert await overhang(page) <= 0
        assert await faint_words(page) == []
        assert await seen_codes(page) == [token]
        box = await page.locator("img").bounding_box()
        assert box is not None
        assert box["width"] >= 270
    assert complaints == []
    await page.context.close()


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_other_page_fits_a_phone(
    browser: Browser, url: str, api: Api, tokens: dict[str, str], language: str
):
    page = await opened(browser, viewport=PHONE, locale=language)
    await press_cancel(api.http, tokens["plain"])
    for path in (tokens["plain"], f"{tokens['long']}/cancel", FORGED):
        await page.goto(f"{url}/pass/{path}")
        assert await overhang(page) <= 0
    await page.context.close()


async def test_dark_is_dark_but_around_the_code(browser: Browser, url: str, tokens: dict[str, str]):
    page = await opened(browser, viewport=PHONE, color_scheme="dark")
    await page.goto(f"{url}/pass/{tokens['plain']}")
    colour = "element => getComputedStyle(element).backgroundColor"
    assert await page.locator("main").evaluate(colour) == "rgb(28, 34, 42)"
    assert await page.locator("figure").evaluate(colour) == "rgb(255, 255, 255)"
    await page.context.close()


@pytest.mark.parametrize("paper", ["A4", "Letter"])
async def test_a_pass_prints_as_a_badge_on_one_sheet(
    browser: Browser, url: str, tokens: dict[str, str], paper: str
):
    page = await opened(browser, color_scheme="dark")
    await page.emulate_media(media="print")
    for token in tokens.values():
        await page.goto(f"{url}/pass/{token}")
        pdf = await page.pdf(format=paper)
        assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
        assert await seen_codes(page) == [token]
        assert not await page.get_by_text("What to bring").is_visible()
    await page.context.close()


async def test_a_visitor_cancels_with_two_clicks(page: Page, url: str, tokens: dict[str, str]):
    """With the policy that forbids scripts and foreign forms."""
    await page.goto(f"{url}/pass/{tokens['plain']}")
    await page.get_by_role("link", name="I cannot come").click()
    await page.get_by_role("link", name="No, keep it").click()
    await page.get_by_role("link", name="I cannot come").click()
    await page.get_by_role("button", name="Yes, cancel the visit").click()
    assert page.url == f"{url}/pass/{tokens['plain']}"
    assert await page.get_by_role("heading", name="This visit is cancelled").is_visible()


async def test_the_calendar_file_is_a_download(page: Page, url: str, tokens: dict[str, str]):
    await page.goto(f"{url}/pass/{tokens['plain']}")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Add to calendar").click()
    assert (await download.value).suggested_filename == "visit.ics"


async def test_every_thing_to_press_is_named_and_large_enough(
    page: Page, url: str, tokens: dict[str, str]
):
    await page.set_viewport_size({"width": 320, "height": 640})
    await page.goto(f"{url}/pass/{tokens['plain']}")
    for button in await page.locator(".button").all():
        box = await button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
    assert await page.locator("img").get_attribute("alt") == "QR code for the gate"
    assert await page.locator("h1").count() == 1
