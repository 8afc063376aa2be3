from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from app.audit.models import AuditAction
from app.audit.repository import record
from app.auth.caller import Caller
from app.core.errors import MOST_FAULTS, FieldFault, Forbidden, Invalid, NotFound, Problem
from app.departments.models import Department
from app.departments.repository import DepartmentReader
from app.events.shown_repository import note_shown
from app.groups.errors import GroupErased, MembersOfOthers, MembersWithoutSeat
from app.groups.repository import GroupRepository
from app.groups.schemas import GroupCreate, Member
from app.sites.access import asked_site, reached_site
from app.slots.errors import NEVER_BOOKABLE
from app.slots.keys import SlotKey
from app.slots.models import Slot
from app.slots.rules import SlotReason, refusal, shift_of
from app.slots.seats import Shortage, shortages
from app.slots.service import alternatives, as_alternative
from app.visitors.batch import KnownHosts, Place
from app.visitors.batch_repository import BatchReader
from app.visitors.batch_service import BatchService, new_group
from app.visitors.group_models import Group
from app.visitors.host_service import NamedHost, NotYourVisit, host_of_person
from app.visitors.models import Visitor
from app.visitors.registration import Registration
from app.visitors.registration_service import UnknownDepartment, number_of_mails


@dataclass(slots=True)
class _Plan:
    """The registrations of a group in their order, and what is wrong with them."""

    place: Place
    registrations: list[Registration] = field(default_factory=list)
    faults: list[FieldFault] = field(default_factory=list)
    of_others: list[FieldFault] = field(default_factory=list)

    def keys(self) -> list[SlotKey]:
        return [SlotKey.of(each.site.id, each.day, each.at) for each in self.registrations]

    def require_sound(self) -> None:
        """Raise `Invalid` with all faults, or `MembersOfOthers`."""
        if self.of_others:
            raise MembersOfOthers(
                "You cannot register visitors for another host",
                errors=[fault.model_dump() for fault in self.of_others[:MOST_FAULTS]],
            )
        if self.faults:
            raise Invalid.faults(self.faults[:MOST_FAULTS], len(self.faults))


class GroupService:
    """Registers groups, and names them."""

    def __init__(self, registration: BatchService) -> None:
        self.registration = registration
        self.unit = registration.unit
        self.now = registration.now
        self.reader = BatchReader(registration.unit)

    async def create(self, form: GroupCreate, caller: Caller) -> tuple[Group, list[Visitor]]:
        """Register all members or none.

        Raise `Invalid` with all faults, `MembersOfOthers`, `MembersWithoutSeat` or
        `TooManyRequests`.
        """
        members = list(form.members())
        number = sum(map(number_of_mails, members))
        async with self.registration.budgets.registrations(caller, number):
            for member in members:
                await self.registration.require_readable(member)
            plan = await self._planned(form, members, caller)
            plan.require_sound()
            keys = plan.keys()
            slots = await self.registration.lock_slots(set(keys))
            plan.faults.extend(_closed_meanwhile(plan, slots))
            plan.require_sound()
            await self._require_seats(plan, keys, slots)
            group = new_group(form.name, plan.place.site, caller, self.now)
            return group, await self.registration.book(plan.registrations, slots, group)

    async def rename(self, group_id: UUID, name: str, caller: Caller) -> Group:
        """Change the name; who only sees visitors of hosts may do so for groups that they made."""
        groups = GroupRepository(self.unit)
        group = await groups.lock_seen(group_id, caller)
        if group is None:
            raise NotFound
        is_of_hosts = caller.is_host or not caller.scope.has_site(group.site_id)
        if is_of_hosts and group.created_by != caller.id:
            raise Forbidden("Only the host who made the group can name it")
        if name != group.name:
            if await groups.is_erased(group_id):
                raise GroupErased
            group.name = name
            note_shown(self.unit, "group_id", group_id, ["group"], caller, self.now)
            record(
                self.unit,
                AuditAction.GROUP_UPDATED,
                group_id,
                caller,
                self.now,
                site=group.site_id,
                fields=["name"],
            )
        return group

    # -- checks -------------------------------------------------------------------------------

    async def _planned(self, form: GroupCreate, members: Sequence[Member], caller: Caller) -> _Plan:
        if missing := list(_without_time(members)):
            raise Invalid.faults(missing[:MOST_FAULTS], len(missing))
        plan = _Plan(await self._place(form, members, caller))
        hosts = await self.reader.hosts(members, caller)
        departments = await self._departments(members)
        for number, member in enumerate(members):
            self._plan_one(plan, number, member, hosts, departments, caller)
        return plan

    async def _place(self, form: GroupCreate, members: Sequence[Member], caller: Caller) -> Place:
        """Return the site of the group: the common one, else that of the first member."""
        common = form.named_site()
        asked = common or members[0].site
        days = {member.visit_date for member in members}
        place, _ = await self.reader.sites(asked_site(caller, asked), (), days)
        try:
            reached_site(caller, place.site if place else None, asked)
        except Invalid as problem:
            if common is None and asked is not None:
                raise Invalid.faults(list(_of_member(0, problem))) from None
            raise
        if place is None:
            raise LookupError("a site that is reached is known")
        return place

    async def _departments(self, members: Sequence[Member]) -> dict[UUID, Department]:
        ids = {member.department for member in members if member.department is not None}
        return await DepartmentReader(self.unit).by_id(ids) if ids else {}

    def _plan_one(
        self,
        plan: _Plan,
        number: int,
        member: Member,
        hosts: KnownHosts,
        departments: dict[UUID, Department],
        caller: Caller,
    ) -> None:
        site, day, at = plan.place.site, member.visit_date, member.visit_time
        if member.site not in {None, site.id}:
            message = "A group comes to one site"
            plan.faults.append(_fault(number, "site", "other_site", message))
        department = departments.get(member.department) if member.department else None
        if member.department is not None and department is None:
            plan.faults.extend(_of_member(number, UnknownDepartment()))
        reason = refusal(site, day=day, at=at, closed=plan.place.closed, now=self.now)
        if reason is not None:
            plan.faults.append(_not_bookable(number, reason))
        host = _host(plan, number, member, hosts, caller)
        if host is not None:
            plan.registrations.append(
                Registration(
                    form=member,
                    caller=caller,
                    site=site,
                    day=day,
                    at=at,
                    department=department,
                    host=host,
                    duration_minutes=member.duration_minutes,
                    co_hosts=member.co_hosts or (),
                )
            )

    async def _require_seats(
        self, plan: _Plan, keys: Sequence[SlotKey], slots: Sequence[Slot]
    ) -> None:
        site, wanted = plan.place.site, Counter(keys)
        short = shortages(wanted, slots, {site.id: site})
        if not short:
            return
        first = short[0]
        day, at = first.key.visit_date, first.key.begins
        others = await alternatives(
            self.unit,
            site,
            day,
            at,
            self.now,
            fits=lambda offer: offer.available - wanted[offer.key] >= first.wanted,
        )
        raise MembersWithoutSeat(
            f"On {day} at {at:%H:%M} {first.wanted} visitors need seats, but {first.free} are"
            " free: nobody was registered",
            alternatives=[as_alternative(offer) for offer in others],
            errors=[fault.model_dump() for fault in _without_seat(keys, short)][:MOST_FAULTS],
        )


