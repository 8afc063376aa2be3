from collections.abc import Sequence
from typing import Any

from app.auth.caller import Caller
from app.bulk.columns import EMAIL
from app.bulk.errors import HoursFull, InvalidRows
from app.bulk.faults import RowFault
from app.bulk.planning import Places, Plan, Ready, closed_meanwhile, place_of, plan
from app.bulk.repository import UploadReader
from app.bulk.rows import ReadRows
from app.sites.access import asked_site, reached_site
from app.slots.models import Slot
from app.slots.seat_repository import SeatRepository
from app.slots.seats import Shortage, shortages
from app.slots.service import alternatives, as_alternative
from app.visitors.batch_service import BatchService, new_group
from app.visitors.group_models import Group
from app.visitors.host_service import NamedHost, host_of_person
from app.visitors.models import Visitor
from app.visitors.registration import Registration
from app.visitors.registration_service import department_of


class UploadService:
    def __init__(self, registration: BatchService) -> None:
        self.registration = registration
        self.reader = UploadReader(registration.unit)
        self.seats = SeatRepository(registration.unit)

    async def register(
        self, rows: ReadRows, caller: Caller, group_name: str | None = None
    ) -> tuple[list[tuple[int, Visitor]], Group | None]:
        """Register every row; raise `InvalidRows` with all errors, or `HoursFull`.

        With `group_name`, the visitors become a new group.
        """
        made = await self._plan(rows, caller, group_name)
        keys = made.wanted().keys()
        slots = [] if made.faults else await self.registration.lock_slots(keys)
        made.faults.extend(closed_meanwhile(made, slots, self.registration.now))
        # After locking, so that a concurrent upload of the same file is seen.
        await self._refuse_faults(made, rows)
        await self._refuse_full(made, slots, rows)
        return await self._book(made, slots, caller, group_name)

    async def dry_run(
        self, rows: ReadRows, caller: Caller, group_name: str | None = None
    ) -> list[Ready]:
        """Run the same checks without locks or changes."""
        made = await self._plan(rows, caller, group_name)
        await self._refuse_faults(made, rows)
        await self._refuse_full(made, await self.seats.some(made.wanted()), rows)
        ready = made.ready()
        await self._hosts(ready, caller)
        return ready

    # -- checks -------------------------------------------------------------------------------

    async def _plan(self, rows: ReadRows, caller: Caller, group_name: str | None) -> Plan:
        places = await self._places(rows, caller)
        return plan(rows, places, self.registration.now, one_site=group_name is not None)

    async def _places(self, rows: ReadRows, caller: Caller) -> Places:
        """Look up names; raise `UnknownSite` or `UnknownDepartment` for common values."""
        days = {row.day for row in rows.candidates if row.day is not None}
        names = {row.site_name for row in rows.candidates}
        needs_common = not rows.candidates or None in names or rows.common["site"] is not None
        given = rows.common["site"]
        common, sites = await self.reader.sites(
            asked_site(caller, given), {name for name in names if name is not None}, days
        )
        if needs_common:
            reached_site(caller, common.site if common else None, given)
        sites = {name: at for name, at in sites.items() if caller.scope.has_site(at.site.id)}
        department = await department_of(self.registration.unit, rows.common["department"])
        named = {name for row in rows.candidates if (name := row.department_name) is not None}
        departments = await self.reader.departments(named) if named else {}
        return Places(common, sites, departments, department)

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
        if short := shortages(made.wanted(), slots, made.sites()):
            raise await self._full(made, short, rows)

    async def _full(self, made: Plan, short: list[Shortage], rows: ReadRows) -> HoursFull:
        first, wanted, free = short[0]
        sites, reserved = made.sites(), made.wanted()
        site, day, at = sites[first.site_id], first.visit_date, first.begins
        others = await alternatives(
            self.registration.unit,
            site,
            day,
            at,
            self.registration.now,
            fits=lambda offer: offer.available - reserved[offer.key] >= wanted,
        )
        slots: list[dict[str, Any]] = [
            {
                "site": str(key.site_id),
                "site_name": sites[key.site_id].name,
                "visit_date": key.visit_date.isoformat(),
                "visit_time": f"{key.begins:%H:%M}",
                "wanted": asked,
                "free": left,
            }
            for key, asked, left in short
        ]
        return HoursFull(
            f"On {day} at {at:%H:%M} {wanted} visitors need seats, but {free} are free"
            f" at {site.name}: nobody was registered",
            **slots[0],
            slots=slots,
            alternatives=[as_alternative(offer) for offer in others],
            **rows.found.members(),
        )

    # -- booking ------------------------------------------------------------------------------

    async def _book(
        self, made: Plan, slots: Sequence[Slot], caller: Caller, group_name: str | None
    ) -> tuple[list[tuple[int, Visitor]], Group | None]:
        ready = made.ready()
        hosts = await self._hosts(ready, caller)
        group = None
        if group_name is not None and ready:
            group = new_group(group_name, ready[0].site, caller, self.registration.now)
        registrations = [
            _registration(row, host, caller) for row, host in zip(ready, hosts, strict=True)
        ]
        visitors = await self.registration.book(registrations, slots, group)
        return [(row.number, v) for row, v in zip(ready, visitors, strict=True)], group

    async def _hosts(self, rows: Sequence[Ready], caller: Caller) -> list[NamedHost]:
        """Return the host of each row; raise `NotYourVisit` if a host names another host."""
        known = await self.reader.hosts([row.form for row in rows], caller)
        return [host_of_person(row.form, caller, known.of(row.form)) for row in rows]


def _registration(row: Ready, host: NamedHost, caller: Caller) -> Registration:
    day, at = row.form.visit_date, row.form.visit_time
    return Registration(row.form, caller, row.site, day, at, row.department, host)
