"""Erasing one visitor of an upload."""

from app.core.db.database import Database
from tests.bulk.files import HOST, rows, upload, workbook
from tests.support.api import Api
from tests.support.database import places_holding


async def test_nothing_of_an_erased_visitor_is_left_but_the_others_are(
    api: Api, database: Database
):
    admin = await api.admin()
    created = (await upload(admin, workbook(rows(3)), **HOST)).json()["created"]
    await admin.delete(f"visitors/{created[1]['id']}/?notify=false")
    assert await places_holding(database, "Guest 2") == set()
    assert "notifications.payload" in await places_holding(database, "Guest 3")
