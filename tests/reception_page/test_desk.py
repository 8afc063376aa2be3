"""The Monday of a desk: arrivals, walk-ins, overrides, lunch, undo."""

from playwright.async_api import Page, expect

from app.core.db.database import Database
from app.users.models import Role
from tests.reception_page.conftest import (
    SEARCH,
    Reception,
    names_are,
    said,
    search,
    section,
)
from tests.support.api import Api
from tests.support.database import change_default_site

READS = "**/api/desk/?*"
NAMES = [f"Visitor {letter}" for letter in "ABCDEFGHIJKLMNOPQRST"]


async def test_twenty_arrive_by_name_and_by_code(reception: Reception, page: Page):
    tokens = {
        name: (await reception.expect_visitor(name, visit_time=f"{10 + place % 2}:00"))["qr_code"]
        for place, name in enumerate(NAMES)
    }
    desk = await reception.open(page)
    await expect(section(desk, "Expected now").locator("li")).to_have_count(20)
    for place, name in enumerate(NAMES):
        await search(desk, name if place % 2 else tokens[name].lower())
        await said(desk, f"{name} is checked in")
        await expect(desk.get_by_label(SEARCH)).to_have_value("")
    await expect(section(desk, "Inside").locator("li")).to_have_count(20)
    assert sorted((await reception.look())["inside"]) == NAMES


async def test_a_usb_scanner_types_wherever_the_focus_is(reception: Reception, desk: Page):
    visitor = await reception.expect_visitor("Ada")
    await desk.locator("h1").click()
    await desk.keyboard.type(visitor["qr_code"])
    await desk.keyboard.press("Enter")
    await said(desk, "Ada is checked in")
    await desk.keyboard.type(visitor["qr_code"])
    await desk.keyboard.press("Enter")
    await said(desk, "already inside")
    await expect(
        section(desk, "Found").get_by_role("button", name="Check out: Ada")
    ).to_be_visible()


async def test_an_arrival_at_a_gate_is_shown_at_once(reception: Reception, page: Page):
    visitor = await reception.expect_visitor("Ada")
    desk = await reception.open(page)
    await reception.root.scan(visitor["qr_code"], gate="North")
    await reception.tell()
    await said(desk, "Ada has arrived")
    await names_are(desk, "Inside", ["Ada"])


async def test_a_walk_in_needs_a_name_and_a_host(reception: Reception, desk: Page):
    host = await reception.api.person(Role.HOST, "grace@example.com", "Grace", "Hopper")
    await desk.get_by_role("button", name="Walk-in").click()
    await desk.get_by_label("Name", exact=True).fill("Eve")
    await desk.keyboard.press("Enter")
    await expect(desk.get_by_role("dialog").get_by_role("alert")).to_contain_text("host")
    await desk.get_by_label("Host").fill("grace hopper")
    await desk.keyboard.press("Enter")
    await said(desk, "Eve is checked in")
    [eve] = (await reception.root.get("visitors/", q="Eve")).json()["items"]
    assert (eve["email"], eve["host_id"], eve["presence"]) == (None, host.user_id, "inside")


async def test_a_refusal_is_overridden_with_a_reason(
    reception: Reception, database: Database, page: Page
):
    visitor = await reception.expect_visitor("Ada", visit_date="2026-11-24")
    desk = await reception.open(page)
    await search(desk, visitor["qr_code"])
    dialog = desk.get_by_role("dialog")
    await expect(dialog).to_contain_text("The visit is on another day")
    await dialog.get_by_label("Reason").fill("The host has called")
    await desk.keyboard.press("Enter")
    await said(desk, "Ada is checked in")
    assert (await reception.look())["inside"] == ["Ada"]


