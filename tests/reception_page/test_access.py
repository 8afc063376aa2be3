"""The page for everybody: contrast, names, narrow screens, two languages."""

from typing import Any, Literal

import pytest
from playwright.async_api import Browser, Page, expect

from tests.reception_page.conftest import NOW, Reception, section
from tests.reception_page.tools import AXE
from tests.support.browser import watched
from tests.support.contrast import faint_words
from tests.support.left_out import leave_out

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FINDINGS = """async (rules) => {
    const { violations } = await axe.run({ runOnly: rules });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
}"""
VIEWS = ["Desk", "Today", "Groups", "Upload", "Figures", "Muster"]


@pytest.fixture
def axe() -> str:
    """Return the program that looks for what people cannot use."""
    if not AXE.exists():
        leave_out("axe-core is not there: make tools")
    return AXE.read_text(encoding="utf-8")


async def findings(page: Page, axe: str) -> list[str]:
    await page.evaluate(axe)
    found: list[str] = await page.evaluate(FINDINGS, RULES)
    return found + await faint_words(page)


async def opened(reception: Reception, browser: Browser, **options: Any) -> tuple[Page, list[str]]:
    context = await browser.new_context(**options)
    page = await context.new_page()
    complaints = watched(page)
    return await reception.open(page), complaints


async def to(page: Page, view: str) -> None:
    await page.get_by_role("navigation").get_by_role("button", name=view).click()
    await expect(page.locator("main h2").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_view_keeps_anybody_out(
    reception: Reception, browser: Browser, axe: str, scheme: Literal["light", "dark"]
):
    visitor = await reception.expect_visitor("Ada", company="Engines")
    await reception.expect_visitor("Grace")
    await reception.root.scan(visitor["qr_code"])
    page, complaints = await opened(reception, browser, color_scheme=scheme)
    for view in VIEWS:
        await to(page, view)
        assert await findings(page, axe) == [], view
    site = visitor["site"]
    await reception.root.post(f"sites/{site}/musters/", {"kind": "drill"})
    await reception.tell()
    await expect(page.get_by_role("button", name="Needs help: Ada")).to_be_visible()
    assert await findings(page, axe) == []
    await to(page, "Desk")
    await page.get_by_role("button", name="Walk-in").click()
    assert await findings(page, axe) == []
    await page.context.close()
    assert complaints == []


async def test_signing_in_keeps_nobody_out(reception: Reception, page: Page, axe: str):
    await page.goto(f"{reception.cable.url}/reception/")
    await page.get_by_label("E-mail").wait_for()
    assert await findings(page, axe) == []


async def test_a_narrow_screen_shows_all_of_it(reception: Reception, browser: Browser):
    long = "Prof. Dr. Maximiliane-Henriette von Hohenlohe-Waldenburg-Schillingsfürst"
    await reception.expect_visitor("Ada", company=long)
    page, complaints = await opened(reception, browser, viewport={"width": 320, "height": 568})
    for view in VIEWS:
        await to(page, view)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320, view
    await to(page, "Desk")
    await page.get_by_role("button", name="Walk-in").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    await page.context.close()
    assert complaints == []


async def test_the_page_speaks_the_language_of_the_browser(reception: Reception, browser: Browser):
    await reception.expect_visitor("Ada")
    context = await browser.new_context(locale="de-DE")
    page = await context.new_page()
    await page.clock.set_fixed_time(NOW)
    await page.goto(f"{reception.cable.url}/reception/")
    await expect(page.get_by_role("button", name="Anmelden", exact=True)).to_be_visible()
    assert await page.evaluate("document.documentElement.lang") == "de"
    await page.get_by_label("Sprache").select_option("en")
    await expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    await context.close()


async def test_faults_of_fields_are_said_in_german(reception: Reception, desk: Page):
    await desk.get_by_label("Language").select_option("de")
    await desk.get_by_role("button", name="Spontanbesuch").click()
    await desk.get_by_label("Name", exact=True).fill("Eve")
    await desk.get_by_label("Gastgeber").fill("no@address@at.all")
    await desk.keyboard.press("Enter")
    await expect(desk.get_by_role("dialog").get_by_role("alert")).to_contain_text(
        "Keine gültige Angabe"
    )


async def test_refusals_are_said_in_german(reception: Reception, page: Page):
    visitor = await reception.expect_visitor("Ada", visit_date="2026-11-24")
    desk = await reception.open(page)
    await desk.get_by_label("Language").select_option("de")
    await expect(section(desk, "Im Haus")).to_be_visible()
    await desk.get_by_label("Name, Firma oder Code").fill(visitor["qr_code"])
    await desk.keyboard.press("Enter")
    await expect(desk.get_by_role("dialog")).to_contain_text("Der Besuch ist an einem anderen Tag")