def _host(
    plan: _Plan, number: int, member: Member, hosts: KnownHosts, caller: Caller
) -> NamedHost | None:
    """Return the host of a member; note what is wrong with it otherwise."""
    try:
        return host_of_person(member, caller, hosts.of(member))
    except NotYourVisit as problem:
        plan.of_others.append(_fault(number, "host_id", problem.code, problem.title))
    except Invalid as problem:
        plan.faults.extend(_of_member(number, problem))
    return None


def _without_time(members: Sequence[Member]) -> Iterator[FieldFault]:
    for number, member in enumerate(members):
        for name in ("visit_date", "visit_time"):
            if getattr(member, name) is None:
                yield _fault(number, name, "missing", "Neither the member nor the group has it")


def _closed_meanwhile(plan: _Plan, slots: Sequence[Slot]) -> Iterator[FieldFault]:
    """Yield members whose time was closed during the request, by their locked slots."""
    closed = {slot.key: slot.closed_shifts for slot in slots}
    for number, (key, each) in enumerate(zip(plan.keys(), plan.registrations, strict=True)):
        if shift_of(each.site, each.day, each.at) in closed[key]:
            yield _not_bookable(number, SlotReason.CLOSED)


def _without_seat(keys: Sequence[SlotKey], short: Sequence[Shortage]) -> Iterator[FieldFault]:
    """Yield the members for whom no seat is left if seats are given in their order."""
    free = {each.key: each.free for each in short}
    given: defaultdict[SlotKey, int] = defaultdict(int)
    for number, key in enumerate(keys):
        given[key] += 1
        if given[key] > free.get(key, len(keys)):
            yield _fault(number, "visit_time", MembersWithoutSeat.code, MembersWithoutSeat.title)


def _not_bookable(number: int, reason: SlotReason) -> FieldFault:
    problem = NEVER_BOOKABLE[reason]
    return _fault(number, "visit_time", problem.code, problem.title)


def _of_member(number: int, problem: Problem) -> Iterator[FieldFault]:
    """Yield the faults of a problem as those of a member."""
    for fault in problem.members["errors"]:
        yield _fault(number, fault["field"], fault["code"], fault["message"])


def _fault(number: int, name: str, code: str, message: str) -> FieldFault:
    return FieldFault(field=f"visitors.{number}.{name}", code=code, message=message)
