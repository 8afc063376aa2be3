"""The scanner page in a browser: clicks, typing, no network."""

import re
from datetime import timedelta

from playwright.async_api import Page, Route, expect

from app.core.clock import SettableClock
from app.core.db.database import Database
from tests.scanner_page.conftest import Gate, type_like_a_scanner
from tests.scans.test_verify_qr import FORGED
from tests.support.api import Api
from tests.support.database import all_scans

VERIFY = "**/api/visitors/verify-qr/"


async def colour(page: Page, name: str) -> None:
    await expect(page.locator("#verdict")).to_have_class(name)


async def test_a_usb_scanner_types_and_the_screen_turns_green(api: Api, scanner: Page):
    visitor = await (await api.admin()).register(company="Ltd")
    await type_like_a_scanner(scanner, visitor["qr_code"])
    await colour(scanner, "green")
    for text in ("Welcome", "Ada Lovelace", "Ltd · to see Charles Babbage · 10:00"):
        await expect(scanner.get_by_role("alert")).to_contain_text(text)


async def test_a_scan_says_which_when_and_at_which_gate(
    api: Api, database: Database, scanner: Page
):
    visitor = await (await api.admin()).register()
    await type_like_a_scanner(scanner, visitor["qr_code"])
    await colour(scanner, "green")
    (scan,) = await all_scans(database)
    assert scan.scan_id is not None
    assert f"{scan.scanned_at:%Y-%m-%dT%H:%M}" == "2026-11-23T08:00"
    assert (scan.gate, scan.direction.value) == ("North", "in")


async def test_a_second_scan_turns_red_with_the_reason_and_what_to_do(api: Api, scanner: Page):
    visitor = await (await api.admin()).register()
    await type_like_a_scanner(scanner, visitor["qr_code"])
    await colour(scanner, "green")
    await type_like_a_scanner(scanner, visitor["qr_code"])
    await colour(scanner, "red")
    alert = scanner.get_by_role("alert")
    await expect(alert).to_contain_text("Already inside")
    await expect(alert).to_contain_text(re.compile(r"since \d?\d:\d\d( [AP]M)? at gate North"))
    await expect(alert).to_contain_text("Ask for an ID document")
    await expect(alert).to_contain_text("Ada Lovelace")
    await expect(alert).to_contain_text("to see Charles Babbage · 23 Nov 2026, 10:00")


async def test_a_forged_code_turns_red(scanner: Page):
    await type_like_a_scanner(scanner, FORGED)
    await colour(scanner, "red")
    await expect(scanner.get_by_role("alert")).to_contain_text("Unknown code")


async def test_what_is_no_code_is_red_without_a_question(scanner: Page):
    asked: list[str] = []
    scanner.on("request", lambda request: asked.append(request.url))
    await type_like_a_scanner(scanner, "4006381333931")
    await colour(scanner, "red")
    assert asked == []


async def test_caps_lock_does_not_matter(api: Api, scanner: Page):
    visitor = await (await api.admin()).register()
    await type_like_a_scanner(scanner, visitor["qr_code"].lower())
    await colour(scanner, "green")


async def test_the_way_out(api: Api, scanner: Page):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.scan(visitor["qr_code"])
    await scanner.get_by_label("Out").check()
    await type_like_a_scanner(scanner, visitor["qr_code"])
    await colour(scanner, "green")
    await expect(scanner.get_by_role("alert")).to_contain_text("Goodbye")
    await scanner.reload()
    await expect(scanner.get_by_label("Out")).to_be_checked()


async def test_keys_are_enough(api: Api, gate: Gate, page: Page):
    visitor = await (await api.admin()).register()
    await page.goto(f"{gate.address}/scanner/")
    await expect(page.get_by_label("Key")).to_be_focused()
    await type_like_a_scanner(page, gate.key)
    code = page.get_by_label("Code")
    await expect(code).to_be_focused()
    await type_like_a_scanner(page, visitor["qr_code"])
    await colour(page, "green")
    await page.keyboard.press("Escape")
    await expect(page.locator("#verdict")).to_be_hidden()
    await expect(code).to_be_focused()


async def test_a_code_is_a_code_wherever_the_focus_is(api: Api, scanner: Page):
    visitor = await (await api.admin()).register()
    await scanner.get_by_role("button", name="Use the camera").focus()
    await type_like_a_scanner(scanner, visitor["qr_code"])
    await colour(scanner, "green")


async def test_a_scan_without_an_answer_is_sent_again_and_done_once(
    api: Api, database: Database, scanner: Page
):
    visitor = await (await api.admin()).register()
    sent: list[str | None] = []

    async def lose_the_first(route: Route) -> None:
        sent.append(route.request.post_data)
        if len(sent) == 1:
            await route.fetch()  # the service has the scan, but the response never arrives
            await route.abort()
        else:
            await route.continue_()

    await scanner.route(VERIFY, lose_the_first)
    await type_like_a_scanner(scanner, visitor["qr_code"])
    await colour(scanner, "green")
    assert len(sent) == 2
    assert sent[0] == sent[1]
    assert len(await all_scans(database)) == 1


