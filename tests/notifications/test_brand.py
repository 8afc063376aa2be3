"""The brand of a site at the head of mails and passes."""

import base64
from typing import Any

import pytest
from playwright.async_api import Browser

from app.core.db.database import Database
from app.notifications.brand import Logo
from app.notifications.kinds import NotificationKind as Kind
from tests.bulk.files import HEADER, HOST, row, upload, workbook
from tests.notifications.examples import rendered
from tests.sites.logos import LOGO, encoded, picture, put_logo
from tests.sites.test_sites import main_site
from tests.support.api import Api
from tests.support.contrast import faint_words
from tests.support.database import add_site
from tests.support.mailbox import Mailbox

LOGO_TEXT = base64.b64encode(LOGO).decode()
BRANDS: dict[str, dict[str, Any]] = {
    "logo": {"brand_name": "Engines", "brand_color": "#ffcc00", "logo": LOGO_TEXT},
    "light": {"brand_name": "Engines", "brand_color": "#ffcc00"},
    "dark": {"brand_color": "#103f91"},
    "name": {"brand_name": "Engines & <b>Söhne</b>"},
}
HEAD = "border-radius:9px 9px 0 0"


def test_a_site_without_a_brand_has_no_head():
    mail = rendered(Kind.visitor_confirmation)
    assert HEAD not in mail.html
    assert "logo@vms" not in mail.html
    assert [image.filename for image in mail.images] == ["qr-code.png"]


def test_the_brand_stands_in_place_of_the_name_of_the_site():
    mail = rendered(Kind.visitor_confirmation, **BRANDS["name"])
    assert mail.subject.startswith("Your visit to Engines & <b>Söhne</b>:")
    assert "<bdi>Engines &amp; &lt;b&gt;Söhne&lt;/b&gt;</bdi>" in mail.html
    assert "Berlin Campus" in mail.html  # where to go


@pytest.mark.parametrize(("brand", "text"), [("light", "#000000"), ("dark", "#ffffff")])
def test_the_words_on_the_colour_are_black_or_white(brand: str, text: str):
    head = rendered(Kind.host_cancelled, **BRANDS[brand]).html.partition(HEAD)[2]
    assert f"color:{text};" in head[:200]


def test_a_logo_is_part_of_the_mail():
    mail = rendered(Kind.host_cancelled, **BRANDS["logo"])
    [image] = mail.images
    assert (image.content_id, image.png) == ("logo@vms", LOGO)
    assert 'src="cid:logo@vms" width="120" height="40" alt="Engines"' in mail.html


@pytest.mark.parametrize(
    ("size", "shown"), [((600, 100), (200, 33)), ((100, 300), (16, 48)), ((9, 9), (9, 9))]
)
def test_a_logo_is_shown_small(size: tuple[int, int], shown: tuple[int, int]):
    logo = Logo.of(encoded(picture(size=size)))
    assert (logo.width, logo.height) == shown


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_words_of_every_brand_are_readable(browser: Browser, scheme: Any):
    context = await browser.new_context(color_scheme=scheme)
    page = await context.new_page()
    for brand in BRANDS.values():
        for language, width in (("de", 320), ("en", 900)):
            mail = rendered(Kind.visitor_confirmation, language=language, **brand)
            await page.set_viewport_size({"width": width, "height": 800})
            await page.set_content(mail.html)
            assert await faint_words(page) == []
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await context.close()


async def test_pass_and_mail_show_the_logo(api: Api, mailbox: Mailbox):
    root = await api.superadmin()
    site = (await main_site(root))["id"]
    brand = {"brand_name": "Engines", "brand_color": "#ffcc00"}
    await root.patch(f"sites/{site}/", brand)
    await put_logo(root, site)
    code = (await root.register())["qr_code"]
    shown = await api.http.get(f"/pass/{code}")
    kept = (await api.http.get(f"/api/sites/{site}/logo/")).content
    assert f'src="data:image/png;base64,{base64.b64encode(kept).decode()}"' in shown.text
    assert "--brand:#ffcc00;--on-brand:#000000" in shown.text
    assert shown.headers["content-security-policy"].count("sha256-") == 2
    for mail in await mailbox.deliver():
        [logo] = [part for part in mail.walk() if part["Content-ID"] == "<logo@vms>"]
        assert logo.get_content_disposition() == "inline"
        assert logo.get_payload(decode=True) == kept


async def test_a_summary_bears_the_brand_of_its_only_site(
    api: Api, mailbox: Mailbox, database: Database
):
    root = await api.superadmin()
    site = (await main_site(root))["id"]
    await root.patch(f"sites/{site}/", {"brand_name": "Engines", "brand_color": "#ffcc00"})
    await put_logo(root, site)
    await add_site(database, name="Annex")
    header = [*HEADER, "Site"]
    for number, lines in enumerate(([row(1)], [row(2, None), row(3, "Annex")])):
        book = workbook(lines, header if number else HEADER)
        assert (await upload(root, book, **HOST)).status_code == 201
        [mail] = [
            each for each in await mailbox.deliver() if HOST["host_email"] in str(each["To"])
        ][number:]
        logos = [part for part in mail.walk() if part["Content-ID"] == "<logo@vms>"]
        is_branded = "Engines" in str(mail["Subject"])
        assert (is_branded, len(logos)) == ((False, 0) if number else (True, 1))
