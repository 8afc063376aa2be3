"""The scanner page with poor sight, a screen reader, and reduced motion."""

from playwright.async_api import Page, expect

from tests.scanner_page.conftest import type_like_a_scanner

# The lowest contrast ratio (WCAG 2.2, 1.4.3) of all visible texts.
LEAST_CONTRAST = """() => {
    const luminance = (colour) => {
        const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map((value) => {
            const part = value / 255;
            return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const background = (element) => {
        const colour = getComputedStyle(element).backgroundColor;
        return colour === "rgba(0, 0, 0, 0)" ? background(element.parentElement) : colour;
    };
    const isText = (node) => node.nodeType === Node.TEXT_NODE && node.data.trim();
    const shown = [...document.querySelectorAll("body *")].filter(
        (element) => element.checkVisibility() && [...element.childNodes].some(isText));
    return Math.min(...shown.map((element) => {
        const both = [getComputedStyle(element).color, background(element)].map(luminance);
        return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
    }));
}"""
ENOUGH = 4.5  # level AA
SHOWN = {
    "green": "showOpened({message: 'Welcome', visitor: {name: 'Ada', visit_time: '10:00'}})",
    "red": "showRefused({code: 'cancelled', detail: 'This visit was cancelled'})",
    "amber": "showUndecided('in')",
    "grey": "showAsking()",
}


async def show(page: Page, colour: str) -> None:
    await page.evaluate(f"import('./screen.js').then(screen => screen.{SHOWN[colour]})")
    await expect(page.locator("#verdict")).to_have_class(colour)


async def test_every_text_stands_out(scanner: Page):
    assert await scanner.evaluate(LEAST_CONTRAST) >= ENOUGH
    for colour in SHOWN:
        await show(scanner, colour)
        assert await scanner.evaluate(LEAST_CONTRAST) >= ENOUGH, colour


async def test_the_colour_is_also_in_words_and_read_out(scanner: Page):
    for colour, heading in (("green", "Welcome"), ("red", "Cancelled"), ("amber", "Not checked")):
        await show(scanner, colour)
        alert = scanner.get_by_role("alert")
        await expect(alert.get_by_role("heading")).to_have_text(heading)


async def test_everything_to_work_with_has_a_name(scanner: Page):
    tree = await scanner.locator("main").aria_snapshot()
    for named in (
        'group "Direction"',
        'radio "In" [checked]',
        'textbox "Code"',
        'button "Use the camera"',
        'button "Forget the key"',
    ):
        assert named in tree


async def test_tab_reaches_everything_and_is_seen(scanner: Page):
    reached = []
    for _ in range(4):
        reached.append(await scanner.evaluate("document.activeElement.id || 'radio'"))
        assert await scanner.evaluate("getComputedStyle(document.activeElement).outlineStyle") != (
            "none"
        )
        await scanner.keyboard.press("Tab")
    assert (reached[0], reached[2:]) == ("code", ["camera-button", "forget"])


async def test_nothing_moves(scanner: Page):
    await type_like_a_scanner(scanner, "no code")
    await expect(scanner.locator("#verdict")).to_have_class("red")
    assert await scanner.evaluate("document.getAnimations().length") == 0


async def test_a_small_phone_shows_all_of_it(scanner: Page):
    await scanner.set_viewport_size({"width": 320, "height": 568})
    for colour in SHOWN:
        await show(scanner, colour)
        assert await scanner.evaluate("document.documentElement.scrollWidth") <= 320
