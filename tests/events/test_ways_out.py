"""Whatever way a visit ends, its last exit is two events."""

from collections.abc import Awaitable, Callable

import pytest

from app.core.clock import SettableClock
from app.events.sequencer_service import Sequencer
from app.visitors.closing_jobs import close_past_visits
from tests.events.acts import Scene, check_in, scene_of
from tests.scans.offline import happened, report
from tests.support.api import Api

ENDED = ["visit.checked_out", "visit.completed"]


async def at_the_desk(scene: Scene) -> None:
    await scene.admin.post(f"{scene.visit}check-out/", {})


async def completed(scene: Scene) -> None:
    await scene.admin.post(f"{scene.visit}complete/")


async def all_at_once(scene: Scene) -> None:
    body = {"expected_count": 1, "reason": "closing time"}
    await scene.admin.post(f"{scene.site}check-out-all/", body)


async def offline(scene: Scene) -> None:
    scan = happened(scene.visitor["qr_code"], "09:00", direction="out")
    await report(scene.gate, scan)


async def by_the_clock(scene: Scene) -> None:
    await close_past_visits(scene.database, scene.clock.now().replace(day=25))


WAYS = (at_the_desk, completed, all_at_once, offline, by_the_clock)


@pytest.mark.parametrize("leave", WAYS)
async def test_each_way_out_that_ends_a_visit_is_two_events(
    api: Api,
    clock: SettableClock,
    sequencer: Sequencer,
    leave: Callable[[Scene], Awaitable[None]],
):
    scene = await scene_of(api, clock)
    await check_in(scene)
    await leave(scene)
    await sequencer.step()
    events = (await scene.admin.get("events/")).json()["items"]
    told = [e["type"] for e in events if e["subject"]["type"] == "visitor"]
    assert told == ["visit.registered", "visit.checked_in", *ENDED]
    assert {e["site"] for e in events} == {scene.visitor["site"]}


async def test_who_may_return_only_goes_out(api: Api, clock: SettableClock, sequencer: Sequencer):
    scene = await scene_of(api, clock)
    await scene.admin.patch(scene.site, {"re_entry": "same_day"})
    await check_in(scene)
    await scene.gate.scan(scene.visitor["qr_code"], direction="out")
    await sequencer.step()
    out = "visit.checked_out,visit.completed"
    told = (await scene.admin.get("events/", types=out)).json()["items"]
    assert [event["type"] for event in told] == ["visit.checked_out"]
    await close_past_visits(scene.database, clock.now().replace(day=25))
    await sequencer.step()
    told = (await scene.admin.get("events/", types=out)).json()["items"]
    assert [event["type"] for event in told] == ENDED
