from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from app.audit.models import VisitorAction
from app.auth.caller import Caller
from app.core.db.repository import refusals
from app.core.errors import Problem, VisitRefusal
from app.scans.override_schemas import Override
from app.scans.overrides import OVERRIDABLE, answer_to, as_problem, moved_to
from app.scans.verdict import Decision
from app.sites.models import Site
from app.sites.repository import SiteReader
from app.slots.capacity_service import take_added
from app.slots.errors import SlotClosed, SlotFull
from app.slots.keys import SlotKey
from app.slots.models import Slot
from app.slots.seats import HeldSeat
from app.slots.service import refusals_at
from app.visitors.errors import ONE_FOR_AN_ADDRESS
from app.visitors.lifecycle import HOLDS_SEAT, InvalidTransition, reopen, reschedule
from app.visitors.models import Visitor
from app.visitors.service import VisitorService


@dataclass(frozen=True, slots=True)
class Place:
    """The hour in which a visitor needs another seat, and what is refused there."""

    day: date
    at: time
    slot: Slot | None
    refusals: list[type[VisitRefusal]]


class OverrideService:
    """Finds and takes the seats of visitors whom the desk admits against refusals."""

    def __init__(self, service: VisitorService, caller: Caller) -> None:
        self.service = service
        self.unit = service.unit
        self.caller = caller

    async def decide(
        self,
        visitor: Visitor,
        site: Site,
        decisions: Sequence[Decision],
        at: datetime,
        override: Override | None,
    ) -> tuple[Problem | None, Place | None]:
        """Return the answer to what is refused, None to admit, and the seat to take.

        The visitor is locked.
        """
        codes = [decision.code or "" for decision in decisions]
        place = await self._place_of(visitor, site, codes, at, lock=override is not None)
        against_seat = place.refusals if place else []
        held = [*map(as_problem, decisions), *(refusal() for refusal in against_seat)]
        return answer_to(held, override.codes if override else None), place

    async def admit(self, visitor: Visitor, place: Place | None) -> None:
        """Take the seat, and let a visit that is over begin again.

        Raise `InvalidTransition` if nobody knows any more whose visit it was, and
        `AlreadyRegistered` for a stranger who has another visit in that hour.
        """
        if visitor.anonymised_at is not None:
            raise InvalidTransition(
                "The personal data of this visit were erased", current_status=visitor.status.value
            )
        with refusals(ONE_FOR_AN_ADDRESS):
            if place is not None:
                await self._take(visitor, place)
            reopen(visitor)
            await self.unit.flush()

    # -- steps --------------------------------------------------------------------------------

    async def _place_of(
        self, visitor: Visitor, site: Site, codes: Collection[str], at: datetime, *, lock: bool
    ) -> Place | None:
        """Return where an override of refusals needs a seat; None if it needs none."""
        if not {*codes} <= {*OVERRIDABLE}:
            return None
        moved = moved_to(visitor, site, codes, at)
        if moved is None and visitor.status in HOLDS_SEAT:
            return None
        day, begins = moved or (visitor.visit_date, visitor.visit_time)
        key, closed = SlotKey.of(site.id, day, begins), await self._closed(site, day)
        slot = await (self._locked(visitor, key) if lock else self._stored(key))
        strangers = visitor.is_self_registered
        found = refusals_at(site, slot, day, begins, closed=closed, strangers=strangers)
        if moved is None:  # opening hours bind nobody on their own slot
            found = [refusal for refusal in found if refusal is not SlotClosed]
        return Place(day, begins, slot, found)

    async def _take(self, visitor: Visitor, place: Place) -> None:
        """Take the seat of a locked place; give its hour one more if it is full."""
        slot = place.slot
        if slot is None:
            raise LookupError("the place is not locked")
        seat = HeldSeat(slot.id, visitor.is_self_registered)
        is_full = SlotFull in place.refusals
        if is_full:
            await take_added(self.unit, slot, seat, self.caller, self.service.now)
        if visitor.status in HOLDS_SEAT:
            await self.service.seats.free(visitor.seat)
        if not is_full:
            await self.service.seats.take(seat)
        if (place.day, place.at) != (visitor.visit_date, visitor.visit_time):
            await self._move(visitor, place, slot)

    async def _move(self, visitor: Visitor, place: Place, slot: Slot) -> None:
        """Move a visit with its code; what was mailed about the former time is not sent."""
        was, now, site_id = visitor.status.value, self.service.now, visitor.site_id
        times = reschedule(visitor, site_id, slot.id, place.day, place.at)
        about: dict[str, Any] = {"site": site_id, "host": visitor.host_id, "was": was, **times}
        self.service.events.record(visitor.id, VisitorAction.RESCHEDULED, self.caller, now, **about)
        await self.service.outbox.supersede([visitor.id], now)

    async def _closed(self, site: Site, day: date) -> Collection[date]:
        found = await SiteReader(self.unit).for_day(site.id, day)
        return found[1] if found else ()

    async def _locked(self, visitor: Visitor, key: SlotKey) -> Slot | None:
        await self.service.seats.create([key], self.service.now)
        if visitor.status in HOLDS_SEAT:
            return (await self.service.seats.lock_to_move(visitor.seat, key))[1]
        return next(iter(await self.service.seats.lock_keys([key])), None)

    async def _stored(self, key: SlotKey) -> Slot | None:
        return next(iter(await self.service.seats.some([key])), None)
