"""Reports of musters as files."""

import io
from uuid import UUID, uuid4

from openpyxl import load_workbook
from sqlalchemy import select

from app.audit.models import AuditEntry
from app.core.db.database import Database
from app.core.languages import Language
from app.musters.repository import MusterReader
from app.musters.statements import roster
from app.reports.muster_report import Reader, paper_of
from app.users.models import Role
from tests.conftest import MONDAY
from tests.musters.conftest import Building, mark
from tests.musters.conftest import building as building
from tests.support.database import change_default_site


async def test_a_report_shows_late_marks_and_phones_only_to_some(building: Building):
    host = await building.api.host()
    await building.root.patch(f"auth/users/{host.user_id}/", {"phone": "+49 30 1"})
    await building.admit("Ada")
    await building.start()
    await building.send("end", {"unaccounted": 1})
    marked = {"mark_id": host.user_id, "entry": building.entry("Ada"), "state": "safe"}
    await building.mark(marked | {"marked_at": MONDAY.isoformat()})
    guard = await building.api.of_role(Role.GUARD, building.site)
    for client, phone in ((building.root, ["+49 30 1"]), (guard, [])):
        path = f"musters/{building.muster['id']}/report.xlsx"
        answer = await client.get(path)
        assert answer.status_code == 200, answer.text
        sheet = load_workbook(io.BytesIO(answer.content)).active
        assert sheet is not None
        head, row = sheet.iter_rows(values_only=True)
        shown = dict(zip(head, row, strict=True))
        assert (shown["Name"], shown["State"], shown["After the end"]) == ("Ada", "safe", "late")
        assert [shown[name] for name in head if name == "Host phone"] == phone
        paper = await client.get(path.replace("xlsx", "pdf"))
        assert (paper.status_code, paper.content[:5]) == (200, b"%PDF-"), paper.text
        assert paper.headers["content-type"] == "application/pdf"


async def test_a_report_on_paper_says_what_the_workbook_does(building: Building):
    await building.admit("Ada")
    await building.start(note="#Smoke")
    path = f"musters/{building.muster['id']}/report.pdf"
    async with building.api.database.read() as session:
        muster = await MusterReader(session).get(UUID(building.muster["id"]))
        entries = await roster(session, UUID(building.muster["id"]), with_phones=False)
    assert muster is not None
    reader = Reader(Language.ENGLISH, "Europe/Berlin", phones=False)
    paper = paper_of(muster, entries, "Main site", reader)
    assert paper["title"] == "Evacuation, Main site, times in Europe/Berlin"
    assert paper["head"][:3] == ["Name", "Company", "Host"]
    assert "Host phone" not in paper["head"]
    [row] = paper["rows"]
    assert (row[0], row[4]) == ("Ada", "2026-11-23 09:00")
    assert paper["lines"][-1] == "#Smoke"
    assert (await building.root.get(path)).status_code == 200


async def test_a_report_is_in_the_language_of_the_site(building: Building, database: Database):
    await change_default_site(database, language=Language.GERMAN)
    await building.admit("Ada")
    await building.start("drill")
    await building.mark(mark(building.entry("Ada"), "needs_help"))
    path = f"musters/{building.muster['id']}/report.xlsx"
    sheet = load_workbook(io.BytesIO((await building.root.get(path)).content)).active
    assert sheet is not None
    head, row = sheet.iter_rows(values_only=True)
    shown = dict(zip(head, row, strict=True))
    assert (shown["Name"], shown["Firma"], shown["Status"]) == ("Ada", None, "braucht Hilfe")
    async with database.read() as session:
        muster = await MusterReader(session).get(UUID(building.muster["id"]))
        entries = await roster(session, UUID(building.muster["id"]), with_phones=False)
    assert muster is not None
    paper = paper_of(muster, entries, "Werk", Reader(Language.GERMAN, "UTC", phones=False))
    assert paper["title"] == "Übung, Werk, Zeiten in UTC"
    assert paper["lines"][0].endswith("Noch nicht beendet.")
    assert paper["lines"][1].startswith("1 Personen: 0 ungeklärt")


async def test_a_download_of_a_report_is_an_entry(building: Building, database: Database):
    await building.admit("Ada")
    await building.start()
    guard = await building.api.of_role(Role.GUARD, building.site)
    path = f"musters/{building.muster['id']}/report"
    assert (await guard.get(f"{path}.pdf")).status_code == 200
    assert (await guard.get(f"musters/{uuid4()}/report.xlsx")).status_code == 404
    assert (await guard.get(f"{path}.xlsx")).status_code == 200
    async with database.read() as session:
        reported = select(AuditEntry).where(AuditEntry.action == "reported")
        found = (await session.scalars(reported.order_by(AuditEntry.id))).all()
    assert [event.details for event in found] == [
        {"format": "pdf", "people": 1},
        {"format": "xlsx", "people": 1},
    ]
    assert {str(event.actor_id) for event in found} == {guard.user_id}
