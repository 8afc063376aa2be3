"""The scanner page, served with the device that it needs."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from playwright.async_api import BrowserContext, Page

from tests.conftest import MONDAY
from tests.devices.devices import add_device
from tests.support.api import Api, Client
from tests.support.serving import served


@dataclass(frozen=True)
class Gate:
    """The address of the page, and the key of its device."""

    address: str
    key: str

    async def open(self, page: Page) -> Page:
        """Return the page as it stands at a gate, its key typed in."""
        await page.clock.set_fixed_time(MONDAY)
        await page.goto(f"{self.address}/scanner/")
        await page.get_by_label("Key").fill(self.key)
        await page.get_by_role("button", name="Save").click()
        await page.get_by_label("Code").wait_for()
        return page


@pytest.fixture
async def gate(app: FastAPI, api: Api) -> AsyncIterator[Gate]:
    device: Client = await add_device(api, gate="North")
    async with served(app) as address:
        yield Gate(address, device.headers["X-Device-Key"])


@pytest.fixture
async def scanner(gate: Gate, page: Page) -> Page:
    """Return a scanner that is ready."""
    return await gate.open(page)


@pytest.fixture
async def network(page: Page) -> BrowserContext:
    """Return the network of the page: `await network.set_offline(True)`."""
    return page.context


async def type_like_a_scanner(page: Page, code: str) -> None:
    """Type the code and Enter without a click."""
    await page.keyboard.type(code)
    await page.keyboard.press("Enter")
