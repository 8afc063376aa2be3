"""Names and notes of musters are erased, figures stay."""

from datetime import timedelta

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.settings import Settings
from tests.musters.conftest import Building, mark
from tests.support.database import places_holding
from workers.context import open_context
from workers.visits import anonymise_visitors

WORDS = ("Zephyrine", "Xanthippe", "Quux")


async def _filled(building: Building) -> None:
    """Name two people, and say of both what is personal."""
    await building.admit("Zephyrine")
    await building.start(note="Quux in the laboratory")
    person = {"name": "Xanthippe", "company": "Quux", "note": "Quux", "state": "safe"}
    await building.send("people", person)
    await building.mark(mark(building.entry("Zephyrine"), note="Quux"))


async def test_erasing_a_visitor_leaves_no_trace(building: Building, database: Database):
    await _filled(building)
    await building.root.delete(f"visitors/{building.visitors[0]['id']}/")
    assert await places_holding(database, "Zephyrine") == set()
    muster = await building.read()
    assert [entry["name"] for entry in muster["entries"]] == ["Anonymised visitor", "Xanthippe"]
    erased = muster["entries"][0]
    assert (erased["visitor_id"], erased["note"], erased["state"]) == (None, None, "safe")


async def test_a_visitor_is_told_what_was_said_of_them(building: Building):
    await _filled(building)
    path = f"visitors/{building.visitors[0]['id']}/personal-data/"
    held = (await building.root.get(path)).json()
    assert [entry["state"] for entry in held["rosters"]] == ["safe"]
    assert [(said["state"], said["note"]) for said in held["marks"]] == [("safe", "Quux")]


async def test_retention_leaves_the_figures(
    building: Building, database: Database, settings: Settings, clock: SettableClock
):
    await _filled(building)
    visitor = building.visitors[0]["id"]
    await building.root.post(f"visitors/{visitor}/check-out/")
    await building.send("end", {"unaccounted": 0})
    changed = settings.model_copy(update={"retention_days": 30})
    for days, is_left in ((29, True), (2, False)):
        clock.advance(timedelta(days=days))
        async with open_context(changed, clock) as context:
            await anonymise_visitors({"context": context})
        for word in WORDS:
            assert bool(await places_holding(database, word)) is is_left, word
    await building.later()
    muster = await building.read()
    assert muster["counts"]["safe"] == muster["counts"]["total"] == 2
    assert {entry["name"] for entry in muster["entries"]} == {"Anonymised visitor"}
