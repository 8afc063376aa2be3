"""Registering visitors: what is checked, made and stored."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from app.audit.models import VisitorAction
from app.audit.repository import VisitorEventRepository, event_row
from app.auth.caller import Caller
from app.core.db.database import AfterCommit, ReadSession, WriteSession
from app.core.db.inserting import values_of
from app.core.db.plain import new_plain
from app.core.db.rollout import is_finished
from app.core.errors import Invalid
from app.core.security.qr_token import QrTokens
from app.core.text import account_key
from app.departments.models import Department
from app.departments.repository import DepartmentReader
from app.notifications.kinds import NotificationKind
from app.notifications.repository import Outbox, OutgoingMail, mail_row
from app.sites.models import Site
from app.slots.errors import SlotClosed
from app.slots.repository import SlotRepository
from app.slots.rules import shift_of
from app.slots.service import Seat, UnknownSite, require_bookable, slot_full
from app.visitors import mails
from app.visitors.errors import AlreadyRegistered
from app.visitors.host_service import HOST_FIELDS, NamedHost, UnknownHost, require_own
from app.visitors.models import Visitor, VisitorStatus
from app.visitors.repository import VisitorReader
from app.visitors.schemas import VisitorDetails
from app.visitors.statements import BookingFacts, book, facts

# How often a booking is tried of which somebody else was faster with the row or with a seat.
TRIES = 10


class UnknownDepartment(Invalid):
    """422: the request names a department that is not there."""

    def __init__(self) -> None:
        fault = {"field": "department", "code": "unknown"}
        message = "There is no such department"
        super().__init__(message, errors=[{**fault, "message": message}])


@dataclass(frozen=True, slots=True)
class Booking:
    """A registration whose seat is taken."""

    body: VisitorDetails
    seat: Seat
    host: NamedHost


class Desk:
    """What all that is done to visits works with, within one unit of work."""

    def __init__(
        self, unit: WriteSession, codes: QrTokens, wake: AfterCommit, now: datetime
    ) -> None:
        self.unit = unit
        self.codes = codes
        self.now = now
        self.slots = SlotRepository(unit)
        self.events = VisitorEventRepository(unit)
        self.outbox = Outbox(unit, wake)


class RegistrationService(Desk):
    """Registers visitors, within one unit of work."""

    async def prepare(
        self, body: VisitorDetails, caller: Caller, host_as_sent: str | None = None
    ) -> Visitor:
        """The visitor as `book` will store it; raises why this time can never be booked.

        What is answered must be made of it before: the booking may commit by itself.
        """
        known = await self._facts(body, caller)
        require_bookable(
            known.site,
            body.visit_date,
            body.visit_time,
            closed=known.closed,
            now=self.now,
            walk_in=caller.is_kiosk,
        )
        host = _host(body, caller, known)
        known_too: dict[str, Any] = {"department": known.department, "host_as_sent": host_as_sent}
        if caller.is_stranger and await is_finished(self.unit):
            known_too |= {
                "is_self_registered": True,
                "self_registration_key": account_key(body.email),
            }
        return self._new(body, known.site, host, by_stranger=not caller.is_person, **known_too)

    async def book(self, visitor: Visitor, caller: Caller, withheld: str | None = None) -> None:
        """Take the seat and store the prepared visitor with all that follows.

        `withheld` is why the visitor's mail is not sent, where it is not. Raises `SlotFull`, and
        `AlreadyRegistered` to a stranger.
        """
        event = event_row(visitor.id, VisitorAction.REGISTERED, caller, self.now)
        announcement = self._announcement(visitor, withheld)
        letters = [mail_row(mail, self.now) for mail in announcement]
        self.outbox.wake_after_commit()
        shift = shift_of(visitor.site, visitor.visit_date, visitor.visit_time)
        for _ in range(TRIES):
            slot_id = await book(self.unit, values_of(visitor), shift, event, letters)
            if slot_id is not None:
                visitor.slot_id = slot_id
                return
            if await self._is_full(visitor, shift):
                break
        if await VisitorReader(self.unit).is_registered_already(visitor):
            raise AlreadyRegistered
        day, at, strangers = visitor.visit_date, visitor.visit_time, caller.is_stranger
        raise await slot_full(self.unit, visitor.site, day, at, self.now, strangers=strangers)

    async def _is_full(self, visitor: Visitor, shift: date) -> bool:
        """Whether the slot has no seat left. One without a row has all of them, and gets its row;
        so has one whose row somebody else made between the booking and this question.

        Raises `SlotClosed` where its shift was closed since it was looked up.
        """
        key = (visitor.site_id, visitor.visit_date, visitor.visit_time.hour)
        found = await self.slots.standing(*key, to_strangers=visitor.is_self_registered)
        if found is None:
            await self.slots.create_missing(*key, self.now)
            return False
        seats, closed_shifts = found
        if shift in closed_shifts:
            raise SlotClosed
        return not seats.left

    def register_all(
        self,
        bookings: Sequence[Booking],
        to_hosts: Callable[[Sequence[Visitor]], list[OutgoingMail]],
        caller: Caller,
    ) -> list[Visitor]:
        """Make visitors whose seats are taken; they are stored with the next flush.

        Each visitor gets a mail; `to_hosts` makes what their hosts get.
        """
        visitors = []
        for each in bookings:
            visitor = self._new(each.body, each.seat.site, each.host, slot_id=each.seat.slot_id)
            self.unit.append(Visitor, values_of(visitor))
            self.events.record(visitor.id, VisitorAction.REGISTERED, caller, self.now)
            self.outbox.put(self._confirmation(visitor, each.seat.site), self.now)
            visitors.append(visitor)
        for mail in to_hosts(visitors):
            self.outbox.put(mail, self.now)
        return visitors

    async def _facts(self, body: VisitorDetails, caller: Caller) -> BookingFacts:
        if caller.is_host:
            require_own(body.model_dump(include=set(HOST_FIELDS)), caller)
        named = (None, None) if caller.is_host else (body.host_id, body.host_email)
        known = await facts(self.unit, body.site, body.visit_date, body.department, *named)
        if known is None:
            raise UnknownSite
        if body.department is not None and known.department is None:
            raise UnknownDepartment
        return known

    def _new(
        self,
        body: VisitorDetails,
        site: Site,
        host: NamedHost,
        *,
        by_stranger: bool = False,
        **known: Any,
    ) -> Visitor:
        fields = body.model_dump(exclude={"site", "department", *HOST_FIELDS})
        return new_plain(
            Visitor,
            **{**fields, "is_self_registered": False, "self_registration_key": None, **known},
            site=site,
            site_id=site.id,
            department_id=body.department,
            host_id=host.id,
            host_name=host.name,
            host_email=host.email,
            host_closed=False,
            registered_by_stranger=by_stranger,
            status=VisitorStatus.PENDING,
            qr_code=self.codes.new(),
            revision=0,
            is_rescheduled=False,
            checked_out_automatically=False,
            created_at=self.now,
            updated_at=self.now,
        )

    def _announcement(self, visitor: Visitor, withheld: str | None) -> list[OutgoingMail]:
        site, kind = visitor.site, NotificationKind.host_registration
        payload = mails.visit_payload(visitor, site)
        to_host = mails.to_host(kind, visitor, site, payload, visitor.revision)
        return [replace(self._confirmation(visitor, site), withheld=withheld), *to_host]

    def _confirmation(self, visitor: Visitor, site: Site) -> OutgoingMail:
        kind, payload = NotificationKind.visitor_confirmation, mails.visit_payload(visitor, site)
        return mails.to_visitor(kind, visitor, site, payload, visitor.revision)


async def department_of(session: ReadSession, department_id: UUID | None) -> Department | None:
    """The department of this id; raises `UnknownDepartment` where there is none."""
    if department_id is None:
        return None
    department = await DepartmentReader(session).get(department_id)
    if department is None:
        raise UnknownDepartment
    return department


def _host(body: VisitorDetails, caller: Caller, known: BookingFacts) -> NamedHost:
    """Return who receives a visitor: for hosts they themselves. Raises `UnknownHost`."""
    if caller.is_host:
        return NamedHost(caller.id, caller.name, caller.email)
    if body.host_id is not None and known.host is None:
        raise UnknownHost
    return known.host or NamedHost(None, body.host_name, body.host_email)
