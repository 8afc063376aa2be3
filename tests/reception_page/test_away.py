"""The page without a network, and what stays on the device."""

from datetime import timedelta

from playwright.async_api import Page, expect

from tests.reception_page.conftest import NOW, TURN, Reception, names_are, said

KEPT = """async () => {
    const opened = indexedDB.open("vms-reception");
    await new Promise((done) => (opened.onsuccess = done));
    const asked = opened.result.transaction("session").objectStore("session").getAll();
    await new Promise((done) => (asked.onsuccess = done));
    return JSON.stringify([asked.result, localStorage, sessionStorage]);
}"""
FAULT = "No network"


async def test_what_was_shown_stays_with_its_age(reception: Reception, page: Page):
    visitor = await reception.expect_visitor("Ada")
    desk = await reception.open(page)
    await desk.evaluate("navigator.serviceWorker.ready.then(() => true)")
    reception.cable.cut()
    await expect(desk.get_by_text(FAULT)).to_be_visible(timeout=TURN)
    await desk.clock.set_fixed_time(NOW + timedelta(minutes=30))
    await desk.reload()
    await names_are(desk, "Expected now", ["Ada"])
    await expect(desk.locator(".age")).to_have_text("As of 09:30 (30 min ago)")
    await expect(desk.get_by_role("button", name="Check in: Ada")).to_be_disabled()
    await reception.root.scan(visitor["qr_code"])
    reception.cable.mend()
    await expect(desk.get_by_text(FAULT)).to_be_hidden(timeout=TURN)
    await names_are(desk, "Inside", ["Ada"])


async def test_signing_out_leaves_nothing_behind(reception: Reception, page: Page):
    await reception.expect_visitor("Ada")
    desk = await reception.open(page)
    kept = await desk.evaluate(KEPT)
    assert "Ada" in kept
    assert "access" in kept
    await desk.get_by_role("button", name="Sign out").click()
    await expect(desk.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    await desk.wait_for_function(f"async () => !(await ({KEPT})()).includes('access')")
    assert "Ada" not in await desk.evaluate(KEPT)
    assert "Ada" not in await desk.content()


async def test_signing_out_signs_out_the_other_tabs(reception: Reception, desk: Page):
    tab = await desk.context.new_page()
    await tab.goto(desk.url)
    await expect(tab.get_by_role("button", name="Sign out")).to_be_visible()
    await desk.get_by_role("button", name="Sign out").click()
    await expect(tab.get_by_role("button", name="Sign in", exact=True)).to_be_visible()


async def test_without_a_stream_the_page_asks_by_itself(reception: Reception, page: Page):
    await page.route("**/api/events/stream/**", lambda route: route.abort())
    visitor = await reception.expect_visitor("Ada")
    desk = await reception.open(page, is_live=False)
    await names_are(desk, "Expected now", ["Ada"])
    await reception.root.scan(visitor["qr_code"])
    await expect(desk.locator(".notes .note")).to_contain_text("Ada has arrived", timeout=TURN)


async def test_an_expired_token_is_renewed(reception: Reception, page: Page):
    await reception.expect_visitor("Ada")
    desk = await reception.open(page)
    await desk.evaluate(
        """async () => {
            const { keep, tokens } = await import("./session.js");
            await keep({ ...(await tokens()), access: "expired" });
        }"""
    )
    await desk.get_by_role("button", name="Check in: Ada").click()
    await said(desk, "Ada is checked in")


async def test_a_session_that_ended_elsewhere_is_wiped(reception: Reception, page: Page):
    await reception.expect_visitor("Ada")
    desk = await reception.open(page)
    assert (await reception.root.delete("auth/sessions/")).status_code == 204
    await expect(desk.get_by_role("button", name="Sign in", exact=True)).to_be_visible(timeout=TURN)
    assert "Ada" not in await desk.evaluate(KEPT)
