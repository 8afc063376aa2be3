"""A site whose rules change, and the counters of its slots."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from app.core.db.database import Database
from app.slots.models import Slot
from app.visitors.lifecycle import HOLDS_SEAT
from app.visitors.models import Visitor
from tests.support.api import Client

NOBODY = "00000000-0000-7000-8000-000000000000"
MONDAY, TUESDAY, SATURDAY = "2026-11-23", "2026-11-24", "2026-11-28"
SLOT = {"visit_date": TUESDAY, "visit_time": "10:00"}


@dataclass
class ManagedSite:
    """A site that a superadmin changes."""

    root: Client
    id: str
    path: str

    async def change(self, **fields: Any) -> int:
        """Change the site; how many seats that leaves outside the rules."""
        answer = await self.root.patch(self.path, fields)
        assert answer.status_code == 200, answer.text
        affected: int = answer.json()["affected_visitors"]
        return affected

    async def set_capacity(self, capacity: int, **fields: Any) -> dict[str, Any]:
        body = {**SLOT, **fields, "capacity": capacity}
        answer = await self.root.post(f"{self.path}slot-capacities/", body)
        assert answer.status_code == 201, answer.text
        slot: dict[str, Any] = answer.json()
        return slot

    async def close(self, day: str, **fields: Any) -> dict[str, Any]:
        answer = await self.root.post(f"{self.path}closures/", {"date": day, **fields})
        assert answer.status_code == 201, answer.text
        closure: dict[str, Any] = answer.json()
        assert closure.pop("cancelled_visits") == 0
        return closure

    async def fill(self, seats: int, **fields: Any) -> list[dict[str, Any]]:
        return [await self.root.register(**{**SLOT, **fields}) for _ in range(seats)]

    async def offer(self, **fields: Any) -> dict[str, Any]:
        """Return a slot as it is offered to everybody."""
        wanted = {**SLOT, **fields}
        answer = await self.root.get(
            "visitors/available-slots/", visit_date=wanted["visit_date"], site=self.id
        )
        found: dict[str, Any] = next(
            slot for slot in answer.json()["slots"] if slot["time"] == wanted["visit_time"]
        )
        return found

    async def items(self, what: str, **params: Any) -> list[dict[str, Any]]:
        answer = await self.root.get(f"{self.path}{what}/", **params)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found


async def annex(site: ManagedSite, **fields: Any) -> ManagedSite:
    """Create another site."""
    answer = await site.root.post("sites/", {"name": "Annex", **fields})
    assert answer.status_code == 201, answer.text
    return ManagedSite(site.root, answer.json()["id"], f"sites/{answer.json()['id']}/")


async def counters(database: Database) -> dict[tuple[str, int], tuple[int, int]]:
    """Return capacity and taken seats of every slot; they must match its visitors.

    Slots that have a row only because they are closed are omitted.
    """
    holding = (
        select(func.count())
        .where(Visitor.slot_id == Slot.id, Visitor.status.in_(HOLDS_SEAT))
        .scalar_subquery()
    )
    async with database.read() as session:
        rows = (await session.rows(select(Slot, holding))).all()
    for slot, visitors in rows:
        assert slot.booked == visitors
        assert slot.excess == max(slot.booked - slot.capacity, 0)
    return {
        (str(s.visit_date), s.hour): (s.capacity, s.booked)
        for s, _ in rows
        if s.booked or not s.closed_shifts
    }
