"""What each way to do something tells: no event too many, and none too few."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.core.clock import SettableClock
from app.core.ids import new_id
from app.events.sequencer_service import Sequencer
from app.visitors.closing_jobs import close_past_visits
from tests.bulk.files import rows, upload, workbook
from tests.events.acts import Scene, cancel, check_in, contradict, fill_slot, refuse, scene_of
from tests.groups.groups import add_group
from tests.scans.offline import happened, report
from tests.scans.walk_ins import admitted, override
from tests.support.api import Api

Road = Callable[[Scene], Awaitable[Any]]
IN, OUT, OVER = "visit.checked_in", "visit.checked_out", "visit.completed"
BOOKED, GONE, ANEW = "visit.registered", "visit.cancelled", "visit.updated"


async def _group(scene: Scene) -> dict[str, Any]:
    return await add_group(scene.admin, 2, visit_time="10:00")


async def group_acts(scene: Scene) -> None:
    group = await _group(scene)
    path = f"groups/{group['id']}/"
    await scene.admin.post(
        f"{path}reschedule/", {"visit_date": "2026-11-23", "visit_time": "11:00"}
    )
    await scene.admin.post(f"{path}cancel/")


async def by_hand(scene: Scene) -> None:
    scene.clock.set(scene.clock.now().replace(minute=5))
    await scene.admin.post(f"{scene.visit}check-in/", {})
    await scene.admin.post(f"{scene.visit}check-out/", {})


async def refused_by_hand(scene: Scene) -> None:
    scene.clock.set(scene.clock.now().replace(hour=6))
    admin = await scene.api.superadmin("early@example.com")
    answer = await admin.post(f"{scene.visit}check-in/", {})
    assert answer.status_code == 409, answer.text


async def overridden(scene: Scene) -> None:
    scene.clock.set(scene.clock.now().replace(hour=6))
    admin = await scene.api.superadmin("early@example.com")
    answer = await admin.post(f"{scene.visit}check-in/", override("too_early"))
    assert answer.status_code == 200, answer.text


async def overridden_when_full(scene: Scene) -> None:
    hour = {"visit_date": "2026-11-23", "visit_time": "09:00", "capacity": 0}
    await scene.admin.post(f"{scene.site}slot-capacities/", hour)
    await admitted(scene.admin, **override("slot_full"))


async def undone(scene: Scene) -> None:
    await check_in(scene)
    await scene.admin.post(f"{scene.visit}undo/", {})


async def everybody_out(scene: Scene) -> None:
    await check_in(scene)
    body = {"expected_count": 1, "reason": "Closing time"}
    await scene.admin.post(f"{scene.site}check-out-all/", body)


async def evacuated(scene: Scene) -> None:
    await check_in(scene)
    muster = (await scene.admin.post(f"{scene.site}musters/", {"kind": "real"})).json()
    path = f"musters/{muster['id']}/"
    told = {"mark_id": str(new_id()), "entry": muster["entries"][0]["id"], "state": "left_earlier"}
    await scene.admin.post(f"{path}marks/", [{**told, "marked_at": scene.clock.now().isoformat()}])
    await scene.admin.post(f"{path}people/", {"name": "Grace", "state": "safe"})
    await scene.admin.post(f"{path}end/", {"unaccounted": 0})


async def evacuated_by_gates(scene: Scene) -> None:
    """Leave by the gate, and come in, while a drill goes on."""
    await check_in(scene)
    await scene.admin.post(f"{scene.site}musters/", {"kind": "drill"})
    await scene.gate.scan(scene.visitor["qr_code"], direction="out")
    await admitted(scene.admin, email="grace@example.com")
    other = await scene.admin.register(email="joan@example.com")
    await scene.admin.post(f"visitors/{other['id']}/check-in/", {})


async def never_checked_out(scene: Scene) -> None:
    await check_in(scene)
    await close_past_visits(scene.database, scene.clock.now().replace(day=25))


async def never_came(scene: Scene) -> None:
    for _ in range(2):
        await close_past_visits(scene.database, scene.clock.now().replace(day=25))


async def closed(scene: Scene) -> None:
    await scene.admin.post(f"{scene.site}closures/", {"date": "2026-11-23", "cancel_visits": True})


async def handed_over(scene: Scene) -> None:
    new = await scene.api.host("mary@example.com", "Mary")
    former = await scene.api.host()
    await former.register()
    path = f"auth/users/{former.user_id}/hand-over/"
    await scene.admin.post(path, {"to": new.user_id})


async def offline(scene: Scene) -> None:
    code, now = scene.visitor["qr_code"], scene.clock.now()
    scene.clock.set(now.replace(hour=10))
    came, left = (now.replace(minute=minute).isoformat() for minute in (50, 55))
    scans = happened(code, came), happened(code, left, direction="out")
    for _ in range(2):
        await report(scene.gate, *scans)


async def refused_and_opened(scene: Scene) -> None:
    """Open a gate that did not receive the refusal."""
    await cancel(scene)
    scan_id = str(new_id())
    at = scene.clock.now().isoformat()
    sent = {"scan_id": scan_id, "scanned_at": at}
    for _ in range(2):
        await scene.gate.scan(scene.visitor["qr_code"], **sent)
    for _ in range(2):
        await report(scene.gate, {"token": scene.visitor["qr_code"], **sent})


async def former_code(scene: Scene) -> None:
    await scene.admin.post(f"{scene.visit}replace-code/", {})
    await scene.gate.scan(scene.visitor["qr_code"])
    await report(scene.gate, happened(scene.visitor["qr_code"], scene.clock.now().isoformat()))


async def deleted(scene: Scene) -> None:
    await scene.admin.delete(scene.visit)
    await scene.gate.scan(scene.visitor["qr_code"])


async def filled_thrice(scene: Scene) -> None:
    await fill_slot(scene)
    await cancel(scene)
    await scene.admin.post(f"{scene.visit}undo/", {})


async def capacities(scene: Scene) -> None:
    """Raise and lower capacities, and close the day, which does not count."""
    await fill_slot(scene)
    slot = (await scene.admin.get(f"{scene.site}slot-capacities/")).json()["items"][0]
    await scene.admin.patch(scene.site, {"slot_capacity": 30})
    await scene.admin.delete(f"{scene.site}slot-capacities/{slot['id']}/")
    await scene.admin.patch(scene.site, {"slot_capacity": 1})
    await scene.admin.post(f"{scene.site}closures/", {"date": "2026-11-23"})


ROADS: dict[Road, list[str]] = {
    _group: [BOOKED] * 2,
    group_acts: [*[BOOKED] * 2, *["visit.rescheduled"] * 2, *[GONE] * 2],
    by_hand: [IN, OUT, OVER],
    refused_by_hand: ["scan.refused"],
    overridden: [IN],
    overridden_when_full: ["slot.full", BOOKED, IN],
    undone: [IN, "visit.undone"],
    everybody_out: [IN, OUT, OVER],
    evacuated: [
        *(IN, "muster.started", "muster.marked", "muster.marked"),
        *("muster.ended", OUT, OVER),
    ],
    evacuated_by_gates: [
        *(IN, "muster.started", OUT, OVER, "muster.marked"),
        *(BOOKED, IN, "muster.marked", BOOKED, IN, "muster.marked"),
    ],
    never_checked_out: [IN, OUT, OVER],
    never_came: ["visit.expired"],
    closed: [GONE],
    handed_over: [BOOKED, ANEW],
    offline: [IN, OUT, OVER],
    refuse: [GONE, "scan.refused"],
    contradict: [GONE, "scan.conflict"],
    refused_and_opened: [GONE, "scan.refused", "scan.conflict"],
    former_code: [ANEW, "scan.refused", "scan.conflict"],
    deleted: ["visit.erased"],
    filled_thrice: ["slot.full", GONE, "slot.reopened", "visit.undone", "slot.full"],
    capacities: ["slot.full", "slot.reopened", "slot.full"],
}


@pytest.mark.parametrize(
    ("road", "types"), ROADS.items(), ids=lambda each: getattr(each, "__name__", "")
)
async def test_a_road_tells_what_it_does(
    api: Api, clock: SettableClock, sequencer: Sequencer, road: Road, types: list[str]
):
    scene = await scene_of(api, clock)
    await sequencer.step()
    head = (await scene.admin.get("events/")).json()["head"]
    await road(scene)
    await sequencer.step()
    reader = await api.superadmin("reader@example.com")  # the clock may have moved
    told = (await reader.get("events/", after=head)).json()["items"]
    assert sorted(event["type"] for event in told) == sorted(types)
    of_visits = [e for e in told if e["subject"]["type"] == "visitor"]
    assert all(event["site"] for event in of_visits)


async def test_an_upload_tells_of_its_visits_then_of_itself(
    api: Api, clock: SettableClock, sequencer: Sequencer
):
    scene = await scene_of(api, clock)
    await upload(scene.admin, workbook(rows(3)))
    await sequencer.step()
    told = (await scene.admin.get("events/")).json()["items"]
    *visits, completed = [event for event in told if event["type"] != "device.created"][1:]
    assert [event["type"] for event in visits] == [BOOKED] * 3
    assert completed["type"] == "import.completed"
    assert {event["request_id"] for event in visits} == {completed["request_id"]}
