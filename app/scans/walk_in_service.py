from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from app.audit.models import AuditEntry, VisitorAction
from app.audit.repository import Actor, event_row
from app.auth.caller import Caller
from app.core.db.inserting import values_of
from app.core.errors import NotAuthenticated, VisitRefusal
from app.core.observability.metrics import counted
from app.musters.passage_service import PassageService
from app.musters.passages import OpenMuster, Passage, follow
from app.musters.repository import open_muster
from app.musters.telling import event_of
from app.notifications.models import Notification
from app.notifications.repository import mail_row
from app.scans import walk_in_statements as statements
from app.scans.by_hand import entry_by_hand
from app.scans.errors import Emergency
from app.scans.metrics import scans_like
from app.scans.models import Scan, ScanDirection
from app.scans.override_schemas import Override
from app.scans.overrides import answer_to, with_all
from app.scans.passage import arrival_mails, decide_scan
from app.scans.verdict import WELCOME
from app.scans.walk_in_schemas import WalkInCreate
from app.slots.capacity_service import take_added
from app.slots.errors import SlotClosed, SlotFull
from app.slots.models import Slot
from app.slots.rules import is_open
from app.slots.seats import HeldSeat
from app.slots.service import refusals_at
from app.visitors import schemas
from app.visitors.lifecycle import enter
from app.visitors.metrics import bookings_of
from app.visitors.models import Visitor
from app.visitors.registration import answer, new_visitor
from app.visitors.registration_service import RegistrationService
from app.visitors.stay_models import InMethod, Stay


@dataclass(slots=True)
class WalkIn:
    """A visitor who has come, with the rows to store.

    `muster` is the drill that is under way, as far as is known.
    """

    visitor: Visitor
    stay: Stay
    scan: Scan
    events: list[dict[str, Any]]
    mails: list[dict[str, Any]]
    muster: OpenMuster | None = None

    @property
    def passage(self) -> Passage:
        return Passage(
            self.visitor.id,
            self.visitor.site_id,
            is_entry=True,
            at=self.stay.in_at,
            gate=self.scan.gate,
            by="",
        )

    def followed(self, by: Actor, now: datetime) -> dict[str, list[dict[str, Any]]]:
        """Return the entry on the roster of the drill, if there is one, and its event."""
        if self.muster is None:
            return {"entries": [], "told": []}
        followed = follow(self.muster, self.visitor.id, None, [self.passage], now)
        added = [] if followed.added is None else [followed.added]
        told = [event_of(followed, self.visitor.site_id, by, now) for _ in added]
        return {"entries": added, "told": told}


