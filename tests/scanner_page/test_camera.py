"""The scanner's camera, shown the QR code of a delivered mail."""

import io
from email.message import EmailMessage
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, Page, expect

from app.core.db.database import Database
from tests.scanner_page.conftest import Gate
from tests.scanner_page.test_page import colour
from tests.support.api import Api
from tests.support.browser import launched, watched
from tests.support.database import all_scans
from tests.support.mailbox import Mailbox

FAKE_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
WIDTH, HEIGHT = 640, 480
A_SECOND_MORE = """async (video) => {
    const end = video.currentTime + 1;
    while (video.currentTime < end) await new Promise(requestAnimationFrame);
}"""


def qr_code_in(mail: EmailMessage) -> Image.Image:
    """Return the picture in a confirmation."""
    png = next(part for part in mail.walk() if part.get_content_type() == "image/png")
    return Image.open(io.BytesIO(png.get_content())).convert("L")


def held_up(code: Image.Image) -> Image.Image:
    """Return what a camera sees of a phone that is held before it, not quite straight."""
    phone = Image.new("L", (360, 440), 255)
    phone.paste(code.resize((300, 300)), (30, 70))
    seen = Image.new("L", (WIDTH, HEIGHT), 96)
    seen.paste(phone.rotate(7, fillcolor=96, expand=True), (130, 0))
    return seen


def stream(path: Path, *pictures: Image.Image) -> Path:
    """Return a film of these pictures, a second each, for Chromium's fake camera (YUV4MPEG2)."""
    grey = bytes([128]) * (WIDTH * HEIGHT // 2)
    with path.open("wb") as film:
        film.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420jpeg\n".encode())
        for picture in pictures:
            film.write((b"FRAME\n" + picture.tobytes() + grey) * 10)
    return path


async def looking_at(browser: Browser, gate: Gate) -> Page:
    """Return a scanner with its camera on."""
    page = await gate.open(await browser.new_page())
    await page.get_by_role("button", name="Use the camera").click()
    return page


async def test_a_code_from_a_mail_that_is_held_up_opens_the_gate_once(
    api: Api, database: Database, mailbox: Mailbox, gate: Gate, chromium: str, tmp_path: Path
):
    await (await api.admin()).register()
    mails = await mailbox.deliver()
    (confirmation,) = [mail for mail in mails if "ada@example.com" in mail["To"]]
    film = stream(tmp_path / "camera.y4m", held_up(qr_code_in(confirmation)))
    flags = (*FAKE_CAMERA, f"--use-file-for-fake-video-capture={film}")
    async with launched(chromium, *flags) as browser:
        page = await looking_at(browser, gate)
        complaints = watched(page)
        await colour(page, "green")
        await expect(page.get_by_role("alert")).to_contain_text("Ada Lovelace")
        await page.get_by_role("button", name="Next").click()
        # The code is still in sight: later frames are not another scan.
        await page.locator("#picture").evaluate(A_SECOND_MORE)
        await expect(page.locator("#verdict")).to_be_hidden()
        assert complaints == []
    (scan,) = await all_scans(database)
    assert scan.verdict.value == "admitted"


async def test_a_device_without_a_camera_says_so(scanner: Page):
    await scanner.get_by_role("button", name="Use the camera").click()
    await expect(scanner.locator("#camera-state")).to_contain_text("No camera")
    await expect(scanner.get_by_role("button", name="Use the camera")).to_be_visible()
