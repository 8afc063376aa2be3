"""The desk by keyboard alone."""

from playwright.async_api import Page, expect

from tests.reception_page.conftest import SEARCH, Reception, names_are, said


async def press(page: Page, *keys: str) -> None:
    for key in keys:
        await page.keyboard.press(key)


async def away_from_the_field(page: Page) -> None:
    """Leave the search, in which letters are letters."""
    await page.get_by_label(SEARCH).blur()


async def focused_row(page: Page, name: str) -> None:
    await expect(page.locator("li.row:focus strong")).to_have_text(name)


async def test_the_field_has_the_focus_at_first(reception: Reception, page: Page):
    desk = await reception.open(page)
    await expect(desk.get_by_label(SEARCH)).to_be_focused()


async def test_rows_are_chosen_and_done_by_keys(reception: Reception, page: Page):
    for name, time in (("Ada", "10:00"), ("Grace", "11:00")):
        await reception.expect_visitor(name, visit_time=time)
    desk = await reception.open(page)
    await away_from_the_field(desk)
    await press(desk, "j")
    await focused_row(desk, "Ada")
    await press(desk, "j")
    await focused_row(desk, "Grace")
    await press(desk, "k", "Enter")
    await said(desk, "Ada is checked in")
    await names_are(desk, "Inside", ["Ada"])
    await press(desk, "j", "j")
    await focused_row(desk, "Ada")
    await press(desk, "o")
    await said(desk, "Ada is checked out")
    await names_are(desk, "Inside", [])
    await press(desk, "u", "Enter")
    await said(desk, "The check-out of Ada is undone")
    await names_are(desk, "Inside", ["Ada"])


async def test_a_walk_in_by_keys_alone(reception: Reception, desk: Page):
    await away_from_the_field(desk)
    await press(desk, "w")
    await desk.keyboard.type("Eve")
    await press(desk, "Tab")
    await desk.keyboard.type("charles@example.com")
    await press(desk, "Enter")
    await said(desk, "Eve is checked in")
    await press(desk, "/")
    await expect(desk.get_by_label(SEARCH)).to_be_focused()


async def test_help_and_muster_have_keys(desk: Page):
    await away_from_the_field(desk)
    await press(desk, "?")
    await expect(desk.get_by_role("dialog", name="Keys")).to_contain_text("Walk-in")
    await press(desk, "Escape")
    await expect(desk.get_by_role("dialog")).to_have_count(0)
    await press(desk, "m")
    await expect(desk.get_by_role("button", name="Start a drill")).to_be_visible()
    await press(desk, "/")
    await expect(desk.get_by_label(SEARCH)).to_be_focused()


async def test_letters_can_be_turned_off(desk: Page):
    await desk.get_by_role("button", name="Help").click()
    await desk.get_by_label("Single letters do this").uncheck()
    await press(desk, "Escape")
    await away_from_the_field(desk)
    await press(desk, "w", "m", "?")
    await expect(desk.get_by_role("dialog")).to_have_count(0)
    await expect(desk.get_by_label(SEARCH)).to_be_visible()


async def test_a_badge_is_printed_by_a_key(reception: Reception, page: Page):
    await reception.expect_visitor("Ada")
    desk = await reception.open(page)
    await away_from_the_field(desk)
    await press(desk, "j")
    async with desk.expect_popup() as popup:
        await press(desk, "p")
    await expect((await popup.value).locator("html")).to_be_attached()


async def test_letters_are_letters_where_somebody_types(desk: Page):
    await desk.get_by_label(SEARCH).press_sequentially("wou?jk")
    await expect(desk.get_by_label(SEARCH)).to_have_value("wou?jk")
    await expect(desk.get_by_role("dialog")).to_have_count(0)
    await press(desk, "Escape")
    await expect(desk.get_by_label(SEARCH)).to_have_value("")
