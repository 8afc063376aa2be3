"""The reasons for which an upload is refused."""

from typing import Any

import pytest

from app.core.db.database import Database
from tests.bulk.files import COMMON, HEADER, faults, row, rows, upload, workbook
from tests.bulk.stored import stored
from tests.support.api import Api
from tests.support.database import (
    change_default_site,
    close_default_site,
)
from tests.support.problems import faulty_fields, problem


@pytest.mark.parametrize("query", ["", "?dry_run=true"])
async def test_all_faults_are_reported_and_nothing_is_written(
    api: Api, database: Database, query: str
):
    admin = await api.admin()
    assert (await upload(admin, workbook([row(1)]))).status_code == 201
    before = await stored(database)
    header = [*HEADER, "Visit Date", "Visit Time"]
    wrong = ["", "no address", "12", "=1+1", "boss", "shop"]
    lines = [
        row(1),
        wrong,
        row(3, "2026-11-22", "10:00"),
        row(4, "2026-11-24", "20:00"),
        row(5, "2027-11-24", "10:00"),
        row(6, "2026-11-23", "08:10"),
        row(7, "tomorrow", "noon"),
        row(8, "2026-11-28", "10:00"),
        row(9, "2026-11-24", "11:00"),
        row(9, "2026-11-24", "11:30"),
        row(11),
    ]
    answer = await upload(admin, workbook(lines, header), query=query)
    assert faults(answer) == [
        (2, "Email", "duplicate"),
        (3, "Name", "missing"),
        (3, "Email", "invalid_email"),
        (3, "Phone", "invalid_phone"),
        (3, "Company/Organization", "formula"),
        (3, "Visitor Type", "unknown_value"),
        (3, "Visitor Category", "unknown_value"),
        (4, "Visit Date", "slot_in_past"),
        (5, "Visit Time", "slot_closed"),
        (6, "Visit Date", "slot_too_far"),
        (7, "Visit Time", "slot_closed"),
        (8, "Visit Date", "invalid_date"),
        (8, "Visit Time", "invalid_time"),
        (9, "Visit Date", "slot_closed"),
        (11, "Email", "duplicate"),
    ]
    assert problem(answer, 422, "invalid_rows")["detail"].startswith("15 faults in 9 rows")
    assert await stored(database) == before


async def test_a_time_too_soon_or_on_a_closed_day_is_a_fault(api: Api, database: Database):
    await close_default_site(database, "2026-11-24")
    await change_default_site(database, booking_lead_minutes=90)
    header = [*HEADER, "Visit Date", "Visit Time"]
    lines = [row(1, None, "09:00"), row(2, "2026-11-24"), row(3, "2026-11-25", "9:00")]
    answer = await upload(await api.admin(), workbook(lines, header))
    assert faults(answer) == [(2, "Visit Time", "slot_too_soon"), (3, "Visit Date", "slot_closed")]


async def test_a_faulty_row_also_names_its_time_and_its_duplicate(api: Api):
    admin = await api.admin()
    await upload(admin, workbook([row(1)]))
    line = row(1, "2026-11-23", "10:30")
    line[3] = ""
    late = row(2, "2026-11-23", "23:00")
    late[2] = "none"
    answer = await upload(admin, workbook([line, late], [*HEADER, "Visit Date", "Visit Time"]))
    assert faults(answer) == [
        (2, "Email", "duplicate"),
        (2, "Company/Organization", "missing"),
        (3, "Phone", "invalid_phone"),
        (3, "Visit Time", "slot_closed"),
    ]


async def test_uploading_the_same_file_again_is_reported_by_row(api: Api, database: Database):
    admin = await api.admin()
    file = workbook(rows(20))
    assert (await upload(admin, file)).status_code == 201
    before = await stored(database)
    again = await upload(admin, file)
    assert faults(again) == [(number, "Email", "duplicate") for number in range(2, 22)]
    assert await stored(database) == before


async def test_case_hides_no_duplicate_and_a_cancelled_visit_is_none(api: Api):
    admin = await api.admin()
    visitor = await admin.register(name="GUEST  1", email="Guest1@Example.com")
    assert faults(await upload(admin, workbook([row(1)]))) == [(2, "Email", "duplicate")]
    await admin.post(f"visitors/{visitor['id']}/cancel/")
    assert (await upload(admin, workbook([row(1)]))).status_code == 201
    assert (await upload(admin, workbook([row(1)]), visit_time="11:00")).status_code == 201


