"""The export through the API."""

import csv
import io
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

import httpx
import openpyxl
import pytest
from fastapi import FastAPI

from app.core.db.database import Database
from tests.bulk.files import saved, upload
from tests.reports.data import Visitors, fill
from tests.support.api import Api, Client
from tests.support.counting import statements
from tests.support.database import add_department, add_site
from tests.support.problems import faulty_fields, problem

TITLES = [
    *("ID", "Name", "Email", "Phone", "Company", "Purpose", "Department", "Visitor Type"),
    *("Visitor Category", "Host Name", "Host Email", "Site", "Visit Date", "Visit Time"),
    *("Status", "Checked In At", "Checked Out At", "Created At", "Host Phone", "Gate", "Group"),
    *("Presence", "Duration", "Time Zone"),
]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


async def export(client: Client, **params: Any) -> httpx.Response:
    answer = await client.get("visitors/export-excel/", **params)
    assert answer.status_code == 200, answer.text
    return answer


async def exported(client: Client, **params: Any) -> list[dict[str, Any]]:
    """Return the rows of the only sheet, by title."""
    [sheet] = openpyxl.load_workbook(io.BytesIO((await export(client, **params)).content))
    titles, *rows = sheet.iter_rows(values_only=True)
    assert list(titles) == TITLES
    return [dict(zip(TITLES, row, strict=True)) for row in rows]


async def names(client: Client, **params: Any) -> list[str]:
    return [row["Name"] for row in await exported(client, **params)]


async def test_every_column(api: Api, visitors: Visitors, database: Database) -> None:
    host = await api.host()
    await host.patch("auth/me/", {"phone": "+49 30 99"})
    await visitors.add(
        {
            "site_id": UUID(await add_site(database, "Annex", timezone="Europe/Berlin")),
            "host_id": UUID(host.user_id),
            "department_id": UUID(await add_department(database, "R & D")),
            "phone": "+49 30 123",
            "company": "=cmd|' /C calc'!A0",
            "purpose": "i_factory_visit",
            "visitor_type": "student",
            "visitor_category": "academic",
            "host_name": "Charles Babbage",
            "host_email": "charles@example.com",
            "visit_time": time(9, 30),
            "status": "completed",
            "checked_in_at": datetime(2026, 11, 23, 9, 25, 30, tzinfo=UTC),
            "checked_in_gate": "North gate",
            "checked_out_at": datetime(2026, 11, 23, 17, 0, tzinfo=UTC),
        }
    )
    admin = await api.admin()
    [row] = await exported(admin)
    assert row == {
        "ID": str(visitors.added[0]["id"]),
        "Name": "Ada Lovelace",
        "Email": "ada@example.com",
        "Phone": "+49 30 123",
        "Company": "=cmd|' /C calc'!A0",
        "Purpose": "i_factory_visit",
        "Department": "R & D",
        "Visitor Type": "student",
        "Visitor Category": "academic",
        "Host Name": "Charles Babbage",
        "Host Email": "charles@example.com",
        "Site": "Annex",
        "Visit Date": datetime.fromisoformat("2026-11-23"),
        "Visit Time": time(9, 30),
        "Status": "completed",
        "Checked In At": datetime.fromisoformat("2026-11-23 10:25:30"),
        "Checked Out At": datetime.fromisoformat("2026-11-23 18:00"),
        "Created At": datetime.fromisoformat("2026-11-01 09:00"),
        "Host Phone": "+49 30 99",
        "Gate": "North gate",
        "Group": None,
        "Presence": "left",
        "Duration": 60,
        "Time Zone": "Europe/Berlin",
    }
    [in_utc] = await exported(admin, utc=True)
    assert in_utc == row | {
        "Checked In At": datetime.fromisoformat("2026-11-23 09:25:30"),
        "Checked Out At": datetime.fromisoformat("2026-11-23 17:00"),
        "Created At": datetime.fromisoformat("2026-11-01 08:00"),
        "Time Zone": "UTC",
    }


