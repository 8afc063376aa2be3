"""Events are kept for their days, and an erased visitor leaves nothing personal in them."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from sqlalchemy import text

from app.audit import chain_service
from app.core.clock import SettableClock
from app.core.db.database import Database
from app.events import jobs, sequencer_service
from app.events.jobs import delete_old
from app.events.sequencer_service import Sequencer
from app.settings import Settings
from app.visitors.retention_jobs import anonymise_past
from tests.events.following import read, write_entry
from tests.support.api import VISITOR, Api
from tests.support.problems import problem

CLIENTS_ID = {"X-Request-ID": "ada-lovelace-was-here"}


async def a_week(database: Database, sequencer: Sequencer, clock: SettableClock) -> None:
    """One event a day; the clock ends a week later."""
    for _ in range(7):
        async with database.write() as unit:
            write_entry(unit)
        await sequencer.step()
        clock.advance(timedelta(days=1))


async def test_events_are_deleted_after_their_days(
    api: Api,
    database: Database,
    sequencer: Sequencer,
    clock: SettableClock,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(jobs, "BATCH", 2)
    await a_week(database, sequencer, clock)
    assert await delete_old(database, clock.now(), 2) == 5
    assert await delete_old(database, clock.now(), 2) == 0
    root = await api.superadmin()
    oldest = (await root.get("events/")).json()
    assert [event["seq"] for event in oldest["items"]] == [6, 7]
    assert (await root.get("events/", after=5)).json() == oldest
    assert problem(await root.get("events/", after=4), 410, "cursor_too_old")["oldest"] == 5


async def test_numbers_go_on_when_no_event_is_left(
    api: Api, database: Database, sequencer: Sequencer, clock: SettableClock
):
    await a_week(database, sequencer, clock)
    assert await delete_old(database, clock.now(), 0) == 7
    root = await api.superadmin()
    problem(await root.get("events/", after=6), 410, "cursor_too_old")
    assert (await root.get("events/")).json() == {"items": [], "next_after": 7, "head": 7}
    async with database.write() as unit:
        write_entry(unit)
    await sequencer.step()
    assert [e.seq for e in (await read(database)).events] == [8]


def test_events_are_kept_for_ninety_days_at_least(settings: Settings):
    assert settings.event_days == 90
    with pytest.raises(ValidationError):
        Settings(**{**settings.model_dump(), "event_days": 89})


async def test_an_erased_visitor_leaves_nothing_personal(
    api: Api, database: Database, sequencer: Sequencer
):
    root = await api.superadmin()
    options: dict[str, Any] = {"json": VISITOR, "headers": root.headers | CLIENTS_ID}
    visitor = (await api.http.post("/api/visitors/", **options)).json()
    await sequencer.step()
    await root.patch(f"visitors/{visitor['id']}/", {"notes": "Comes by bicycle"})
    assert (await read(database)).events[0].request_id == "ada-lovelace-was-here"
    answer = await root.delete(f"visitors/{visitor['id']}/")
    await sequencer.step()
    told = (await root.get("events/")).json()["items"]
    assert [e["type"] for e in told] == ["visit.registered", "visit.updated", "visit.erased"]
    assert told[0]["request_id"] is None
    assert told[-1]["request_id"] == answer.headers["X-Request-ID"]
    assert (told[-1]["subject"]["id"], told[-1]["site"]) == (visitor["id"], visitor["site"])
    shown = str(told).lower()
    assert not any(word in shown for word in ("ada", "lovelace", "bicycle", "charles"))


async def test_anonymised_visitors_are_told_of_to_their_hosts(
    api: Api, database: Database, sequencer: Sequencer, clock: SettableClock
):
    host = await api.host()
    await host.register()
    now = clock.now() + timedelta(days=100)
    assert (await host.post(f"visitors/{(await _only(host))['id']}/cancel/")).status_code == 200
    assert await anonymise_past(database, now, 30) == 1
    await sequencer.step()
    told = (await host.get("events/")).json()["items"]
    assert [e["type"] for e in told] == ["visit.registered", "visit.cancelled", "visit.erased"]
    assert told[-1]["actor"] == {"kind": "system", "id": None}
    assert told[0]["request_id"] is None


async def _only(host: Any) -> dict[str, Any]:
    [visitor] = (await host.get("visitors/")).json()["items"]
    found: dict[str, Any] = visitor
    return found


async def test_erasing_waits_for_an_event_that_is_being_numbered(
    api: Api, database: Database, sequencer: Sequencer, monkeypatch: pytest.MonkeyPatch
):
    root = await api.superadmin()
    options: dict[str, Any] = {"json": VISITOR, "headers": root.headers | CLIENTS_ID}
    visitor = (await api.http.post("/api/visitors/", **options)).json()
    erasing: asyncio.Task[httpx.Response]

    async def erase(*_: Any) -> None:  # when the entries are read, and before the commit
        nonlocal erasing
        erasing = asyncio.create_task(root.delete(f"visitors/{visitor['id']}/"))
        await _until_waiting(database)

    monkeypatch.setattr(chain_service, "sign_if_due", erase)
    monkeypatch.setattr(sequencer_service, "LASTS", timedelta(hours=1))  # on a busy machine, too
    await sequencer.step()
    assert (await erasing).status_code == 204
    monkeypatch.undo()
    await sequencer.step()
    events = (await read(database)).events
    assert [e.type for e in events] == ["visit.registered", "visit.erased"]
    assert events[0].request_id is None


async def _until_waiting(database: Database) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    async with asyncio.timeout(30):
        while True:
            async with database.engine.connect() as connection:
                if await connection.scalar(waiting):
                    return
            await asyncio.sleep(0.01)