async def turned_away_without_an_answer(scanner: Page, code: str) -> None:
    async def lose(route: Route) -> None:
        await route.fetch()
        await route.abort()

    await scanner.route(VERIFY, lose)
    await type_like_a_scanner(scanner, code)
    await colour(scanner, "amber")
    await scanner.keyboard.press("Escape")
    await scanner.unroute(VERIFY)


async def test_a_visitor_admitted_without_an_answer_comes_in_later(
    api: Api, database: Database, scanner: Page
):
    visitor = await (await api.admin()).register()
    await turned_away_without_an_answer(scanner, visitor["qr_code"])
    await type_like_a_scanner(scanner, visitor["qr_code"])
    await colour(scanner, "green")
    assert len(await all_scans(database)) == 1


async def test_who_was_turned_away_too_early_comes_in_when_it_is_time(
    api: Api, scanner: Page, clock: SettableClock
):
    visitor = await (await api.admin()).register(visit_time="16:00")
    await turned_away_without_an_answer(scanner, visitor["qr_code"])
    clock.set(clock.now() + timedelta(hours=7))
    await type_like_a_scanner(scanner, visitor["qr_code"])
    await colour(scanner, "green")


async def test_a_200_that_is_not_ours_opens_nothing(api: Api, scanner: Page):
    visitor = await (await api.admin()).register()
    await scanner.route(VERIFY, lambda route: route.fulfill(status=200, body="<h1>Log in</h1>"))
    await type_like_a_scanner(scanner, visitor["qr_code"])
    await colour(scanner, "amber")


async def test_a_404_that_is_not_about_the_code_refuses_nobody(api: Api, scanner: Page):
    visitor = await (await api.admin()).register()
    document = {"code": "not_found", "detail": "There is nothing here"}
    await scanner.route(VERIFY, lambda route: route.fulfill(status=404, json=document))
    await type_like_a_scanner(scanner, visitor["qr_code"])
    await colour(scanner, "amber")


async def test_nobody_waits_for_a_long_pause_that_the_service_asks_for(api: Api, scanner: Page):
    visitor = await (await api.admin()).register()
    asked: list[str] = []

    async def be_down(route: Route) -> None:
        asked.append(route.request.url)
        await route.fulfill(status=503, json={}, headers={"Retry-After": "4"})

    await scanner.route(VERIFY, be_down)
    await type_like_a_scanner(scanner, visitor["qr_code"])
    await colour(scanner, "amber")
    assert len(asked) == 1


async def test_where_codes_are_limited_the_next_one_is_not_ours_either(scanner: Page):
    document = {"code": "too_many_requests", "detail": "Try again in 30 seconds"}
    await scanner.route(VERIFY, lambda route: route.fulfill(status=429, json=document))
    await type_like_a_scanner(scanner, FORGED)
    await colour(scanner, "red")
    await expect(scanner.get_by_role("alert")).to_contain_text("Unknown code")


async def test_at_the_exit_nobody_is_kept_inside(api: Api, scanner: Page):
    visitor = await (await api.admin()).register()
    await scanner.get_by_label("Out").check()
    await type_like_a_scanner(scanner, visitor["qr_code"])
    await colour(scanner, "red")
    await expect(scanner.get_by_role("alert")).to_contain_text("let the visitor out by hand")


async def test_a_key_that_was_revoked_is_said_to_be_refused(api: Api, scanner: Page):
    admin = await api.admin()
    visitor = await admin.register()
    (device,) = (await admin.get("devices/")).json()["items"]
    await admin.delete(f"devices/{device['id']}/")
    await type_like_a_scanner(scanner, visitor["qr_code"])
    await expect(scanner.get_by_role("alert")).to_contain_text("The service refused this key")
    await expect(scanner.get_by_label("Key")).to_be_focused()


async def test_a_wrong_key_is_said_to_be_refused_and_not_kept(gate: Gate, page: Page):
    await page.goto(f"{gate.address}/scanner/")
    await expect(page.get_by_role("alert")).to_contain_text("This device needs a key")
    await page.get_by_label("Key").fill("vmsdev_wrong")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("The service refused this key")
    await page.reload()
    await expect(page.get_by_role("alert")).to_contain_text("This device needs a key")


async def test_the_key_is_typed_once_and_can_be_forgotten(scanner: Page):
    await scanner.reload()
    await expect(scanner.get_by_label("Code")).to_be_focused()
    await scanner.get_by_role("button", name="Forget the key").click()
    await expect(scanner.get_by_role("alert")).to_contain_text("This device needs a key")
    assert "vmsdev" not in await scanner.evaluate("JSON.stringify(localStorage)")
