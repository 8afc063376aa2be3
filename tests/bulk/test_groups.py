"""Uploads whose visitors become a group."""

from app.core.db.database import Database
from tests.bulk.files import HEADER, faults, row, rows, upload, workbook
from tests.support.api import Api
from tests.support.database import add_site


async def test_the_rows_of_an_upload_become_a_group(api: Api):
    desk = await api.admin()
    answer = (await upload(desk, workbook(rows(3)), group_name=" Choir ")).json()
    group = (await desk.get(f"groups/{answer['group']['id']}/")).json()
    assert answer["group"] == {"id": group["id"], "name": "Choir"}
    assert [v["id"] for v in group["visitors"]] == [made["id"] for made in answer["created"]]
    assert {v["group"]["name"] for v in group["visitors"]} == {"Choir"}


async def test_without_a_name_and_in_a_dry_run_there_is_no_group(api: Api):
    desk = await api.admin()
    dry = await upload(desk, workbook(rows(3)), query="?dry_run=true", group_name="Choir")
    assert (dry.status_code, dry.json()["group"]) == (200, None)
    assert (await upload(desk, workbook(rows(1)))).json()["group"] is None
    blank = await upload(desk, workbook(rows(1, 2)), group_name=" ")
    assert blank.json()["group"] is None
    refused = await upload(desk, workbook(rows(1)), group_name="x" * 201)
    assert refused.status_code == 422
    assert (await desk.get("groups/")).json()["items"] == []


async def test_a_group_of_several_sites_is_refused_by_row(api: Api, database: Database):
    desk = await api.admin()
    await add_site(database, name="Annex")
    lines = [row(1, None), row(2, "Annex"), row(3, None)]
    file = workbook(lines, [*HEADER, "Site"])
    for query in ("", "?dry_run=true"):
        answer = await upload(desk, file, query=query, group_name="Choir")
        assert faults(answer) == [(3, "Site", "other_site")]
    assert (await upload(desk, file)).status_code == 201
