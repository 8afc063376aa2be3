from playwright.async_api import Page

_FAINT = """() => {
  const channels = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    const colour = channels(getComputedStyle(element).backgroundColor);
    return colour.length < 4 || colour[3] > 0 ? colour : behind(element.parentElement);
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility()) continue;
    const [one, other] = [channels(getComputedStyle(element).color), behind(element)].map(light);
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < 4.5) faint.push(`${contrast.toFixed(1)}: ${element.textContent.trim()}`);
  }
  return faint;
}"""


async def faint_words(page: Page) -> list[str]:
    """Return words with a contrast below 4.5 to 1 (WCAG 2.2, 1.4.3, level AA)."""
    found: list[str] = await page.evaluate(_FAINT)
    return found