async def test_each_row_needs_a_date_and_a_time_from_somewhere(api: Api):
    admin = await api.admin()
    header = [*HEADER, "Visit Date", "Visit Time"]
    lines = workbook([row(1, "2026-11-24", "10:00"), row(2)], header)
    answer = await upload(admin, lines, visit_date="", visit_time="")
    assert faults(answer) == [(3, "Visit Date", "missing"), (3, "Visit Time", "missing")]


@pytest.mark.parametrize("query", ["", "?dry_run=true"])
async def test_a_full_hour_names_slot_wanted_and_free(api: Api, database: Database, query: str):
    admin = await api.admin()
    await upload(admin, workbook(rows(18)))
    before = await stored(database)
    header = [*HEADER, "Visit Time"]
    lines = [row(31, "10:10"), row(32, "10:50"), row(33, "10:00"), row(34, "11:00")]
    refused = problem(await upload(admin, workbook(lines, header), query=query), 409, "slot_full")
    slot = {"visit_date": "2026-11-23", "visit_time": "10:00", "wanted": 3, "free": 2}
    assert slot.items() <= refused.items()
    [full] = refused["slots"]
    assert slot.items() <= full.items()
    assert {"site", "site_name"} == full.keys() - slot.keys()
    assert (refused["sheet"], refused["ignored"]) == ("Sheet", [])
    assert refused["alternatives"][0]["visit_time"] == "11:00"
    assert await stored(database) == before


async def test_no_hour_is_offered_that_the_upload_fills_itself(api: Api):
    admin = await api.admin()
    await upload(admin, workbook(rows(18)))
    await upload(admin, workbook(rows(18, first=31)), visit_time="11:00")
    lines = [row(n, "10:00" if n % 2 else "11:00") for n in range(61, 67)]
    answer = await upload(admin, workbook(lines, [*HEADER, "Visit Time"]))
    offered = problem(answer, 409, "slot_full")["alternatives"]
    assert [slot["visit_time"] for slot in offered] == ["12:00", "13:00", "14:00"]


@pytest.mark.parametrize("field", ["department", "site"])
async def test_an_unknown_department_or_site_is_a_field_at_fault(api: Api, field: str):
    other: dict[str, Any] = {field: "01890a5d-ac96-774b-bcce-b302099a8057"}
    answer = await upload(await api.admin(), workbook(rows(1)), **other)
    assert faulty_fields(answer) == {field}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("visit_date", "23.11.2026"),
        ("visit_time", "10"),
        ("host_email", "nobody"),
        ("color", "red"),
    ],
)
async def test_a_bad_common_value_is_a_field_at_fault(api: Api, field: str, value: str):
    fields: dict[str, Any] = {field: value}
    answer = await upload(await api.admin(), workbook(rows(1)), **fields)
    assert faulty_fields(answer) == {field}


async def test_strangers_may_not_upload(api: Api):
    answer = await api.http.post("/api/visitors/bulk-upload/", files={"file": b"x"})
    problem(answer, 401, "not_authenticated")


async def test_only_multipart_is_taken(api: Api):
    admin = await api.admin()
    problem(await admin.post("visitors/bulk-upload/", {}), 415, "unsupported_media_type")
    form = await admin.request("POST", "visitors/bulk-upload/", data=COMMON)
    problem(form, 415, "unsupported_media_type")
    missing = await admin.request(
        "POST", "visitors/bulk-upload/", files={"other": b"x"}, data=COMMON
    )
    assert "file" in faulty_fields(missing)


async def test_a_file_has_a_limit_of_its_own_above_other_bodies(api: Api):
    admin = await api.admin()
    for size in (200_000, 1024 * 1024):
        problem(await upload(admin, b"PK" + b"x" * (size - 2)), 422, "invalid_workbook")
    problem(await upload(admin, b"PK" + b"x" * (1024 * 1024)), 413, "too_large")


async def test_a_body_far_too_large_is_cut_off(api: Api):
    answer = await upload(await api.admin(), b"x" * 1_500_000)
    assert "larger than" in problem(answer, 413, "too_large")["detail"]