class WalkInService(RegistrationService):
    """Registers visitors for the present minute and admits them."""

    async def admit(self, form: WalkInCreate, caller: Caller) -> schemas.Visitor:
        """Return the record; raise `SlotClosed`, `SlotFull` or `OverrideMismatch`."""
        registration, closed = await self.at_present(form, caller)
        visitor = new_visitor(registration, self.codes.new(), self.now)
        arrived = self._arrived(visitor, form, caller)
        shown = answer(registration, visitor)  # before the booking, which may commit at once
        if form.override is None:
            await self._book_free_seat(arrived, closed, caller)
        else:
            await self._book_any_seat(arrived, closed, form.override, caller)
        self.outbox.wake_after_commit()
        self.unit.after_commit(counted(bookings_of(caller)))
        self.unit.after_commit(counted(scans_like(arrived.scan)))
        return shown

    def _arrived(self, visitor: Visitor, form: WalkInCreate, caller: Caller) -> WalkIn:
        if caller.id is None:
            raise NotAuthenticated
        now, gate, site = self.now, form.gate, visitor.site
        mails = [*self._confirmation(visitor), *arrival_mails(visitor, site, gate, now)]
        scan = entry_by_hand(visitor, ScanDirection.IN, gate, None, caller.id, now)
        decide_scan(scan, WELCOME, visitor.id)
        stay = enter(visitor, None, gate, now, now, InMethod.DESK)
        details: dict[str, Any] = {"walk_in": True} | ({"gate": gate} if gate else {})
        details |= form.override.details() if form.override else {}
        about: dict[str, Any] = {"site": site.id, "host": visitor.host_id}
        return WalkIn(
            visitor=visitor,
            stay=stay,
            scan=scan,
            events=[
                event_row(visitor.id, VisitorAction.REGISTERED, caller, now, **about),
                event_row(visitor.id, VisitorAction.CHECKED_IN, caller, now, **about, **details),
            ],
            mails=[mail_row(mail, now) for mail in mails],
        )

    async def _book_free_seat(
        self, arrived: WalkIn, closed: Collection[date], caller: Caller
    ) -> None:
        visitor = arrived.visitor
        try:
            if not is_open(visitor.site, visitor.visit_date, visitor.visit_time, closed):
                raise SlotClosed
            await self._take_seat(visitor, lambda shift: self._admitted(arrived, shift, caller))
        except (SlotClosed, SlotFull, Emergency) as refused:
            refusal: VisitRefusal = refused
            slot = next(iter(await self.seats.some([visitor.slot_key])), None)
            codes = [each.code for each in _refusals(visitor, slot, closed)]
            _, muster = await open_muster(self.unit, visitor.site_id)
            if muster is not None and muster.is_real:
                refusal, codes = Emergency(), [Emergency.code, *codes]
            raise with_all(refusal, codes or [refusal.code]) from None

    async def _admitted(self, arrived: WalkIn, shift: date, caller: Caller) -> bool:
        done = await statements.admit(
            self.unit,
            arrived.visitor,
            shift,
            arrived.events,
            arrived.mails,
            arrived.scan,
            arrived.stay,
            arrived.followed(caller, self.now),
            arrived.muster.id if arrived.muster else None,
        )
        if not done:
            await self._look_at_musters(arrived)
        return done

    async def _look_at_musters(self, arrived: WalkIn) -> None:
        """Read what a muster changes, for the next attempt; raise `Emergency`."""
        site = arrived.visitor.site
        version, muster = await open_muster(self.unit, site.id)
        site.muster_version, arrived.muster = version, muster
        if muster is not None and muster.is_real:
            raise Emergency

    async def _book_any_seat(
        self, arrived: WalkIn, closed: Collection[date], override: Override, caller: Caller
    ) -> None:
        """Take a seat that the override permits, under the lock of its slot."""
        key = arrived.visitor.slot_key
        rosters = PassageService(self.unit, caller, self.now)
        musters = await rosters.musters([key.site_id], self.now)
        await self.seats.create([key], self.now)
        [slot] = await self.seats.lock_keys([key])
        refusals = _refusals(arrived.visitor, slot, closed)
        if musters.is_emergency(key.site_id, self.now):
            refusals = [Emergency, *refusals]
        refused = answer_to([refusal() for refusal in refusals], override.codes)
        if refused is not None:
            raise refused
        seat = HeldSeat(slot.id, by_stranger=False)
        if SlotFull in refusals:
            await take_added(self.unit, slot, seat, caller, self.now)
        else:
            await self.seats.take(seat)
        self._store(arrived, slot)
        await rosters.follow([arrived.passage], musters)

    def _store(self, arrived: WalkIn, slot: Slot) -> None:
        self.unit.append(Visitor, values_of(arrived.visitor) | {"slot_id": slot.id})
        self.unit.append(Stay, values_of(arrived.stay))
        self.unit.append(Scan, values_of(arrived.scan))
        for event in arrived.events:
            self.unit.append(AuditEntry, event)
        for mail in arrived.mails:
            self.unit.append(Notification, mail)


def _refusals(visitor: Visitor, slot: Slot | None, closed: Collection[date]) -> list[Any]:
    day, at = visitor.visit_date, visitor.visit_time
    return refusals_at(visitor.site, slot, day, at, closed=closed)
