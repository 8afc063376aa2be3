"""How each type of event comes about."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.ids import new_id
from app.devices.presence_jobs import tell_of_silent
from app.events.kinds import EventType
from app.notifications.claim_statements import DeliveryOutcome, DeliveryQueue
from app.notifications.models import NotificationStatus
from app.visitors.closing_jobs import close_past_visits
from app.visitors.overdue_jobs import tell_of_overdue
from tests.bulk.files import rows, upload, workbook
from tests.devices.devices import add_device
from tests.scans.offline import happened, report
from tests.support.api import Api, Client

T = EventType


@dataclass
class Scene:
    """An admin and a visitor of this hour."""

    api: Api
    admin: Client
    gate: Client
    clock: SettableClock
    database: Database
    visitor: dict[str, Any]

    @property
    def visit(self) -> str:
        return f"visitors/{self.visitor['id']}/"

    @property
    def site(self) -> str:
        return f"sites/{self.visitor['site']}/"


async def scene_of(api: Api, clock: SettableClock) -> Scene:
    clock.set(clock.now().replace(hour=9))  # an hour before the visit, at the same site
    admin, gate = await api.superadmin(), await add_device(api)
    return Scene(api, admin, gate, clock, api.database, await admin.register())


async def register(scene: Scene) -> None:
    """Do no more than the scene does."""


async def update(scene: Scene) -> None:
    await scene.admin.patch(scene.visit, {"phone": "+49 30 1234"})


async def reschedule(scene: Scene) -> None:
    moved = {"visit_date": "2026-11-23", "visit_time": "11:00"}
    await scene.admin.post(f"{scene.visit}reschedule/", moved)


async def cancel(scene: Scene) -> None:
    await scene.admin.post(f"{scene.visit}cancel/")


async def undo(scene: Scene) -> None:
    await cancel(scene)
    await scene.admin.post(f"{scene.visit}undo/", {})


async def check_in(scene: Scene) -> None:
    await scene.gate.scan(scene.visitor["qr_code"])


async def check_out(scene: Scene) -> None:
    await check_in(scene)
    await scene.gate.scan(scene.visitor["qr_code"], direction="out")


async def expire(scene: Scene) -> None:
    await close_past_visits(scene.database, scene.clock.now().replace(day=25))


async def erase(scene: Scene) -> None:
    await scene.admin.delete(scene.visit)


async def overstay(scene: Scene) -> None:
    await check_in(scene)
    await tell_of_overdue(scene.database, scene.clock.now() + timedelta(hours=3))


async def refuse(scene: Scene) -> None:
    await cancel(scene)
    await scene.gate.scan(scene.visitor["qr_code"])


async def contradict(scene: Scene) -> None:
    await cancel(scene)
    at = scene.clock.now().isoformat()
    await report(scene.gate, happened(scene.visitor["qr_code"], at))


async def settle_mail(scene: Scene, status: NotificationStatus) -> None:
    """Do what a sender does, without a mail server."""
    now = scene.clock.now()
    async with scene.database.write(single_statement=True) as unit:
        queue = DeliveryQueue(unit)
        claim = await queue.claim(now, timedelta(minutes=1))
        assert claim is not None
        assert await queue.record(claim, DeliveryOutcome(status=status), now)


async def send_mail(scene: Scene) -> None:
    await settle_mail(scene, NotificationStatus.SENT)


async def give_up_mail(scene: Scene) -> None:
    await settle_mail(scene, NotificationStatus.FAILED)


async def fill_slot(scene: Scene) -> None:
    hour = {"visit_date": "2026-11-23", "visit_time": scene.visitor["visit_time"]}
    await scene.admin.post(f"{scene.site}slot-capacities/", {**hour, "capacity": 1})


async def free_slot(scene: Scene) -> None:
    await fill_slot(scene)
    await cancel(scene)


async def silence_gate(scene: Scene) -> None:
    await scene.gate.post("devices/heartbeat/")
    await tell_of_silent(scene.database, scene.clock.now() + timedelta(minutes=6))


async def return_gate(scene: Scene) -> None:
    await silence_gate(scene)
    scene.clock.set(scene.clock.now() + timedelta(minutes=7))
    await scene.gate.post("devices/heartbeat/")


async def add_gate(scene: Scene) -> None:
    await scene.admin.post("devices/", {"name": "South gate", "kind": "scanner"})


async def revoke_gate(scene: Scene) -> None:
    made = await scene.admin.post("devices/", {"name": "South gate", "kind": "scanner"})
    await scene.admin.delete(f"devices/{made.json()['id']}/")


async def _muster(scene: Scene) -> dict[str, Any]:
    made = await scene.admin.post(f"{scene.site}musters/", {"kind": "drill"})
    muster: dict[str, Any] = made.json()
    return muster


async def start_muster(scene: Scene) -> None:
    await _muster(scene)


async def end_muster(scene: Scene) -> None:
    muster = await _muster(scene)
    await scene.admin.post(f"musters/{muster['id']}/end/", {"unaccounted": 0})


async def mark_people(scene: Scene) -> None:
    await check_in(scene)
    muster = await _muster(scene)
    found = (await scene.admin.get(f"musters/{muster['id']}/")).json()
    [entry] = found["entries"]
    told = {"mark_id": str(new_id()), "entry": entry["id"], "state": "safe"}
    marks = [{**told, "marked_at": scene.clock.now().isoformat()}]
    await scene.admin.post(f"musters/{muster['id']}/marks/", marks)


async def import_workbook(scene: Scene) -> None:
    await upload(scene.admin, workbook(rows(2)))


ACTS: dict[EventType, Callable[[Scene], Awaitable[None]]] = {
    T.VISIT_REGISTERED: register,
    T.VISIT_UPDATED: update,
    T.VISIT_RESCHEDULED: reschedule,
    T.VISIT_CANCELLED: cancel,
    T.VISIT_CHECKED_IN: check_in,
    T.VISIT_CHECKED_OUT: check_out,
    T.VISIT_UNDONE: undo,
    T.VISIT_COMPLETED: check_out,
    T.VISIT_EXPIRED: expire,
    T.VISIT_OVERDUE: overstay,
    T.VISIT_ERASED: erase,
    T.SCAN_REFUSED: refuse,
    T.SCAN_CONFLICT: contradict,
    T.MAIL_SENT: send_mail,
    T.MAIL_FAILED: give_up_mail,
    T.SLOT_FULL: fill_slot,
    T.SLOT_REOPENED: free_slot,
    T.DEVICE_CREATED: add_gate,
    T.DEVICE_REVOKED: revoke_gate,
    T.DEVICE_OFFLINE: silence_gate,
    T.DEVICE_ONLINE: return_gate,
    T.MUSTER_STARTED: start_muster,
    T.MUSTER_MARKED: mark_people,
    T.MUSTER_ENDED: end_muster,
    T.IMPORT_COMPLETED: import_workbook,
}
