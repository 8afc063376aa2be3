"""Everything that is done leaves an entry."""

import pytest
from fastapi import FastAPI

from app.audit.chain import action_of
from app.audit.models import AuditEntry
from app.core.db.database import Database
from tests.audit.doing import DONE, NOTHING_DONE
from tests.audit.entries import all_entries
from tests.audit.scene import Scene, scene_of
from tests.support.api import Api
from tests.support.mailbox import Mailbox
from tests.support.route_table import operations

# Reads that take personal data, or the log itself, out of the service.
EXPORTS = {
    "GET /api/visitors/export-excel/",
    "GET /api/visitors/{visitor_id}/personal-data/",
    "GET /api/musters/{muster_id}/report.xlsx",
    "GET /api/musters/{muster_id}/report.pdf",
    "GET /api/audit/",
}


@pytest.fixture
async def scene(api: Api, mailbox: Mailbox) -> Scene:
    return await scene_of(api, mailbox)


def named(entry: AuditEntry) -> str:
    return action_of(entry.subject_type, entry.action)


def test_every_operation_that_writes_is_done_here(app: FastAPI):
    writing = {str(each) for each in operations(app) if each.method not in {"GET", "HEAD"}}
    assert writing | EXPORTS == DONE.keys() | NOTHING_DONE.keys()


@pytest.mark.parametrize("operation", DONE)
async def test_what_is_done_leaves_an_entry(scene: Scene, database: Database, operation: str):
    action, do = DONE[operation]
    before = {entry.id for entry in await all_entries(database)}
    answer = await do(scene)
    assert answer.status_code < 400, answer.text
    made = [entry for entry in await all_entries(database) if entry.id not in before]
    [entry] = [entry for entry in made if named(entry) == action][-1:]
    assert entry.request_id == answer.headers["X-Request-ID"]
    assert entry.client_address is not None
    of_site = ("/sites/", "/devices/", "/visitors/{", "/pass/", "verify-qr", "scans")
    if any(part in operation for part in of_site):
        assert entry.site_id is not None


async def test_what_is_refused_or_rehearsed_leaves_none(scene: Scene, database: Database):
    before = len(await all_entries(database))
    refused = await scene.root.post("departments/", {"name": "Chemistry"})
    assert refused.status_code == 409
    rehearsed = await scene.root.patch(f"{scene.site}?dry_run=true", {"slot_capacity": 7})
    assert rehearsed.status_code == 200
    assert len(await all_entries(database)) == before


async def test_an_export_names_its_filters_and_no_words(scene: Scene, database: Database):
    await scene.root.get("visitors/export-excel/", q="Lovelace", format="csv")
    exported = (await all_entries(database))[-1]
    assert exported.details == {"filters": ["q"], "format": "csv"}
    assert (exported.actor_role, exported.actor_name) == ("superadmin", "Super Admin")
