"""Musters against scans, marks and each other, in sessions that commit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from app.core.db.database import Database, WriteSession
from app.sites.models import Site
from app.visitors.models import Visitor
from tests.devices.devices import add_device
from tests.musters.conftest import ARRIVAL, Building, mark
from tests.scans.offline import happened, send
from tests.support.problems import problem
from tests.visitors.test_closures import somebody_waits


@asynccontextmanager
async def _visitor_held(database: Database, visitor: dict[str, Any]) -> AsyncIterator[WriteSession]:
    async with database.write() as unit:
        held = select(Visitor.id).where(Visitor.id == UUID(visitor["id"])).with_for_update()
        await unit.rows(held)
        yield unit


@pytest.mark.parametrize("kind", ["drill", "real"])
async def test_a_scan_decided_before_a_start_is_decided_again(
    building: Building, database: Database, kind: str
):
    await building.admit("Ada")
    visitor = await building.root.register(
        **ARRIVAL | {"name": "Grace", "email": "grace@example.com"}
    )
    async with _visitor_held(database, visitor):
        scan = asyncio.create_task(building.root.scan(visitor["qr_code"]))
        await somebody_waits(database)
        await building.start(kind)
    if kind == "real":
        problem(await scan, 409, "emergency")
        assert await building.states() == {"Ada": "unknown"}
    else:
        assert (await scan).status_code == 200
        assert await building.states() == {"Ada": "unknown", "Grace": "unknown"}


async def test_an_exit_decided_before_a_start_marks(building: Building, database: Database):
    await building.admit("Ada")
    async with _visitor_held(database, building.visitors[0]):
        code = building.visitors[0]["qr_code"]
        scan = asyncio.create_task(building.root.scan(code, direction="out"))
        await somebody_waits(database)
        await building.start()
    assert (await scan).status_code == 200
    assert await building.states() == {"Ada": "left_earlier"}


async def test_a_start_waits_for_scans_and_other_scans_do_not(
    building: Building, database: Database
):
    await building.admit("Ada")
    visitor = await building.root.register(
        **ARRIVAL | {"name": "Grace", "email": "grace@example.com"}
    )
    async with database.write() as unit:
        site = select(Site.id).where(Site.id == UUID(building.site))
        await unit.rows(site.with_for_update(read=True, key_share=True))  # as a scan does
        start = asyncio.create_task(building.start())
        await somebody_waits(database)
        assert (await building.root.scan(visitor["qr_code"])).status_code == 200
        assert not start.done()
    await start
    assert await building.states() == {"Ada": "unknown", "Grace": "unknown"}


async def test_who_races_a_start_is_refused_or_on_the_roster(building: Building):
    await building.admit("Ada")
    gate = await add_device(building.api, site=building.site)
    for number in range(3):
        visitors = [
            await building.root.register(
                **ARRIVAL | {"name": f"V{number}{n}", "email": f"v{number}{n}@example.com"}
            )
            for n in range(6)
        ]

        async def offline(visitor: dict[str, Any]) -> httpx.Response:
            return await send(gate, happened(visitor["qr_code"], "08:00"))

        scans = [building.root.scan(visitor["qr_code"]) for visitor in visitors[:4]]
        batches = [offline(visitor) for visitor in visitors[4:]]
        _, *answers = await asyncio.gather(building.start(), *scans, *batches)
        known = await building.states()
        for visitor, answer in zip(visitors, answers, strict=True):
            if answer.status_code == 409:
                problem(answer, 409, "emergency")
                assert visitor["name"] not in known
            else:
                assert visitor["name"] in known
        counts = building.muster["counts"]
        ended = await building.send("end", {"unaccounted": counts["unaccounted"]})
        assert ended.status_code == 200


async def test_exits_and_marks_at_once_come_to_one_state(building: Building):
    await building.admit("Ada")
    await building.start()
    ada, code = building.entry("Ada"), building.visitors[0]["qr_code"]
    await building.later(minutes=5)
    marks = [mark(ada, state, 1) for state in ("safe", "missing", "needs_help", "safe")]
    answers = await asyncio.gather(
        *(building.send("marks", [each]) for each in marks),
        building.root.scan(code, direction="out"),
        building.send("end", {"unaccounted": 1}),
    )
    assert all(answer.status_code in {200, 409} for answer in answers)
    await building.mark(*marks)
    one = await building.states()
    # An exit after the end marks nobody, and the latest alarm stands.
    after_end = {"missing", "needs_help"} if answers[-1].is_success else set()
    assert one["Ada"] in {"left_earlier", *after_end}
    await building.mark(*reversed(marks))
    assert await building.states() == one


async def test_an_end_counts_a_mark_or_comes_before_it(building: Building):
    await building.admit("Ada", "Grace")
    await building.start()
    body = mark(building.entry("Ada"))
    ended, marked = await asyncio.gather(
        building.send("end", {"unaccounted": 2}), building.send("marks", [body])
    )
    assert marked.status_code == 200
    is_late = (await building.read())["entries"][0]["is_late"]
    assert (ended.status_code == 200) is is_late
