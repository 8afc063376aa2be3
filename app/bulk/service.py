"""Booking the rows of an upload: all of them, or none."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any

from app.auth.caller import Caller
from app.bulk.columns import COLUMNS, EMAIL, VISIT_DATE, VISIT_TIME
from app.bulk.errors import HoursFull, InvalidRows
from app.bulk.faults import RowFault
from app.bulk.mails import summaries
from app.bulk.repository import UploadReader, VisitKey
from app.bulk.rows import Candidate, ReadRows
from app.core.localtime import local_now
from app.core.metrics import counted
from app.core.text import account_key
from app.sites.models import Site
from app.slots.batch import SlotBatch
from app.slots.errors import NEVER_BOOKABLE
from app.slots.models import Slot
from app.slots.rules import SlotKey, SlotReason, is_open_at, refusal, shift_of
from app.slots.service import Seat, UnknownSite, alternatives, as_alternative
from app.visitors.metrics import BOOKINGS, Channel
from app.visitors.models import Visitor
from app.visitors.registering import Booking, Host, RegistrationDesk, department_of, receiving
from app.visitors.schemas import VisitorDetails

ORDER = {column.title: place for place, column in enumerate(COLUMNS)}


@dataclass(frozen=True, slots=True)
class Plan:
    """The rows of an upload and what is known of their visits; `faults` is what refuses them."""

    site: Site
    closed: set[date]
    candidates: Sequence[Candidate]
    faults: list[RowFault] = field(default_factory=list)

    def wanted(self) -> Counter[SlotKey]:
        """How many seats each slot is asked for."""
        return Counter(
            (candidate.day, candidate.at.hour)
            for candidate in self.candidates
            if candidate.day is not None and candidate.at is not None
        )

    def ready(self) -> list[tuple[int, VisitorDetails]]:
        return [(c.number, c.visitor) for c in self.candidates if c.visitor is not None]


class BulkDesk:
    """Registers the rows of an upload within one unit of work."""

    def __init__(self, desk: RegistrationDesk) -> None:
        self.desk = desk
        self.reader = UploadReader(desk.unit)
        self.slots = SlotBatch(desk.unit)

    async def register(self, rows: ReadRows, caller: Caller) -> list[tuple[int, Visitor]]:
        """Register every row; raises `InvalidRows` with every fault, or `HoursFull`."""
        plan = await self._plan(rows)
        slots = [] if plan.faults else await self._locked(plan)
        plan.faults.extend(self._shut(plan, slots))
        # After the locks: of two uploads of one file the second sees what the first has made.
        await self._refuse_faults(plan)
        await self._refuse_full(plan, slots)
        return await self._book(plan, slots, caller)

    async def rehearse(self, rows: ReadRows) -> list[tuple[int, VisitorDetails]]:
        """The same checks, with nothing locked or written."""
        plan = await self._plan(rows)
        await self._refuse_faults(plan)
        await self._refuse_full(plan, await self.slots.some(plan.site.id, plan.wanted()))
        return plan.ready()

    # -- checks -------------------------------------------------------------------------------

    async def _plan(self, rows: ReadRows) -> Plan:
        days = {row.day for row in rows.candidates if row.day is not None}
        found = await self.reader.site(rows.common["site"], days)
        if found is None:
            raise UnknownSite
        await department_of(self.desk.unit, rows.common["department"])
        plan = Plan(*found, rows.candidates, list(rows.faults))
        plan.faults.extend(self._refusals(plan))
        return plan

    def _refusals(self, plan: Plan) -> Iterator[RowFault]:
        """Rows whose time nobody may book."""
        for row in plan.candidates:
            if row.day is None or row.at is None:
                continue
            reason = refusal(
                plan.site, day=row.day, at=row.at, closed=plan.closed, now=self.desk.now
            )
            if reason is not None:
                yield self._not_bookable(row.number, reason, plan.site, row.day, row.at)

    def _shut(self, plan: Plan, slots: Sequence[Slot]) -> Iterator[RowFault]:
        """Rows whose time was closed while the upload was read, seen under the lock."""
        closed = {(slot.visit_date, slot.hour): slot.closed_shifts for slot in slots}
        for row in plan.candidates:
            if row.day is None or row.at is None:
                continue
            if shift_of(plan.site, row.day, row.at) in closed.get((row.day, row.at.hour), ()):
                yield self._not_bookable(row.number, SlotReason.CLOSED, plan.site, row.day, row.at)

    def _not_bookable(
        self, number: int, reason: SlotReason, site: Site, day: date, at: time
    ) -> RowFault:
        problem = NEVER_BOOKABLE[reason]
        message = f"{problem.title}: {day} at {at:%H:%M}"
        return RowFault(number, self._column_of(reason, site, day, at), problem.code, message)

    def _column_of(self, reason: SlotReason, site: Site, day: date, at: time) -> str:
        """Whether it is the date or the time that has to be another one."""
        if reason is SlotReason.CLOSED:
            return (VISIT_DATE if is_open_at(site, at) else VISIT_TIME).title
        today = local_now(self.desk.now, site.timezone).date()
        return (VISIT_TIME if day == today else VISIT_DATE).title

    async def _refuse_faults(self, plan: Plan) -> None:
        keys = [(row.number, key) for row in plan.candidates if (key := _visit_key(row))]
        plan.faults.extend(_repeated(keys))
        emails = [row.email for row in plan.candidates if row.email is not None]
        known = await self.reader.awaited(plan.site.id, {key[1] for _, key in keys}, emails)
        message = "This visitor is registered for that hour already"
        plan.faults.extend(
            RowFault(number, EMAIL.title, "duplicate", message)
            for number, key in keys
            if key in known
        )
        if plan.faults:
            raise InvalidRows(sorted(plan.faults, key=_place))

    async def _refuse_full(self, plan: Plan, slots: Sequence[Slot]) -> None:
        free = {(slot.visit_date, slot.hour): slot.capacity - slot.booked for slot in slots}
        short = [
            (key, wanted, max(left, 0))
            for key, wanted in sorted(plan.wanted().items())
            if wanted > (left := free.get(key, plan.site.slot_capacity))
        ]
        if short:
            raise await self._full(plan, short)

    async def _full(self, plan: Plan, short: list[tuple[SlotKey, int, int]]) -> HoursFull:
        (day, hour), wanted, free = short[0]
        spoken_for = plan.wanted()
        others = await alternatives(
            self.desk.unit,
            plan.site,
            day,
            time(hour),
            self.desk.now,
            fits=lambda offer: offer.available - spoken_for[offer.key] >= wanted,
        )
        slots: list[dict[str, Any]] = [
            {
                "visit_date": key[0].isoformat(),
                "visit_time": f"{key[1]:02}:00",
                "wanted": asked,
                "free": left,
            }
            for key, asked, left in short
        ]
        return HoursFull(
            f"On {day} at {hour:02}:00 there are {free} places for {wanted} visitors:"
            " nobody was registered",
            **slots[0],
            slots=slots,
            alternatives=[as_alternative(offer) for offer in others],
        )

    # -- booking ------------------------------------------------------------------------------

    async def _locked(self, plan: Plan) -> Sequence[Slot]:
        await self.slots.create_all_missing(plan.site.id, plan.wanted(), self.desk.now)
        return await self.slots.lock_some(plan.site.id, plan.wanted())

    async def _book(
        self, plan: Plan, slots: Sequence[Slot], caller: Caller
    ) -> list[tuple[int, Visitor]]:
        ids = {(slot.visit_date, slot.hour): slot.id for slot in slots}
        await self.slots.take_all({ids[key]: n for key, n in plan.wanted().items()})
        hosts = await self._hosts(plan, caller)
        bookings = [
            Booking(body, Seat(plan.site, ids[body.visit_date, body.visit_time.hour]), host)
            for (_, body), host in zip(plan.ready(), hosts, strict=True)
        ]
        visitors = self.desk.register_all(bookings, summaries, caller)
        self.desk.unit.after_commit(counted(BOOKINGS[Channel.BULK], len(visitors)))
        return [(number, v) for (number, _), v in zip(plan.ready(), visitors, strict=True)]

    async def _hosts(self, plan: Plan, caller: Caller) -> list[Host]:
        bodies = [body for _, body in plan.ready()]
        emails = {body.host_email for body in bodies if body.host_email is not None}
        accounts = await self.reader.host_ids(emails) if emails else {}
        known = [accounts.get(account_key(body.host_email or "")) for body in bodies]
        return [
            receiving(caller, body.host_name, body.host_email, account)
            for body, account in zip(bodies, known, strict=True)
        ]


def _visit_key(row: Candidate) -> VisitKey | None:
    if row.email is None or row.day is None or row.at is None:
        return None
    return account_key(row.email), row.day, row.at.hour


def _repeated(keys: Sequence[tuple[int, VisitKey]]) -> Iterator[RowFault]:
    """The second and further rows of one visitor in one hour."""
    first: dict[VisitKey, int] = {}
    for number, key in keys:
        before = first.setdefault(key, number)
        if before != number:
            message = f"This visitor is in row {before} already, for the same hour"
            yield RowFault(number, EMAIL.title, "duplicate", message)


def _place(fault: RowFault) -> tuple[int, int]:
    return fault.row, ORDER.get(fault.column, -1)
