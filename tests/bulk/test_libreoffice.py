"""Files written by LibreOffice, and our own read by it."""

import csv
import shutil
import subprocess
from datetime import datetime, time
from io import BytesIO
from pathlib import Path

import pytest
from openpyxl import load_workbook

from app.bulk.errors import XLSX
from tests.bulk.files import HEADER, faults, row, upload, workbook
from tests.support.api import Api

SARA = ["שרה כהן", "sara@example.com", "4930123456", "Zoë & Söhne", "emp", "govt"]
OFFICE = shutil.which("soffice")

pytestmark = pytest.mark.needs(
    OFFICE, "no LibreOffice here: apt-get install libreoffice-calc-nogui"
)


def converted(source: Path, kind: str) -> Path:
    """Return the file in another format; each folder has its own profile, to keep runs apart."""
    folder = source.parent
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    command = [str(OFFICE), profile, "--headless", "--convert-to", kind, "--outdir", str(folder)]
    subprocess.run([*command, str(source)], check=True, capture_output=True, timeout=120)
    return source.with_suffix(f".{kind.partition(':')[0]}")


def listed(folder: Path, *lines: list[str]) -> Path:
    path = folder / "guests.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([[*HEADER, "Visit Date", "Visit Time"], *lines])
    return path


async def test_a_csv_saved_as_xlsx_is_taken(api: Api, tmp_path: Path):
    source = listed(
        tmp_path,
        row(1, "2026-11-24", "10:00"),
        [
            "שרה כהן",
            "sara@example.com",
            "4930123456",
            "Zoë & Söhne",
            "emp",
            "govt",
            "2026-11-24",
            "9:30",
        ],
        [""] * 8,
        row(3, "2026-11-25", "16:59"),
    )
    answer = await upload(await api.admin(), converted(source, "xlsx").read_bytes())
    assert answer.status_code == 201, answer.text
    made = [(m["row"], m["visit_date"], m["visit_time"]) for m in answer.json()["created"]]
    assert made == [
        (2, "2026-11-24", "10:00"),
        (3, "2026-11-24", "09:30"),
        (5, "2026-11-25", "16:59"),
    ]


async def test_its_formulas_and_other_formats_are_refused(api: Api, tmp_path: Path):
    admin = await api.admin()
    source = listed(tmp_path, row(1, "2026-11-24", "10:00"))
    old = await upload(admin, converted(source, "xls").read_bytes())
    assert old.json()["code"] == "old_excel_format"
    other = await upload(admin, converted(source, "ods").read_bytes())
    assert other.json()["code"] == "invalid_workbook"
    book = load_workbook(converted(source, "xlsx"))
    book.worksheets[0]["A2"] = "=1+1"
    book.save(source.with_suffix(".xlsx"))
    again = converted(source.with_suffix(".xlsx"), "xlsx:Calc MS Excel 2007 XML")
    assert faults(await upload(admin, again.read_bytes())) == [(2, "Name", "formula")]


async def test_our_template_comes_back_from_it_with_its_drop_downs(api: Api, tmp_path: Path):
    admin = await api.admin()
    path = tmp_path / "template.xlsx"
    path.write_bytes((await admin.get("visitors/download-template/")).content)
    book = load_workbook(converted(converted(path, "ods"), "xlsx"))
    assert len(book["Visitors"].data_validations.dataValidation) == 2
    for position, value in enumerate(row(), start=1):
        book["Visitors"].cell(3, position, value)
    file = BytesIO()
    book.save(file)
    assert (await upload(admin, file.getvalue())).json()["total"] == 1


async def test_a_marked_list_shows_its_faults_in_it(api: Api, tmp_path: Path):
    refused = await upload(
        await api.admin(),
        workbook([row(1), ["Ada", "not-an-address", *row()[2:]]]),
        headers={"Accept": XLSX},
    )
    assert (refused.status_code, refused.headers["Content-Type"]) == (422, XLSX)
    path = tmp_path / "marked.xlsx"
    path.write_bytes(refused.content)
    [sheet] = load_workbook(converted(converted(path, "ods"), "xlsx")).worksheets
    told = {cell.coordinate: cell.comment.text for line in sheet for cell in line if cell.comment}
    assert list(told) == ["B3"]
    assert "Email is not a valid e-mail address" in told["B3"]
    assert sheet["B3"].fill.start_color.rgb == "FFFFC7CE"


async def test_an_export_opens_in_it_with_real_dates_and_times(api: Api, tmp_path: Path):
    admin = await api.admin()
    await admin.register(name="=1+1", company="Zoë & Söhne <Ltd>")
    path = tmp_path / "export.xlsx"
    path.write_bytes((await admin.get("visitors/export-excel/")).content)
    [sheet] = load_workbook(converted(converted(path, "ods"), "xlsx")).worksheets
    titles, cells = sheet.iter_rows(values_only=True)
    found = dict(zip(titles, cells, strict=False))
    assert (found["Name"], found["Company"]) == ("=1+1", "Zoë & Söhne <Ltd>")
    assert found["Visit Date"] == datetime.fromisoformat("2026-11-23")
    assert found["Visit Time"] == time(10)
    assert sheet.auto_filter.ref == "A1:X2"
