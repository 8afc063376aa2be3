"""Groups, uploads, figures, the day and the muster at the desk's page."""

from io import BytesIO
from pathlib import Path

from openpyxl import load_workbook
from playwright.async_api import Page, expect

from app.core.clock import SettableClock
from tests.auth.factors import enrol
from tests.bulk.files import row, workbook
from tests.groups.groups import COMMON, HOST, members
from tests.reception_page.conftest import NOW, SEARCH, Reception, said, section
from tests.support.api import PASSWORD


async def to(page: Page, view: str) -> Page:
    await page.get_by_role("navigation").get_by_role("button", name=view).click()
    return page


async def test_the_day_leads_to_the_desk(reception: Reception, page: Page):
    await reception.expect_visitor("Ada", visit_time="16:00")
    await reception.expect_visitor("Grace", visit_time="11:00")
    desk = await to(await reception.open(page), "Today")
    await expect(desk.get_by_role("row")).to_have_count(3)
    await expect(desk.get_by_role("row").nth(1)).to_contain_text("Grace")
    await desk.get_by_role("button", name="At the desk: Ada").click()
    await expect(desk.get_by_label(SEARCH)).to_have_value("Ada")
    await expect(section(desk, "Found").get_by_text("Ada", exact=True)).to_be_visible()


async def test_a_group_arrives_and_leaves_together(reception: Reception, page: Page):
    group = COMMON | HOST | {"visitors": members(3)}
    assert (await reception.root.post("groups/", group)).status_code == 201
    desk = await to(await reception.open(page), "Groups")
    await desk.get_by_role("button", name="Group: Board of trustees").click()
    await desk.get_by_role("button", name="Check in all expected").click()
    await said(desk, "3 done, 0 refused")
    await expect(desk.get_by_role("button", name="Check in all expected")).to_be_disabled()
    await desk.get_by_role("button", name="Check out all inside").click()
    await expect(desk.get_by_role("button", name="Check out all inside")).to_be_disabled()
    assert (await reception.look())["inside"] == []


async def test_a_list_is_mended_and_registered(reception: Reception, page: Page, tmp_path: Path):
    wrong = row(2)
    wrong[4] = "boss"
    desk = await to(await reception.open(page), "Upload")
    path = tmp_path / "list.xlsx"
    path.write_bytes(workbook([row(1), wrong]))
    await desk.get_by_label("List (Excel)").set_input_files(path)
    await desk.get_by_label("Day").fill("2026-11-24")
    await desk.get_by_label("Time").fill("10:00")
    await desk.get_by_label("Host's e-mail").fill("charles@example.com")
    await desk.get_by_role("button", name="Check the list").click()
    await expect(desk.get_by_role("row").nth(1)).to_contain_text("Visitor Type")
    async with desk.expect_download() as download:
        await desk.get_by_role("button", name="Get the list with the faults marked").click()
    marked = await (await download.value).path()
    sheet = load_workbook(BytesIO(marked.read_bytes())).worksheets[0]
    assert sheet["E3"].comment is not None
    path.write_bytes(workbook([row(1), row(2)]))
    await desk.get_by_label("List (Excel)").set_input_files(path)
    await desk.get_by_role("button", name="Check the list").click()
    await desk.get_by_role("button", name="Register 2 visitors").click()
    await said(desk, "2 visitors are registered")
    assert len((await reception.root.get("visitors/")).json()["items"]) == 2


async def test_figures_are_charts_and_tables(reception: Reception, page: Page):
    visitor = await reception.expect_visitor("Ada")
    await reception.root.scan(visitor["qr_code"])
    desk = await to(await reception.open(page), "Figures")
    occupancy = section(desk, "Occupancy today")
    await occupancy.get_by_text("As a table").click()
    ten = occupancy.get_by_role("row").filter(has_text="10:00")
    await expect(ten.get_by_role("cell").first).to_have_text("1")
    await expect(section(desk, "This week").get_by_role("img")).to_be_visible()


async def test_everybody_is_accounted_for(reception: Reception, page: Page):
    visitor = await reception.expect_visitor("Ada")
    await reception.root.scan(visitor["qr_code"])
    desk = await to(await reception.open(page), "Muster")
    await desk.get_by_role("button", name="Start a drill").click()
    await desk.get_by_role("dialog").get_by_role("button", name="Start a drill").click()
    await expect(desk.get_by_text("1 of 1 unaccounted for")).to_be_visible()
    await desk.get_by_label("Somebody is not on the list").fill("Eve")
    await desk.get_by_role("button", name="Add").click()
    for name in ("Ada", "Eve"):
        await desk.get_by_role("button", name=f"Safe: {name}").click()
    await expect(desk.get_by_text("0 of 2 unaccounted for")).to_be_visible()
    await desk.get_by_role("button", name="End the muster").click()
    await desk.get_by_role("dialog").get_by_role("button", name="End the muster").click()
    await expect(desk.get_by_text("No muster is open.")).to_be_visible()


async def test_a_second_factor_is_asked_for(reception: Reception, clock: SettableClock, page: Page):
    app = await enrol(reception.root, clock)
    await page.clock.set_fixed_time(NOW)
    await page.goto(f"{reception.cable.url}/reception/")
    await page.get_by_label("E-mail").fill("desk@example.com")
    await page.get_by_label("Password").fill("wrong")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("E-mail or password is wrong")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    code = page.get_by_label("Code of your app, or a recovery code")
    await expect(code).to_be_focused()
    await code.fill(app.wrong())
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("The code is wrong")
    await code.fill(app.code())
    await page.keyboard.press("Enter")
    await expect(page.get_by_label(SEARCH)).to_be_visible()


async def test_the_directory_is_offered_and_its_errors_said(reception: Reception, page: Page):
    await page.route("**/api/auth/oidc/start/", lambda route: route.fulfill(status=422, body="{}"))
    await page.goto(f"{reception.cable.url}/reception/#error=account_disabled")
    button = page.get_by_role("button", name="Sign in with the company's account")
    await expect(button).to_be_visible()
    await expect(page.get_by_role("alert")).to_contain_text("Your account is closed")
    assert page.url.endswith("/reception/")
    started = "**/api/auth/oidc/start/?*"
    await page.route(started, lambda route: route.fulfill(status=204))
    async with page.expect_request(started) as request:
        await button.click()
    url = (await request.value).url
    assert "return_to=%2Freception%2F" in url
    assert "challenge=" in url
