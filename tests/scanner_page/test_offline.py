"""The scanner without a network: what it keeps, and sends later."""

import json

from playwright.async_api import BrowserContext, Page, Route, expect

from app.core.db.database import Database
from tests.scanner_page.conftest import Gate, type_like_a_scanner
from tests.support.api import Api
from tests.support.database import all_scans

BATCH = "**/api/visitors/scans/batch/"


async def let_in(page: Page, code: str) -> None:
    """Let somebody in whose code could not be checked."""
    await type_like_a_scanner(page, code)
    await expect(page.locator("#verdict")).to_have_class("amber")
    await page.keyboard.press("Enter")
    await expect(page.locator("#verdict")).to_be_hidden()


async def waiting(page: Page, text: str) -> None:
    await expect(page.locator("#queue-state")).to_have_text(text)


async def test_visitors_admitted_offline_are_checked_in_when_online(
    api: Api, database: Database, scanner: Page, network: BrowserContext
):
    admin = await api.admin()
    visitor = await admin.register()
    await network.set_offline(True)
    await expect(scanner.locator("#network")).to_have_text("Offline")
    await let_in(scanner, visitor["qr_code"])
    await waiting(scanner, "One scan waiting to be sent.")
    assert await all_scans(database) == []
    await network.set_offline(False)
    await waiting(scanner, "")
    (scan,) = await all_scans(database)
    assert scan.verdict.value == "admitted"
    await expect(scanner.locator("#notes")).to_be_hidden()
    assert visitor["qr_code"] not in await scanner.evaluate("JSON.stringify(localStorage)")


async def test_the_page_and_its_queue_survive_a_reload_offline(
    api: Api, database: Database, scanner: Page, network: BrowserContext
):
    visitor = await (await api.admin()).register()
    await scanner.evaluate("navigator.serviceWorker.ready.then(() => true)")
    await network.set_offline(True)
    await let_in(scanner, visitor["qr_code"])
    await scanner.reload()
    await waiting(scanner, "One scan waiting to be sent.")
    await network.set_offline(False)
    await waiting(scanner, "")
    assert len(await all_scans(database)) == 1


async def test_who_is_turned_away_is_not_reported(api: Api, scanner: Page, network: BrowserContext):
    visitor = await (await api.admin()).register()
    await network.set_offline(True)
    await type_like_a_scanner(scanner, visitor["qr_code"])
    await expect(scanner.locator("#verdict")).to_have_class("amber")
    await scanner.keyboard.press("Escape")
    await waiting(scanner, "")
    assert visitor["qr_code"] not in await scanner.evaluate("JSON.stringify(localStorage)")


async def test_the_next_code_decides_nothing_on_the_one_before(
    api: Api, scanner: Page, network: BrowserContext
):
    admin = await api.admin()
    ada, eve = await admin.register(), await admin.register(email="eve@example.com")
    await network.set_offline(True)
    await type_like_a_scanner(scanner, ada["qr_code"])
    await expect(scanner.locator("#verdict")).to_have_class("amber")
    await type_like_a_scanner(scanner, eve["qr_code"])
    await expect(scanner.get_by_role("alert")).to_contain_text("Decide on this code first")
    await scanner.get_by_role("button", name="Let in").click()
    await waiting(scanner, "One scan waiting to be sent.")
    kept = await scanner.evaluate("JSON.stringify(localStorage)")
    assert ada["qr_code"] in kept
    assert eve["qr_code"] not in kept


async def test_a_code_that_was_let_in_here_before_is_said_to_be(
    api: Api, scanner: Page, network: BrowserContext
):
    visitor = await (await api.admin()).register()
    await network.set_offline(True)
    await let_in(scanner, visitor["qr_code"])
    await type_like_a_scanner(scanner, visitor["qr_code"])
    await expect(scanner.get_by_role("alert")).to_contain_text("This code was let in here at")


async def test_conflicts_are_shown(api: Api, scanner: Page, network: BrowserContext):
    admin = await api.admin()
    visitor, moved = await admin.register(), await admin.register(email="eve@example.com")
    await admin.scan(visitor["qr_code"], gate="South")
    await admin.patch(f"visitors/{moved['id']}/", {"visit_time": "09:00"})
    await network.set_offline(True)
    await let_in(scanner, visitor["qr_code"])
    await let_in(scanner, moved["qr_code"])
    await waiting(scanner, "2 scans waiting to be sent.")
    await network.set_offline(False)
    await waiting(scanner, "")
    notes = scanner.get_by_role("listitem")
    await expect(notes).to_have_count(2)
    await expect(notes.filter(has_text="Already inside")).to_contain_text("at gate South")
    await expect(notes.filter(has_text="The visit was moved")).to_have_count(1)
    await scanner.reload()
    await expect(notes).to_have_count(2)
    await scanner.get_by_role("button", name="Clear the list").click()
    await expect(scanner.locator("#notes")).to_be_hidden()


