from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from app.audit.models import VisitorAction
from app.audit.repository import VisitorEventRepository, event_row
from app.auth.caller import Caller
from app.core.db.database import AfterCommit, ReadSession, WriteSession
from app.core.db.inserting import values_of
from app.core.db.rollout import is_finished, require_finished
from app.core.errors import Invalid, UnknownReference
from app.core.observability.metrics import counted
from app.core.security.qr_token import QrTokens
from app.departments.models import Department
from app.departments.repository import DepartmentReader
from app.devices.errors import UnknownSite
from app.notifications.kinds import NotificationKind
from app.notifications.repository import Outbox, OutgoingMail, mail_row
from app.sites.access import asked_site, reached_site, require_open_to, require_own_site
from app.sites.models import USUAL_MINUTES, Site
from app.sites.repository import SiteReader
from app.slots.errors import SlotClosed
from app.slots.repository import SlotReader
from app.slots.rules import present_minute, shift_of
from app.slots.seat_repository import SeatRepository
from app.slots.service import require_bookable, slot_full
from app.users.repository import UserReader
from app.visitors import mails, schemas
from app.visitors.budget_limits import Budgets
from app.visitors.errors import AlreadyRegistered
from app.visitors.group_models import Group
from app.visitors.host_service import host_of_person, host_typed_by_visitor
from app.visitors.metrics import bookings_of
from app.visitors.models import Visitor
from app.visitors.registration import Registration, answer, new_visitor
from app.visitors.registration_schemas import Form, VisitorCreate
from app.visitors.repository import VisitorReader
from app.visitors.schemas import StaffForm, VisitorFacts
from app.visitors.statements import BookingFacts, book, facts

Closed = Collection[date]
# A booking may lose a race for the slot's row or a seat.
TRIES = 10


class UnknownDepartment(UnknownReference):
    refers_in, message = "department", "This department does not exist"


class BaseVisitorService:
    """The repositories shared by changes of visits."""

    def __init__(
        self, unit: WriteSession, codes: QrTokens, wake: AfterCommit, now: datetime
    ) -> None:
        self.unit = unit
        self.codes = codes
        self.now = now
        self.seats = SeatRepository(unit)
        self.events = VisitorEventRepository(unit)
        self.outbox = Outbox(unit, wake)


