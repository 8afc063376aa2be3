"""A headless Chromium, one per test worker."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

from tests.support.left_out import leave_out

NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = "no Chromium here: apt-get install chromium, or set CHROMIUM to its path"
PATIENCE_MS = 30_000  # what a page does takes milliseconds, but not on a busy machine
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of a Chromium; without it, skip the test, or fail in CI."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        leave_out(MISSING)
    return found


@asynccontextmanager
async def launched(chromium: str, *flags: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, *flags])
        try:
            yield browser
        finally:
            await browser.close()


@pytest.fixture(scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """Yield a browser; open a page in a fresh context with `await browser.new_page()`."""
    async with launched(chromium) as browser:
        yield browser


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """Yield a page without state, whose console must stay empty."""
    context = await browser.new_context()
    page = await context.new_page()
    complaints = watched(page)
    yield page
    await context.close()
    assert complaints == []


def watched(page: Page) -> list[str]:
    """Collect failed scripts and violations of the page's policy."""
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # The console also logs refused requests, which a page may expect.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            complaints.append(message.text)

    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", note)
    return complaints
