"""The documentation pages as used: signing in, trying an operation, reading."""

import re
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, Page, Route

from app.settings import Settings
from app.users.account_service import create_development_accounts
from tests.devices.devices import add_device
from tests.support.api import Api
from tests.support.browser import watched
from tests.support.serving import served
from tools.write_permissions import documented_app

ADMIN = ("admin@ifactory.com", "admin123")
SAMPLES = {"curl": "curl -X POST", "JavaScript": "await fetch", "Python": "httpx"}


@pytest.fixture
async def address(app: FastAPI, settings: Settings) -> AsyncIterator[str]:
    await create_development_accounts(settings)
    async with served(app) as found:
        yield found


@pytest.fixture
async def docs(page: Page, address: str) -> Page:
    """Open `/docs` in a browser that reaches only this service."""

    async def only_from_here(route: Route) -> None:
        assert route.request.url.startswith((address, "data:")), route.request.url
        await route.continue_()

    await page.route("**/*", only_from_here)
    await page.goto(f"{address}/docs")
    await page.locator(".opblock-tag").first.wait_for()
    return page


async def authorize(docs: Page, scheme: str, **fields: str) -> None:
    """Fill in the form of a scheme behind *Authorize*; fields are ids in the page."""
    await docs.locator(".btn.authorize").first.click()
    title = docs.locator("h4", has_text=re.compile(rf"^\s*{scheme}\b"))
    form = docs.locator(".auth-container").filter(has=title)
    for name, value in fields.items():
        await form.locator(f"#{name}").fill(value)
    await form.locator("button.authorize").click()
    await form.get_by_text("Logout").wait_for()
    await form.locator(".btn-done").click()


async def tried(docs: Page, tag: str, operation: str) -> tuple[str, str]:
    """Return status and text of the response to an operation sent with its examples."""
    block = docs.locator(f".opblock[id$='-{operation}']")
    if not await block.is_visible():
        await docs.locator(f".opblock-tag[data-tag='{tag}']").click()
    await block.locator(".opblock-summary-control").click()
    await block.get_by_role("button", name="Try it out").click()
    await block.get_by_role("button", name="Execute").click()
    answer = block.locator(".live-responses-table tbody")
    await answer.wait_for()
    status = await answer.locator(".response-col_status").first.inner_text()
    return status.strip()[:3], await answer.inner_text()


async def test_somebody_signs_in_by_the_form_and_registers_the_example(docs: Page):
    assert (await tried(docs, "auth", "auth_me"))[0] == "401"
    username, password = ADMIN
    await authorize(docs, "oauth2", oauth_username=username, oauth_password=password)
    status, text = await tried(docs, "visitors", "visitors_create")
    assert status == "201"
    assert "Ada Lovelace" in text
    assert (await tried(docs, "visitors", "visitors_list"))[0] == "200"


async def test_a_token_is_pasted(docs: Page, api: Api):
    client = await api.admin()
    token = client.headers["Authorization"].removeprefix("Bearer ")
    await authorize(docs, "bearer", **{"auth-bearer-value": token})
    status, text = await tried(docs, "auth", "auth_me")
    assert status == "200"
    assert "desk@example.com" in text


async def test_a_device_tries_its_key(docs: Page, api: Api):
    device = await add_device(api)
    await authorize(docs, "device", api_key_value=device.headers["X-Device-Key"])
    assert (await tried(docs, "devices", "devices_heartbeat"))[0] == "204"
    status, text = await tried(docs, "scans", "visitors_verify_qr")
    assert status == "404"
    assert "unknown" in text


async def test_redoc_shows_every_operation(browser: Browser, address: str):
    context = await browser.new_context()
    page = await context.new_page()
    complaints = watched(page)
    await page.goto(f"{address}/redoc")
    await page.get_by_role("heading", name="Register a visitor").wait_for()
    await page.get_by_role("heading", name="Register a visitor").scroll_into_view_if_needed()
    summaries = [
        operation["summary"]
        for methods in documented_app().openapi()["paths"].values()
        for operation in methods.values()
    ]
    shown = await page.locator("h2").all_inner_texts()
    headings = {heading.strip().removesuffix("Deprecated").strip() for heading in shown}
    assert set(summaries) <= headings
    # The logo of its maker, hidden by our stylesheet and blocked by the policy.
    assert all("logo-mini.svg" in complaint for complaint in complaints)
    await context.close()


async def test_an_operation_is_found_by_words_of_it(docs: Page):
    await docs.locator(".operation-filter-input").fill("print badge")
    await docs.locator(".opblock-tag[data-tag='auth']").wait_for(state="detached")
    tags = await docs.locator(".opblock-tag").all()
    assert [await tag.get_attribute("data-tag") for tag in tags] == ["visitors"]
    await tags[0].click()
    paths = await docs.locator(".opblock-summary-path").all_inner_texts()
    assert any("badge.pdf" in path for path in paths)


async def test_code_is_beside_and_usual_errors_are_folded(docs: Page):
    await docs.locator(".opblock-tag[data-tag='visitors']").click()
    block = docs.locator(".opblock[id$='-visitors_create']")
    await block.locator(".opblock-summary-control").click()
    for language, part in SAMPLES.items():
        await block.get_by_role("button", name=language, exact=True).click()
        assert part in await block.locator(".samples-code").inner_text()
    statuses = block.locator("tr.response[data-code]")
    before = await statuses.count()
    assert await block.locator("tr.response[data-code='503']").count() == 0
    await block.get_by_role("button", name=re.compile("usual errors")).click()
    await block.locator("tr.response[data-code='503']").wait_for()
    assert await statuses.count() > before


async def test_a_sign_in_outlives_a_reload(docs: Page):
    username, password = ADMIN
    await authorize(docs, "oauth2", oauth_username=username, oauth_password=password)
    await docs.reload()
    await docs.locator(".opblock-tag").first.wait_for()
    assert (await tried(docs, "auth", "auth_me"))[0] == "200"