class RegistrationService(BaseVisitorService):
    def __init__(
        self,
        unit: WriteSession,
        codes: QrTokens,
        wake: AfterCommit,
        now: datetime,
        budgets: Budgets,
    ) -> None:
        super().__init__(unit, codes, wake, now)
        self.budgets = budgets

    async def register(self, form: Form, caller: Caller) -> schemas.Visitor:
        """Register a visitor; return the record as the caller may see it.

        Raise the reason if the visit or its time is refused, or `TooManyRequests`.
        """
        await self.require_readable(form)
        number = number_of_mails(form)
        async with self.budgets.registrations(caller, number, are_mailed=form.email is not None):
            registration = await self._decided(form, caller)
            visitor = new_visitor(registration, self.codes.new(), self.now)
            shown = answer(registration, visitor)  # before the booking, which may commit at once
            async with self.budgets.mail_to(visitor.email, caller, self.unit) as withheld:
                await self._book(visitor, caller, withheld)
        self.unit.after_commit(counted(bookings_of(caller)))
        return shown

    def register_all(
        self,
        booked: Sequence[tuple[Registration, UUID]],
        to_hosts: Callable[[Sequence[Visitor]], list[OutgoingMail]],
        group: Group | None = None,
    ) -> list[Visitor]:
        """Create visitors whose seats are taken, with their mails, in the next flush."""
        visitors = []
        for each, slot_id in booked:
            visitor = new_visitor(each, self.codes.new(), self.now, slot_id, group)
            self.unit.append(Visitor, values_of(visitor))
            self.events.record(
                visitor.id,
                VisitorAction.REGISTERED,
                each.caller,
                self.now,
                site=visitor.site_id,
                host=visitor.host_id,
            )
            visitors.append(visitor)
        to_visitors = [mail for visitor in visitors for mail in self._confirmation(visitor)]
        for mail in (*to_visitors, *to_hosts(visitors)):
            self.outbox.put(mail, self.now)
        return visitors

    async def at_present(self, form: StaffForm, caller: Caller) -> tuple[Registration, Closed]:
        """Return a registration by staff for the present minute, and the site's closures.

        Whether the site is open is for the caller to decide.
        """
        await self.require_readable(form)
        site_id, utc_today = asked_site(caller, form.site), self.now.date()
        named = (form.host_id, form.host_email)
        known = await self._known(form, caller, site_id, utc_today, *named)
        when = present_minute(known.site, self.now)
        return _by_person(form, caller, known, *when), known.closed

    # -- before the booking ------------------------------------------------------------------

    async def require_readable(self, form: VisitorFacts) -> None:
        """Refuse what the previous release cannot read, while it may be running."""
        is_new = isinstance(form, StaffForm) and (
            bool(form.co_hosts) or form.duration_minutes not in {None, USUAL_MINUTES}
        )
        if form.email is None or is_new:
            await require_finished(self.unit)

    async def _decided(self, form: Form, caller: Caller) -> Registration:
        if caller.is_trusted and isinstance(form, VisitorCreate):
            return await self._of_person(form, caller)
        return await self._of_visitor(form, caller)

    async def _of_person(self, form: VisitorCreate, caller: Caller) -> Registration:
        for_others = not caller.is_host or caller.acts_for
        named = (form.host_id, form.host_email) if for_others else (None, None)
        site_id = asked_site(caller, form.site)
        known = await self._bookable(
            form, caller, site_id, form.visit_date, form.visit_time, *named
        )
        return _by_person(form, caller, known, form.visit_date, form.visit_time)

    async def _of_visitor(self, form: Form, caller: Caller) -> Registration:
        """Return a registration at a kiosk, or at a site with self-registration."""
        site = await self._site_of(form, caller)
        day, at = _when(form, site, self.now)
        host = await host_typed_by_visitor(UserReader(self.unit), form)
        known = await self._bookable(form, caller, site.id, day, at)
        return Registration(
            form=form,
            caller=caller,
            site=known.site,
            day=day,
            at=at,
            department=known.department,
            host=host,
            host_as_sent=(host.name if caller.is_kiosk and form.host_id else form.host_name) or "",
            self_registered=caller.is_stranger and await is_finished(self.unit),
        )

    async def _site_of(self, form: Form, caller: Caller) -> Site:
        require_own_site(caller, form.site)
        site = await SiteReader(self.unit).get_or_default(caller.site_id or form.site)
        if site is None:
            raise UnknownSite
        require_open_to(caller, site)
        return site

    async def _bookable(
        self,
        form: Form,
        caller: Caller,
        site_id: UUID | None,
        day: date,
        at: time,
        host_id: UUID | None = None,
        host_email: str | None = None,
    ) -> BookingFacts:
        """Return the facts; raise the reason if the time cannot be booked."""
        known = await self._known(form, caller, site_id, day, host_id, host_email)
        walk_in, closed = caller.is_kiosk, known.closed
        require_bookable(known.site, day, at, closed=closed, now=self.now, walk_in=walk_in)
        return known

    async def _known(
        self,
        form: VisitorFacts,
        caller: Caller,
        site_id: UUID | None,
        day: date,
        host_id: UUID | None,
        host_email: str | None,
    ) -> BookingFacts:
        known = await facts(
            self.unit, site_id, day, form.department, host_id, host_email, caller.scope
        )
        if known is None:
            raise UnknownSite
        reached_site(caller, known.site, form.site)
        if form.department is not None and known.department is None:
            raise UnknownDepartment
        return known

    # -- the booking --------------------------------------------------------------------------

    async def _book(self, visitor: Visitor, caller: Caller, withheld: str | None) -> None:
        """Take the seat and store the rows; `withheld` is the reason to mail nothing."""
        about: dict[str, Any] = {"site": visitor.site_id, "host": visitor.host_id}
        event = event_row(visitor.id, VisitorAction.REGISTERED, caller, self.now, **about)
        letters = [mail_row(mail, self.now) for mail in self._announcement(visitor, withheld)]
        self.outbox.wake_after_commit()
        await self._take_seat(
            visitor,
            lambda shift: book(self.unit, visitor, shift, [event], letters),
            strangers=caller.is_stranger,
        )

    async def _take_seat(
        self,
        visitor: Visitor,
        booking: Callable[[date], Awaitable[bool]],
        *,
        strangers: bool = False,
    ) -> None:
        """Run a booking, given the shift, until it has the seat; raise the refusal."""
        shift = shift_of(visitor.site, visitor.visit_date, visitor.visit_time)
        for _ in range(TRIES):
            if await booking(shift):
                return
            if await self._is_full(visitor, shift):
                break
        if await VisitorReader(self.unit).is_registered_already(visitor):
            raise AlreadyRegistered
        day, at = visitor.visit_date, visitor.visit_time
        raise await slot_full(self.unit, visitor.site, day, at, self.now, strangers=strangers)

    async def _is_full(self, visitor: Visitor, shift: date) -> bool:
        """Return whether the slot is full; create its row if needed.

        Raise `SlotClosed` if its shift was closed meanwhile.
        """
        key, strangers = visitor.slot_key, visitor.is_self_registered
        found = await SlotReader(self.unit).standing(key, to_strangers=strangers)
        if found is None:
            await self.seats.create([key], self.now)
            return False
        seats, closed_shifts = found
        if shift in closed_shifts:
            raise SlotClosed
        return not seats.left

    def _announcement(self, visitor: Visitor, withheld: str | None) -> list[OutgoingMail]:
        site, kind = visitor.site, NotificationKind.host_registration
        payload = mails.visit_payload(visitor, site)
        to_host = mails.to_host(kind, visitor, site, payload, visitor.revision)
        to_visitor = self._confirmation(visitor)
        return [*(replace(mail, withheld=withheld) for mail in to_visitor), *to_host]

    def _confirmation(self, visitor: Visitor) -> list[OutgoingMail]:
        site, kind = visitor.site, NotificationKind.visitor_confirmation
        payload = mails.visit_payload(visitor, site)
        return mails.to_visitor(kind, visitor, site, payload, visitor.revision)