async def test_each_row_has_the_time_of_its_site(
    api: Api, visitors: Visitors, database: Database
) -> None:
    zones = {
        "Asia/Kathmandu": "+05:45",
        "America/St_Johns": "-03:30",
        "Pacific/Kiritimati": "+14:00",
    }
    summer = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    for zone in zones:
        site = UUID(await add_site(database, zone, timezone=zone))
        await visitors.add({"site_id": site, "checked_in_at": summer, "name": zone})
    answer = await export(await api.admin(), format="csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert {row["Time Zone"] for row in rows} == {*zones}
    for row in rows:
        assert datetime.fromisoformat(row["Checked In At"]) == summer
        assert datetime.fromisoformat(row["Created At"]) == visitors.added[0]["created_at"]
        assert row["Created At"].endswith(zones[row["Time Zone"]])


async def test_an_export_with_new_dates_is_a_valid_list(
    api: Api, visitors: Visitors, database: Database
) -> None:
    host = await api.host()
    await host.patch("auth/me/", {"phone": "+49 30 99"})
    known = {"host_id": UUID(host.user_id), "host_email": "charles@example.com"}
    await visitors.add({**known, "phone": "+49 30 1", "company": "x", "checked_in_gate": "North"})
    admin = await api.admin()
    book = openpyxl.load_workbook(io.BytesIO((await export(admin)).content))
    book.worksheets[0].cell(2, 1 + TITLES.index("Visit Date")).value = date(2026, 11, 24)
    answer = await upload(admin, saved(book))
    assert answer.status_code == 201, answer.text
    ignored = {each["column"]: each["reason"] for each in answer.json()["ignored"]}
    assert {"Host Phone", "Gate", "Time Zone", "Created At"} <= ignored.keys()
    assert set(ignored.values()) == {"of_export"}


async def test_the_sheet_is_ready_to_be_worked_with(api: Api, visitors: Visitors) -> None:
    await visitors.add({}, {})
    answer = await export(await api.admin())
    assert answer.headers["Content-Type"] == XLSX
    disposition = 'attachment; filename="visitors-2026-11-23.xlsx"'
    assert answer.headers["Content-Disposition"] == disposition
    [sheet] = openpyxl.load_workbook(io.BytesIO(answer.content))
    assert (sheet.title, sheet.freeze_panes, sheet.auto_filter.ref) == ("Visitors", "A2", "A1:X3")
    assert all(cell.font.b for cell in sheet[1])
    assert min(column.width for column in sheet.column_dimensions.values()) >= 12


async def test_the_lists_filters_and_order(api: Api, visitors: Visitors) -> None:
    await visitors.add(
        {"name": "Ada", "created_at": datetime(2026, 11, 1, tzinfo=UTC)},
        {"name": "Bob", "created_at": datetime(2026, 11, 2, tzinfo=UTC), "status": "cancelled"},
        {"name": "Cyd", "visit_date": date(2026, 11, 20)},
    )
    admin = await api.admin()
    assert await names(admin) == ["Bob", "Cyd", "Ada"]
    assert await names(admin, ordering="visit_date") == ["Cyd", "Ada", "Bob"]
    assert await names(admin, status="cancelled") == ["Bob"]
    assert await names(admin, status="cancelled,pending", ordering="-name") == ["Cyd", "Bob", "Ada"]
    assert await names(admin, q="cy") == ["Cyd"]
    assert await names(admin, visit_date_to="2026-11-22") == ["Cyd"]
    assert await names(admin, site="01234567-89ab-7def-8123-456789abcdef") == []


async def test_hosts_get_their_own_alone(api: Api, visitors: Visitors) -> None:
    host = await api.host()
    await visitors.add({"name": "Mine", "host_id": UUID(host.user_id)}, {"name": "Theirs"})
    assert await names(host) == ["Mine"]


async def test_csv(api: Api, visitors: Visitors) -> None:
    await visitors.add({"name": "=1+1", "checked_in_at": datetime(2026, 11, 23, 9, tzinfo=UTC)})
    answer = await export(await api.admin(), format="csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].endswith('.csv"')
    titles, row = csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
    assert titles == TITLES
    found = dict(zip(TITLES, row, strict=True))
    assert found["Name"] == "'=1+1"
    assert (found["Visit Date"], found["Visit Time"]) == ("2026-11-23", "10:00")
    assert (found["Checked In At"], found["Checked Out At"]) == ("2026-11-23T09:00:00+00:00", "")
    in_utc = (await export(await api.admin("2@example.com"), format="csv", utc=True)).text
    assert ",2026-11-23T09:00:00Z,,2026-11-01T08:00:00Z,,,,expected,60,UTC\r\n" in in_utc


@pytest.mark.parametrize(
    "params", [{"format": "pdf"}, {"limit": "10"}, {"status": "gone"}, {"utc": "maybe"}]
)
async def test_an_impossible_export_is_refused(api: Api, params: dict[str, str]) -> None:
    answer = await (await api.admin()).get("visitors/export-excel/", **params)
    assert faulty_fields(answer) == set(params)


async def test_strangers_get_nothing(http: httpx.AsyncClient, database: Database) -> None:
    problem(await http.get("/api/visitors/export-excel/"), 401, "not_authenticated")


async def test_many_rows_are_one_statement_and_all_there(
    api: Api, app: FastAPI, database: Database
) -> None:
    admin = await api.admin()
    await fill(database, 1_100)
    with statements(app) as sent:
        found = await names(admin)
    assert len(found) == len(set(found)) == 1_101
    assert len(sent) == 4  # the caller, the limits of the transaction, the rows, the audit entry