async def test_a_walk_in_into_a_full_hour_is_overridden(
    reception: Reception, database: Database, page: Page
):
    await change_default_site(database, slot_capacity=1)
    await reception.expect_visitor("Ada", visit_time="10:00")
    first = {"name": "First", "host_email": "charles@example.com"}
    assert (await reception.root.post("visitors/walk-in/", first)).status_code == 201
    desk = await reception.open(page)
    await desk.keyboard.press("Escape")
    await desk.get_by_role("button", name="Walk-in").click()
    await desk.get_by_label("Name", exact=True).fill("Eve")
    await desk.get_by_label("Host").fill("charles@example.com")
    await desk.keyboard.press("Enter")
    await expect(desk.get_by_role("group", name="Let in all the same?")).to_be_visible()
    await desk.get_by_label("Reason").fill("The hour may have one more")
    await desk.keyboard.press("Enter")
    await said(desk, "Eve is checked in")


async def test_lunch_and_back(reception: Reception, database: Database, page: Page):
    await change_default_site(database, re_entry="same_day")
    visitor = await reception.expect_visitor("Ada")
    await reception.root.scan(visitor["qr_code"])
    desk = await reception.open(page)
    await desk.get_by_role("button", name="Check out: Ada").click()
    await said(desk, "Ada is away")
    await search(desk, "Ada")
    await said(desk, "Ada is checked in")
    await names_are(desk, "Inside", ["Ada"])


async def test_a_step_is_undone_with_what_it_has_mailed(reception: Reception, desk: Page):
    await reception.expect_visitor("Ada")
    await search(desk, "Ada")
    await said(desk, "Ada is checked in")
    await desk.get_by_role("button", name="Undo: Ada").click()
    await desk.get_by_role("dialog").get_by_role("button", name="Undo").click()
    await said(desk, "The check-in of Ada is undone")
    await expect(section(desk, "Expected now").get_by_text("Ada", exact=True)).to_be_visible()


async def test_of_two_desks_one_is_told_who_was_faster(
    reception: Reception, page: Page, other_desk: Page
):
    await reception.expect_visitor("Ada")
    desk = await reception.open(page)
    await other_desk.reload()
    button = "Check in: Ada"
    await expect(other_desk.get_by_role("button", name=button)).to_be_visible()
    # The other desk has not yet read what happened.
    await other_desk.route(READS, lambda route: route.fulfill(status=304))
    await desk.get_by_role("button", name=button).click()
    await said(desk, "Ada is checked in")
    await other_desk.get_by_role("button", name=button).click()
    await expect(other_desk.get_by_role("alert")).to_contain_text("Front Desk was faster")
    await other_desk.unroute(READS)
    await reception.tell()
    await expect(section(other_desk, "Inside").get_by_text("Ada", exact=True)).to_be_visible()


async def test_at_closing_everybody_is_checked_out(reception: Reception, page: Page):
    for name in ("Ada", "Grace"):
        visitor = await reception.expect_visitor(name)
        await reception.root.scan(visitor["qr_code"])
    desk = await reception.open(page)
    await desk.get_by_role("button", name="Check out everybody").click()
    dialog = desk.get_by_role("dialog")
    await expect(dialog).to_contain_text("2 visitors are still inside")
    await dialog.get_by_label("Reason").fill("Closing time")
    await desk.keyboard.press("Enter")
    await said(desk, "2 visits have ended")
    await names_are(desk, "Inside", [])


async def test_a_name_is_text_whatever_it_says(reception: Reception, page: Page):
    name = '<img src="x" onerror="document.title = 1"> {{7 * 7}}'
    await reception.expect_visitor(name, email="ada@example.com")
    desk = await reception.open(page)
    await names_are(desk, "Expected now", [name])
    await expect(desk).to_have_title("Reception")


async def test_a_guard_sees_what_a_guard_may_do(reception: Reception, api: Api, page: Page):
    await reception.expect_visitor("Ada")
    await api.of_role(Role.GUARD)
    desk = await reception.open(page, "guard@example.com", is_live=False)
    await expect(desk.get_by_role("button", name="Walk-in")).to_be_disabled()
    await expect(desk.get_by_role("navigation").get_by_role("button")).to_have_text(
        ["Desk", "Muster"]
    )
    await desk.get_by_role("button", name="Check in: Ada").click()
    await said(desk, "Ada is checked in")