async def department_of(session: ReadSession, department_id: UUID | None) -> Department | None:
    """Return the department, or None for None; raise `UnknownDepartment`."""
    if department_id is None:
        return None
    department = await DepartmentReader(session).get(department_id)
    if department is None:
        raise UnknownDepartment
    return department


def number_of_mails(form: Form) -> int:
    """Return how often a registration counts: co-hosts are mailed like the host."""
    co_hosts = form.co_hosts if isinstance(form, VisitorCreate) else None
    return 1 + len(co_hosts or ())


def _by_person(
    form: StaffForm, caller: Caller, known: BookingFacts, day: date, at: time
) -> Registration:
    return Registration(
        form=form,
        caller=caller,
        site=known.site,
        day=day,
        at=at,
        department=known.department,
        host=host_of_person(form, caller, known.host),
        duration_minutes=form.duration_minutes,
        co_hosts=form.co_hosts or (),
    )


def _when(form: Form, site: Site, now: datetime) -> tuple[date, time]:
    """Return the time of a visit, by default now; raise `Invalid` for half a time."""
    if form.visit_date is not None and form.visit_time is not None:
        return form.visit_date, form.visit_time
    if (form.visit_date is None) is not (form.visit_time is None):
        field = "visit_date" if form.visit_date is None else "visit_time"
        raise Invalid.field(field, "missing", "Send visit_date and visit_time, or neither")
    return present_minute(site, now)
