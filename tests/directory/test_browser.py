"""The whole way clicked in a browser: page, directory, callback, page."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from asgi_lifespan import LifespanManager
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from playwright.async_api import Browser, Page

from app.auth.directory_flow_service import CALLBACK, directory_provider
from app.core.clock import SettableClock
from app.core.db.database import Database
from app.main import create_app
from app.settings import Settings
from tests.support.browser import watched
from tests.support.directory import Directory, running_directory
from tests.support.serving import served

PAGE = """<!doctype html><title>Desk</title><link rel="icon" href="data:,">
<button>Sign in</button><p></p>
<script type="module">
  const url = (bytes) => btoa(String.fromCharCode(...bytes))
    .replace(/\\+/g, "-").replace(/\\//g, "_").replace(/=+$/, "");
  const [said, kept] = [document.querySelector("p"), sessionStorage];
  document.querySelector("button").onclick = async () => {
    kept.verifier = url(crypto.getRandomValues(new Uint8Array(32)));
    const bytes = new TextEncoder().encode(kept.verifier);
    const challenge = url(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
    const query = new URLSearchParams({ return_to: location.pathname, challenge });
    location.assign(`SERVICE/api/auth/oidc/start/?${query}`);
  };
  const back = new URLSearchParams(location.hash.slice(1));
  if (back.get("error")) said.textContent = back.get("error");
  if (back.get("code")) {
    const answer = await fetch("SERVICE/api/auth/oidc/token/", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ code: back.get("code"), verifier: kept.verifier }),
    });
    said.textContent = (await answer.json()).user.email;
  }
</script>"""


@pytest.fixture
async def desk(
    directory_settings: Settings, database: Database, clock: SettableClock
) -> AsyncIterator[tuple[str, Directory, str]]:
    """Return the address of a page of another origin, its directory, and that of its service."""
    clock.set(datetime.now(UTC))
    pages = FastAPI()
    async with served(pages) as front:
        given: dict[str, Any] = directory_settings.model_dump(exclude_unset=True)
        given |= {"frontend_url": front, "cors_allowed_origins": [front]}
        app = create_app(Settings(_env_file=None, **given), clock=clock)
        async with LifespanManager(app), served(app) as service:
            page = HTMLResponse(PAGE.replace("SERVICE", service))
            for path in ("/", "/desk"):
                pages.get(path)(lambda: page)
            with running_directory(f"{service}{CALLBACK}") as directory:
                given |= {"oidc_issuer": directory.issuer, "public_url": service}
                app.state.settings = Settings(_env_file=None, **given)
                app.state.directory = directory_provider(app.state.settings, clock)
                yield f"{front}/desk", directory, service


@pytest.fixture
async def tab(browser: Browser) -> AsyncIterator[Page]:
    """Return a tab of a browser of its own, which must not complain on its console."""
    context = await browser.new_context()
    tab = await context.new_page()
    complaints = watched(tab)
    yield tab
    await context.close()
    assert complaints == []


async def sign_in(tab: Page, address: str) -> None:
    await tab.goto(address)
    await tab.get_by_role("button").click()
    await answer(tab)


async def answer(tab: Page) -> None:
    """Sign in at the directory."""
    await tab.locator('input[name="login"]').fill("ada")
    await tab.locator('input[name="password"]').fill("any")
    await tab.locator('button[type="submit"]').click()
    await tab.get_by_role("button", name="Continue").click()


async def test_a_person_clicks_through(tab: Page, desk: tuple[str, Directory, str]):
    address, directory, _ = desk
    directory.add("ada", email="ada@example.com", email_verified=True, given_name="Ada")
    await sign_in(tab, address)
    await tab.get_by_text("ada@example.com").wait_for()
    assert urlsplit(tab.url).path == "/desk"
    assert await tab.evaluate("document.cookie") == ""


async def test_a_refusal_is_shown_by_the_page(tab: Page, desk: tuple[str, Directory, str]):
    address, directory, _ = desk
    directory.add("ada", email="ada@example.com", email_verified=False)
    await sign_in(tab, address)
    await tab.get_by_text("email_unverified").wait_for()


async def test_the_desks_page_signs_in_by_it(tab: Page, desk: tuple[str, Directory, str]):
    _, directory, service = desk
    directory.add("ada", email="ada@example.com", email_verified=True, given_name="Ada")
    await tab.goto(f"{service}/reception/")
    await tab.get_by_role("button", name="Sign in with the company's account").click()
    await answer(tab)
    await tab.get_by_text("Your account has no desk").wait_for()  # a host's, as all new ones
    assert urlsplit(tab.url)[2:] == ("/reception/", "", "")


async def test_the_desks_page_says_why_not(tab: Page, desk: tuple[str, Directory, str]):
    _, directory, service = desk
    directory.add("ada", email="ada@example.com", email_verified=False)
    await tab.goto(f"{service}/reception/")
    await tab.get_by_role("button", name="Sign in with the company's account").click()
    await answer(tab)
    await tab.get_by_text("Your address is not verified").wait_for()
