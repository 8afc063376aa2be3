from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from app.audit.models import VisitorAction
from app.auth.caller import Caller
from app.core.db.repository import refusals
from app.core.db.rollout import require_finished
from app.core.errors import Problem
from app.musters.passage_service import PassageService
from app.musters.passages import Passage
from app.notifications.kinds import OF_ARRIVAL, TO_HOST, TO_VISITOR, NotificationKind
from app.notifications.payloads import ArrivalPayload
from app.notifications.repository import NotificationReader, OutgoingMail
from app.sites.models import Site
from app.slots.keys import SlotKey
from app.slots.models import Slot
from app.slots.rules import shift_of
from app.slots.seats import seats_of
from app.visitors import mails
from app.visitors.errors import NothingToUndo, SeatGone
from app.visitors.lifecycle import HOLDS_SEAT, end_away, reopen_stay, take_back_entry
from app.visitors.models import Visitor, VisitorStatus
from app.visitors.notifying_service import CONFIRMATION
from app.visitors.recipients import NewRecipients
from app.visitors.schemas import Visitor as VisitorRecord
from app.visitors.service import VisitorService
from app.visitors.stay_models import Stay
from app.visitors.stays import all_of, require_stay
from app.visitors.undo import MAILED, Act, Move, newest_act, require_undoable
from app.visitors.undo_schemas import Consequence, Undone

# The address has registered again for that hour.
SEAT_OF_ADDRESS: dict[str, type[Problem]] = {"uq_visitors_self_registration": SeatGone}
ARRIVAL = NotificationKind.host_arrival


