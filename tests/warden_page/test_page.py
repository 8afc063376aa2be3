"""The page of a warden, in a browser."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, Page, expect

from tests.conftest import MONDAY
from tests.musters.conftest import Building
from tests.musters.conftest import building as building
from tests.support.browser import watched
from tests.support.cable import Cable, cable_to
from tests.support.serving import served


@pytest.fixture
async def cable(app: FastAPI) -> AsyncIterator[Cable]:
    async with served(app) as address, cable_to(address) as cable:
        yield cable


@pytest.fixture
async def links(cable: Cable, building: Building) -> Any:
    """Return a function that makes the address of a warden's page."""
    await building.admit("Grace", "Ada", company="Engines")
    await building.start()

    async def link(name: str = "Mary") -> str:
        url: str = (await building.send("links", {"name": name})).json()["url"]
        return f"{cable.url}/muster/{url.rpartition('/')[2]}"

    return link


async def opened(page: Page, link: str) -> Page:
    await page.clock.set_fixed_time(MONDAY)
    await page.goto(link)
    await page.get_by_text("Ada", exact=True).wait_for()
    await page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    return page


def button(page: Page, state: str, name: str) -> Any:
    return page.get_by_role("button", name=f"{state}: {name}", exact=True)


TURN = 15_000  # milliseconds until the page has tried again


async def test_it_works_offline_once_opened(
    links: Any, cable: Cable, building: Building, page: Page
):
    await opened(page, await links())
    assert await page.locator("#people .name").all_text_contents() == ["Ada", "Grace"]
    cable.cut()
    await expect(page.locator("#age")).to_contain_text("Offline", timeout=TURN)
    await button(page, "Needs help", "Ada").click()
    await page.reload()
    await expect(page.locator("#waiting")).to_have_text("1 waiting to be sent")
    await button(page, "Safe", "Ada").click()  # it has seen the alarm of this device
    await page.get_by_label("Name", exact=True).fill("Eve")
    await page.get_by_role("button", name="Add", exact=True).click()
    await button(page, "Missing", "Eve").click()
    await expect(page.locator("#waiting")).to_have_text("4 waiting to be sent")
    assert await building.states() == {"Ada": "unknown", "Grace": "unknown"}
    cable.mend()
    await expect(page.locator("#waiting")).to_have_text("", timeout=TURN)
    assert await building.states() == {"Ada": "safe", "Eve": "missing", "Grace": "unknown"}
    await expect(page.locator("#counts")).to_contain_text("2 of 3 unaccounted for")


async def test_two_wardens_agree(links: Any, building: Building, browser: Browser):
    pages = []
    for name in ("Mary", "Florence"):
        page = await (await browser.new_context()).new_page()
        pages.append((await opened(page, await links(name)), watched(page)))
    (mary, _), (florence, _) = pages
    await florence.context.set_offline(True)
    await expect(florence.locator("#age")).to_contain_text("Offline")
    await button(mary, "Needs help", "Ada").click()
    await expect(mary.locator("#people")).to_contain_text("Needs help · Mary")
    await button(florence, "Safe", "Ada").click()  # without knowing of the alarm
    await florence.context.set_offline(False)
    await expect(florence.locator("#people")).to_contain_text("Needs help · Mary")
    assert (await building.states())["Ada"] == "needs_help"
    await button(florence, "Safe", "Ada").click()
    await expect(mary.locator("#people")).to_contain_text("Safe · Florence", timeout=15_000)
    for page, complaints in pages:
        assert complaints == []
        await page.context.close()


async def test_it_is_wiped_when_the_link_is_dead(links: Any, building: Building, page: Page):
    link = await links()
    await opened(page, link)
    path = f"musters/{building.muster['id']}/links/"
    [known] = (await building.root.get(path)).json()
    await building.root.delete(f"{path}{known['id']}/")
    await page.reload()
    await expect(page.locator("#over")).to_contain_text("This link no longer works")
    await expect(page.locator("main")).to_be_hidden()
    assert "Ada" not in await page.content()
    assert await page.evaluate("JSON.stringify(localStorage)") == "{}"


async def test_its_files_are_strict_and_complete(links: Any, page: Page):
    answer = await page.goto(await links())
    assert answer is not None
    headers = answer.headers
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert headers["referrer-policy"] == "no-referrer"
    assert "noindex" in headers["x-robots-tag"]
    assert await page.context.cookies() == []
