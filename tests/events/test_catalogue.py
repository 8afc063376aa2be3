"""What `docs/events.md` says is true."""

import asyncio
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.audit.models import AuditAction, VisitorAction
from app.core.clock import SettableClock
from app.core.db.database import Database
from app.events.catalogue import CATALOGUE, example
from app.events.kinds import SOURCES, EventType
from app.events.sequencer_service import Sequencer
from tests.events.acts import ACTS, scene_of
from tests.events.following import write_pending
from tests.support.api import Api
from tools.write_events import document

GUIDE = Path(__file__).parent.parent.parent / "docs" / "events.md"


def test_every_type_is_described():
    assert list(CATALOGUE) == list(EventType)
    assert GUIDE.read_text(encoding="utf-8") == document()


def test_every_source_is_an_action_of_the_log():
    of_visitors = {f"visitor.{action}" for action in VisitorAction}
    assert set(SOURCES) <= of_visitors | set(AuditAction)


def shape(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event with whether there are ids, versions and times instead of them."""
    subject, actor = event["subject"], event["actor"]
    there = {name: event[name] is not None for name in ("id", "seq", "created_at", "site")}
    return {
        **there,
        "keys": [*event, *subject, *actor],
        "type": event["type"],
        "subject": (subject["type"], subject["id"] is not None, subject["version"] is not None),
        "actor": (actor["kind"], actor["id"] is not None),
        "fields": event["fields"],
    }


@pytest.mark.parametrize("type_", ACTS)
async def test_an_example_is_like_a_real_event(
    api: Api, clock: SettableClock, sequencer: Sequencer, type_: EventType
):
    scene = await scene_of(api, clock)
    await ACTS[type_](scene)
    await sequencer.step()
    found = (await scene.admin.get("events/", types=type_.value)).json()["items"]
    assert found, (await scene.admin.get("events/")).json()
    assert shape(found[-1]) == shape(example(type_))


async def test_the_loop_of_the_guide_misses_nothing(
    api: Api, http: httpx.AsyncClient, database: Database, sequencer: Sequencer
):
    root = await api.superadmin()
    http.headers.update(root.headers)
    [code] = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - of the guide
    handled: list[int] = []

    async def handle(event: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        handled.append(event["seq"])

    after = 0
    for number in (0, 250, 3):
        async with database.write() as unit:
            for _ in range(number):
                write_pending(unit)
        await sequencer.step()
        after = await names["follow"](http, after, handle)
    assert handled == [*range(1, 254)]
    assert after == 253