class UndoService(VisitorService):
    """Undoes the newest act on a visit."""

    async def undo(self, visitor_id: UUID, reason: str | None, caller: Caller) -> Undone:
        """Undo the newest act that stands.

        Raise `NothingToUndo`, `NotYourAct`, `UndoExpired` or `SeatGone`.
        """
        await require_finished(self.unit)
        visitor = await self._locked(visitor_id, caller)
        if visitor.anonymised_at is not None:
            raise NothingToUndo
        act = newest_act(visitor.presence, await self.events.of_visitor(visitor_id))
        require_undoable(act, caller, self.now)
        sent = await NotificationReader(self.unit).left_since(
            visitor_id, MAILED[act.action], act.entry.created_at
        )
        with refusals(SEAT_OF_ADDRESS):
            await self._reverse(visitor, act, caller)
            why = {"reason": reason} if reason else {}
            undone = {"act": act.action.value, "entry": str(act.entry.id)} | why
            self._record(VisitorAction.UNDONE, visitor, caller, **undone)
            saved = await self._saved(visitor)
        return Undone.model_validate(
            {
                "visitor": VisitorRecord.of(saved),
                "undone": act.action.value,
                "consequences": [Consequence.model_validate(mail) for mail in sent],
            }
        )

    async def _reverse(self, visitor: Visitor, act: Act, caller: Caller) -> None:
        match act.action:
            case VisitorAction.CANCELLED:
                await self._uncancel(visitor)
            case VisitorAction.CHECKED_IN:
                await self._take_back_entry(visitor, act)
                await self._tell_again(visitor, act)
            case _ if act.was_away:
                await self._take_seat(visitor)
                visitor.status, visitor.is_away = VisitorStatus.VERIFIED, True
                await self._tell_again(visitor, act)
            case _:
                await self._reopen(visitor, caller)
                await self._tell_again(visitor, act)

    async def _uncancel(self, visitor: Visitor) -> None:
        """Expect the visitor again, with the code and the mails of a registration."""
        await self.outbox.supersede([visitor.id], self.now)  # slots are locked last
        await self._take_seat(visitor, opens=True)
        visitor.status = VisitorStatus.PENDING
        co_hosts = [one["email"] for one in visitor.co_hosts]
        everybody = NewRecipients(visitor=True, host=True, co_hosts=co_hosts)
        await self._notify_recipients(visitor, everybody)

    async def _reopen(self, visitor: Visitor, caller: Caller) -> None:
        """Have the visitor inside again, also on the roster of an open muster."""
        stay = require_stay((await self.stays.newest([visitor])).get(visitor.id))
        await self._follow(visitor, stay, caller)
        if visitor.status is VisitorStatus.COMPLETED:
            await self._take_seat(visitor)
        reopen_stay(visitor, stay, self.now)
        await self.stays.save([stay])

    async def _follow(self, visitor: Visitor, stay: Stay, caller: Caller) -> None:
        """Have wardens look for somebody who has not gone out after all."""
        rosters, site_id = PassageService(self.unit, caller, self.now), visitor.site_id
        inside = Passage(
            visitor.id,
            site_id,
            is_entry=True,
            at=self.now,
            gate=stay.in_gate,
            by=caller.name,
            since=stay.in_at,
        )
        await rosters.follow([inside], await rosters.musters([site_id], self.now))

    async def _take_back_entry(self, visitor: Visitor, act: Act) -> None:
        *earlier, newest = all_of(visitor, await self.stays.of_visitor(visitor.id))
        visitor.revision += 1
        if not earlier:
            await self._withdraw_arrival(visitor, newest, act)
        await self.stays.remove(newest)
        take_back_entry(visitor, earlier)
        if act.is_walk_in and not earlier:
            await self._cancel_walk_in(visitor)
        elif act.move is not None:
            await self._move_back(visitor, act.move)
        elif act.was_over:
            end_away(visitor, self.now)
            await self.seats.free(visitor.seat)

    async def _tell_again(self, visitor: Visitor, act: Act) -> None:
        """Tell those of the visit and the arrival whose mails the act kept from being sent."""
        reader = NotificationReader(self.unit)
        outdated = await reader.outdated_by(visitor.id, act.entry.created_at)
        if not outdated or visitor.status not in HOLDS_SEAT:
            return
        visitor.revision += 1
        site, kind = await self._site_of(visitor), NotificationKind.host_registration
        booked = mails.visit_payload(visitor, site)
        if any(kind in TO_VISITOR for kind, _ in outdated):
            self._notify_visitor(CONFIRMATION, visitor, site, booked)
        again = mails.to_host(kind, visitor, site, booked, visitor.revision)
        untold = {co_host for kind, co_host in outdated if kind in TO_HOST - OF_ARRIVAL}
        for mail in again:
            if mail.co_host in untold:
                self.outbox.put(mail, self.now)
        await self._tell_of_arrival(visitor, site, {to for kind, to in outdated if kind is ARRIVAL})

    async def _tell_of_arrival(self, visitor: Visitor, site: Site, to: Collection[str]) -> None:
        """Tell the host (""), or the reception, and co-hosts that the visitor has come in."""
        if visitor.checked_in_at is None:
            return
        at, gate = visitor.checked_in_at, visitor.checked_in_gate
        for mail in self._of_arrival(ARRIVAL, visitor, site, at, gate):
            if mail.co_host in to:
                self.outbox.put(mail, self.now)

    def _of_arrival(
        self, kind: NotificationKind, visitor: Visitor, site: Site, at: datetime, gate: str | None
    ) -> list[OutgoingMail]:
        booked = mails.visit_payload(visitor, site).model_dump()
        payload = ArrivalPayload(**booked, arrived_at=at, gate=gate)
        return mails.to_receiver(kind, visitor, site, payload, visitor.revision)

    async def _cancel_walk_in(self, visitor: Visitor) -> None:
        """Cancel a visit that only the check-in made; the host hears that it is withdrawn."""
        visitor.status = VisitorStatus.CANCELLED
        await self.outbox.supersede([visitor.id], self.now, TO_VISITOR)
        site = await self._site_of(visitor)
        payload = mails.cancelled_payload(visitor, site, by_visitor=False)
        self._notify_visitor(NotificationKind.visitor_cancelled, visitor, site, payload)
        await self.seats.free(visitor.seat)

    async def _move_back(self, visitor: Visitor, move: Move) -> None:
        """Move the visit to its former time and status; raise `SeatGone`."""
        key = SlotKey.of(visitor.site_id, move.day, move.at)
        await self.seats.create([key], self.now)
        _, slot = await self.seats.lock_to_move(visitor.seat, key)
        if slot is None:
            raise SeatGone
        if move.was not in HOLDS_SEAT:
            await self.seats.free(visitor.seat)
        elif slot.id != visitor.slot_id:
            self._require_seat(await self._site_of(visitor), slot, visitor)
            await self.seats.move(visitor.seat, slot.id)
        visitor.slot_id, visitor.status = slot.id, move.was
        visitor.is_away = move.was is VisitorStatus.VERIFIED
        visitor.visit_date, visitor.visit_time = move.day, move.at
        if move.is_first:
            visitor.is_rescheduled = False
            visitor.original_visit_date = visitor.original_visit_time = None

    async def _take_seat(self, visitor: Visitor, *, opens: bool = False) -> None:
        """Take the seat again under the slot's lock; raise `SeatGone`.

        With `opens` the site must receive visitors at that time.
        """
        site, [slot] = await self._site_of(visitor), await self.seats.lock_ids([visitor.slot_id])
        shift = shift_of(site, visitor.visit_date, visitor.visit_time)
        if opens and shift in slot.closed_shifts:
            raise SeatGone("The site is closed at the time of this visit")
        self._require_seat(site, slot, visitor)
        await self.seats.take(visitor.seat)

    def _require_seat(self, site: Site, slot: Slot, visitor: Visitor) -> None:
        if not seats_of(site, slot, to_strangers=visitor.is_self_registered).left:
            raise SeatGone

    async def _withdraw_arrival(self, visitor: Visitor, stay: Stay, act: Act) -> None:
        """Supersede the mail about the arrival; if it may have left, tell the host."""
        site, reader = await self._site_of(visitor), NotificationReader(self.unit)
        await self.outbox.supersede([visitor.id], self.now, [ARRIVAL])
        if not await reader.may_have_left(visitor.id, ARRIVAL, act.entry.created_at):
            return
        withdrawn = NotificationKind.host_arrival_withdrawn
        for mail in self._of_arrival(withdrawn, visitor, site, stay.in_at, stay.in_gate):
            self.outbox.put(mail, self.now)