async def test_a_batch_without_an_answer_is_sent_again_and_done_once(
    api: Api, database: Database, scanner: Page, network: BrowserContext
):
    visitor = await (await api.admin()).register()
    sent: list[str | None] = []

    async def lose_the_first(route: Route) -> None:
        sent.append(route.request.post_data)
        await route.fetch() if len(sent) == 1 else await route.continue_()
        if len(sent) == 1:
            await route.abort()

    await scanner.route(BATCH, lose_the_first)
    await network.set_offline(True)
    await let_in(scanner, visitor["qr_code"])
    async with scanner.expect_event("requestfailed"):
        await network.set_offline(False)
    await waiting(scanner, "One scan waiting to be sent.")
    await scanner.evaluate("window.dispatchEvent(new Event('online'))")
    await waiting(scanner, "")
    assert sent[0] == sent[1]
    assert len(await all_scans(database)) == 1


async def test_a_conflict_whose_answer_was_lost_is_shown_all_the_same(
    api: Api, scanner: Page, network: BrowserContext
):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.scan(visitor["qr_code"], gate="South")

    async def lose(route: Route) -> None:
        await route.fetch()
        await route.abort()

    await scanner.route(BATCH, lose, times=1)
    await network.set_offline(True)
    await let_in(scanner, visitor["qr_code"])
    async with scanner.expect_event("requestfailed"):
        await network.set_offline(False)
    await scanner.evaluate("window.dispatchEvent(new Event('online'))")
    await waiting(scanner, "")
    await expect(scanner.get_by_role("listitem")).to_contain_text("at gate South")


async def test_who_was_let_in_offline_does_not_open_once_more(
    api: Api, database: Database, scanner: Page, network: BrowserContext
):
    visitor = await (await api.admin()).register()
    await scanner.route(BATCH, lambda route: route.abort())
    await network.set_offline(True)
    await let_in(scanner, visitor["qr_code"])
    async with scanner.expect_event("requestfailed"):
        await network.set_offline(False)
    await scanner.unroute(BATCH)
    await type_like_a_scanner(scanner, visitor["qr_code"])
    await expect(scanner.locator("#verdict")).to_have_class("red")
    verdicts = [scan.verdict.value for scan in await all_scans(database)]
    assert verdicts == ["admitted", "refused"]


async def test_a_scan_under_a_used_id_is_reported_under_another_one(
    api: Api, database: Database, scanner: Page
):
    admin = await api.admin()
    ada, eve = await admin.register(), await admin.register(email="eve@example.com")
    await type_like_a_scanner(scanner, ada["qr_code"])
    await expect(scanner.locator("#verdict")).to_have_class("green")
    (first,) = await all_scans(database)
    used = {
        "token": eve["qr_code"],
        "scan_id": str(first.scan_id),
        "scanned_at": "2026-11-23T08:00:00Z",
        "direction": "in",
    }
    await scanner.evaluate(
        "scan => localStorage.setItem('vms.scan.' + scan.scan_id, JSON.stringify(scan))", used
    )
    async with scanner.expect_event(
        "requestfinished", lambda request: used["scan_id"] not in (request.post_data or "")
    ):
        await scanner.evaluate("window.dispatchEvent(new Event('online'))")
    assert [scan.verdict.value for scan in await all_scans(database)] == ["admitted", "admitted"]


async def test_a_scan_that_was_asked_about_keeps_its_id_in_the_queue(
    api: Api, database: Database, scanner: Page
):
    """The service has admitted the visitor, but three responses are lost."""
    visitor = await (await api.admin()).register()

    async def lose(route: Route) -> None:
        await route.fetch()
        await route.abort()

    await scanner.route("**/api/visitors/verify-qr/", lose)
    await let_in(scanner, visitor["qr_code"])
    await waiting(scanner, "")
    (scan,) = await all_scans(database)
    assert scan.verdict.value == "admitted"
    await expect(scanner.locator("#notes")).to_be_hidden()


async def test_a_scan_that_the_service_cannot_read_holds_up_no_other(
    api: Api, database: Database, scanner: Page
):
    visitor = await (await api.admin()).register()
    broken = {"token": "x" * 600, "scan_id": "broken", "scanned_at": "2026-11-23T07:00:00Z"}
    await scanner.evaluate(
        "scan => localStorage.setItem('vms.scan.broken', scan)", json.dumps(broken)
    )
    await type_like_a_scanner(scanner, visitor["qr_code"])  # an answer: the network is there
    await expect(scanner.get_by_role("listitem")).to_contain_text("could not read this scan")
    await waiting(scanner, "")


async def test_a_refused_key_keeps_the_queue(
    api: Api, scanner: Page, gate: Gate, network: BrowserContext
):
    admin = await api.admin()
    visitor = await admin.register()
    await network.set_offline(True)
    await let_in(scanner, visitor["qr_code"])
    (device,) = (await admin.get("devices/")).json()["items"]
    await admin.delete(f"devices/{device['id']}/")
    await network.set_offline(False)
    await expect(scanner.get_by_role("alert")).to_contain_text("The service refused this key")
    assert visitor["qr_code"] in await scanner.evaluate("JSON.stringify(localStorage)")
