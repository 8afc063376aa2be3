"""The scanner page speaks the language of its site, and says where it stands."""

from playwright.async_api import BrowserContext, Page, expect

from app.core.db.database import Database
from tests.scanner_page.conftest import Gate, type_like_a_scanner
from tests.support.api import Api
from tests.support.database import change_default_site


async def test_the_page_shows_its_gate_and_site(scanner: Page):
    await expect(scanner.locator("#place")).to_have_text("North · Main site")
    await scanner.reload()
    await expect(scanner.locator("#place")).to_have_text("North · Main site")


async def test_the_page_speaks_the_language_of_its_site(
    api: Api, database: Database, gate: Gate, page: Page, network: BrowserContext
):
    await change_default_site(database, language="de")
    visitor = await (await api.admin()).register(company="Ltd")
    await page.goto(f"{gate.address}/scanner/")
    await page.get_by_label("Key").fill(gate.key)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Kamera verwenden")).to_be_visible()
    assert await page.evaluate("document.documentElement.lang") == "de"
    alert = page.get_by_role("alert")
    await type_like_a_scanner(page, visitor["qr_code"])
    await expect(alert).to_contain_text("Willkommen")
    await type_like_a_scanner(page, visitor["qr_code"])
    for text in (
        "Schon im Haus",
        "Ada Lovelace",
        "Ltd · zu Charles Babbage · 23. Nov. 2026, 10:00",
        "Im Haus seit",
        "Eingang North",
        "einen Ausweis zeigen lassen",
    ):
        await expect(alert).to_contain_text(text)
    await expect(alert).not_to_contain_text("Already inside")
    await page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    await network.set_offline(True)
    await page.reload()
    await expect(page.get_by_role("button", name="Schlüssel vergessen")).to_be_visible()


async def test_the_language_of_the_site_may_change(api: Api, database: Database, scanner: Page):
    await expect(scanner.get_by_role("button", name="Forget the key")).to_be_visible()
    await change_default_site(database, language="de", name="Werk")
    await scanner.reload()
    await expect(scanner.get_by_role("button", name="Schlüssel vergessen")).to_be_visible()
    await expect(scanner.locator("#place")).to_have_text("North · Werk")
