"""The desk's page in a browser, at half past nine of a Monday."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, Locator, Page, expect

from app.core.clock import SettableClock
from tests.conftest import MONDAY
from tests.streams.ears import give_numbers
from tests.support.api import PASSWORD, Api, Client
from tests.support.browser import watched
from tests.support.cable import Cable, cable_to
from tests.support.serving import served

NOW = MONDAY + timedelta(minutes=90)
SEARCH = "Name, company or code"
TURN = 45_000  # milliseconds in which the page has asked again, also on a busy machine


@dataclass
class Reception:
    """The address of the page, and what happens behind it."""

    api: Api
    cable: Cable
    root: Client
    """The account `desk@example.com`, which signs in at the page."""

    async def expect_visitor(self, name: str, **fields: Any) -> dict[str, Any]:
        email = f"{name.lower().replace(' ', '.')}@example.com"
        return await self.root.register(**{"name": name, "email": email} | fields)

    async def look(self) -> dict[str, list[str]]:
        """Return the names of those who are due and inside, as the service has them."""
        desk = (await self.root.get("desk/")).json()
        return {part: [card["name"] for card in desk[part]] for part in ("due", "inside")}

    async def tell(self) -> None:
        """Give what has happened its numbers, so that streams get it."""
        await give_numbers(self.api.database)

    async def open(
        self, page: Page, email: str = "desk@example.com", *, is_live: bool = True
    ) -> Page:
        """Return the page, signed in; `is_live` waits for its stream, which guards have none of."""
        await page.clock.set_fixed_time(NOW)
        await page.goto(f"{self.cable.url}/reception/")
        await page.get_by_label("E-mail").fill(email)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await page.get_by_label(SEARCH).wait_for()
        if is_live:
            await expect(page.get_by_text("● Live")).to_be_visible(timeout=TURN)
        return page


@pytest.fixture
async def reception(app: FastAPI, api: Api, clock: SettableClock) -> AsyncIterator[Reception]:
    clock.set(NOW)
    async with served(app) as address, cable_to(address) as cable:
        yield Reception(api, cable, await api.admin())


@pytest.fixture
async def desk(reception: Reception, page: Page) -> Page:
    """Return the page of a desk where somebody is signed in."""
    return await reception.open(page)


@pytest.fixture
async def other_desk(reception: Reception, browser: Browser) -> AsyncIterator[Page]:
    """Yield a second desk, in a browser of its own."""
    context = await browser.new_context()
    page = await context.new_page()
    complaints = watched(page)
    yield await reception.open(page)
    await context.close()
    assert complaints == []


def section(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title)


async def names_are(page: Page, title: str, names: list[str]) -> None:
    await expect(section(page, title).locator("li strong")).to_have_text(names)


async def search(page: Page, text: str) -> None:
    await page.get_by_label(SEARCH).fill(text)
    await page.keyboard.press("Enter")


async def said(page: Page, text: str) -> None:
    await expect(page.locator(".notes .note")).to_contain_text(text)
