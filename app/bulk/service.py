"""Register the rows of an upload: all of them, or none."""

from collections.abc import Sequence
from datetime import time
from typing import Any

from app.auth.caller import Caller
from app.bulk.columns import EMAIL
from app.bulk.errors import HoursFull, InvalidRows
from app.bulk.faults import RowFault
from app.bulk.mails import summaries
from app.bulk.planning import Places, Plan, place_of, plan, shut_meanwhile
from app.bulk.repository import UploadReader
from app.bulk.rows import ReadRows
from app.bulk.schemas import Planned
from app.core.observability.metrics import counted
from app.core.text import address_key
from app.slots.batch_statements import SlotBatch
from app.slots.models import Slot
from app.slots.rules import SiteSlot
from app.slots.service import Seat, UnknownSite, alternatives, as_alternative
from app.visitors.host_service import HOST_FIELDS, NamedHost, require_own
from app.visitors.metrics import BOOKINGS, Channel
from app.visitors.models import Visitor
from app.visitors.registration_service import Booking, RegistrationService, department_of
from app.visitors.schemas import VisitorDetails


class UploadService:
    """Registers the rows of an upload within one unit of work."""

    def __init__(self, desk: RegistrationService) -> None:
        self.desk = desk
        self.reader = UploadReader(desk.unit)
        self.slots = SlotBatch(desk.unit)

    async def register(self, rows: ReadRows, caller: Caller) -> list[tuple[int, Visitor]]:
        """Register every row; raise `InvalidRows` with all errors, or `HoursFull`."""
        made = await self._plan(rows)
        slots = [] if made.faults else await self._locked(made)
        made.faults.extend(shut_meanwhile(made, slots, self.desk.now))
        # After locking, so that the second of two uploads of one file sees the first.
        await self._refuse_faults(made, rows)
        await self._refuse_full(made, slots, rows)
        return await self._book(made, slots, caller)

    async def rehearse(self, rows: ReadRows, caller: Caller) -> list[Planned]:
        """Run the same checks without locks or changes."""
        made = await self._plan(rows)
        await self._refuse_faults(made, rows)
        await self._refuse_full(made, await self.slots.some(made.wanted()), rows)
        ready = made.ready()
        _require_own([body for _, _, body in ready], caller)
        return ready

    # -- checks -------------------------------------------------------------------------------

    async def _plan(self, rows: ReadRows) -> Plan:
        return plan(rows, await self._places(rows), self.desk.now)

    async def _places(self, rows: ReadRows) -> Places:
        """Look up what rows name; raise `UnknownSite` or `UnknownDepartment` for common values."""
        days = {row.day for row in rows.candidates if row.day is not None}
        names = {row.site_name for row in rows.candidates}
        needs_common = not rows.candidates or None in names or rows.common["site"] is not None
        common, sites = await self.reader.sites(
            rows.common["site"], {name for name in names if name is not None}, days
        )
        if common is None and needs_common:
            raise UnknownSite
        await department_of(self.desk.unit, rows.common["department"])
        named = {name for row in rows.candidates if (name := row.department_name) is not None}
        departments = await self.reader.departments(named) if named else {}
        return Places(common, sites, departments)

    async def _refuse_faults(self, made: Plan, rows: ReadRows) -> None:
        emails = [visit.row.email for visit in made.visits if visit.row.email is not None]
        known = await self.reader.awaited(made.wanted(), emails)
        message = "This visitor is already registered for this hour"
        made.faults.extend(
            RowFault(number, EMAIL.title, "duplicate", message)
            for number, key in made.keyed()
            if key in known
        )
        if made.faults:
            raise InvalidRows(sorted(made.faults, key=place_of), rows.found)

    async def _refuse_full(self, made: Plan, slots: Sequence[Slot], rows: ReadRows) -> None:
        sites = made.sites()
        free = {_key(slot): slot.capacity - slot.booked for slot in slots}
        short = [
            (key, wanted, max(left, 0))
            for key, wanted in sorted(made.wanted().items())
            if wanted > (left := free.get(key, sites[key[0]].slot_capacity))
        ]
        if short:
            raise await self._full(made, short, rows)

    async def _full(
        self, made: Plan, short: list[tuple[SiteSlot, int, int]], rows: ReadRows
    ) -> HoursFull:
        (site_id, day, hour), wanted, free = short[0]
        sites, spoken_for = made.sites(), made.wanted()
        others = await alternatives(
            self.desk.unit,
            sites[site_id],
            day,
            time(hour),
            self.desk.now,
            fits=lambda offer: offer.available - spoken_for[site_id, *offer.key] >= wanted,
        )
        slots: list[dict[str, Any]] = [
            {
                "site": str(key[0]),
                "site_name": sites[key[0]].name,
                "visit_date": key[1].isoformat(),
                "visit_time": f"{key[2]:02}:00",
                "wanted": asked,
                "free": left,
            }
            for key, asked, left in short
        ]
        return HoursFull(
            f"On {day} at {hour:02}:00 {wanted} visitors need seats, but {free} are free"
            f" at {sites[site_id].name}: nobody was registered",
            **slots[0],
            slots=slots,
            alternatives=[as_alternative(offer) for offer in others],
            **rows.found.told(),
        )

    # -- booking ------------------------------------------------------------------------------

    async def _locked(self, made: Plan) -> Sequence[Slot]:
        wanted = made.wanted()
        await self.slots.create_all_missing(wanted, self.desk.now)
        slots = await self.slots.lock_some(wanted)
        if len(slots) < len(wanted):  # a site has just been deleted
            raise UnknownSite
        return slots

    async def _book(
        self, made: Plan, slots: Sequence[Slot], caller: Caller
    ) -> list[tuple[int, Visitor]]:
        ids = {_key(slot): slot.id for slot in slots}
        await self.slots.take_all({ids[key]: n for key, n in made.wanted().items()})
        ready = made.ready()
        hosts = await self._hosts([body for _, _, body in ready], caller)
        bookings = [
            Booking(body, Seat(site, ids[site.id, body.visit_date, body.visit_time.hour]), host)
            for (_, site, body), host in zip(ready, hosts, strict=True)
        ]
        visitors = self.desk.register_all(bookings, summaries, caller)
        self.desk.unit.after_commit(counted(BOOKINGS[Channel.BULK], len(visitors)))
        return [(number, v) for (number, _, _), v in zip(ready, visitors, strict=True)]

    async def _hosts(self, bodies: Sequence[VisitorDetails], caller: Caller) -> list[NamedHost]:
        """Return the host of each row: the account with the given address, under its name.

        A host registers only their own visitors; raise `NotYourVisit` if they name somebody else.
        """
        _require_own(bodies, caller)
        if caller.is_host:
            return [NamedHost(caller.id, caller.name, caller.email) for _ in bodies]
        emails = {body.host_email for body in bodies if body.host_email is not None}
        accounts = await self.reader.hosts(emails) if emails else {}
        known = [accounts.get(address_key(body.host_email or "")) for body in bodies]
        return [
            host or NamedHost(None, body.host_name, body.host_email)
            for body, host in zip(bodies, known, strict=True)
        ]


def _key(slot: Slot) -> SiteSlot:
    return slot.site_id, slot.visit_date, slot.hour


def _require_own(bodies: Sequence[VisitorDetails], caller: Caller) -> None:
    """Raise `NotYourVisit` if a host names somebody else."""
    if caller.is_host:
        for body in bodies:
            require_own(body.model_dump(include=set(HOST_FIELDS)), caller)
