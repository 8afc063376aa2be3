"""SQL of slots. Seats are taken under the slot row's lock, with a CHECK behind it."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Date,
    Integer,
    Update,
    all_,
    and_,
    bindparam,
    case,
    cast,
    exists,
    extract,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from app.core.db.plain import plain_copy, stored_columns
from app.core.db.prepared import Query
from app.core.db.repository import ReadRepository, Repository
from app.core.db.update_many import update_many
from app.core.http.pagination import Ordering, PageRequest, paginate
from app.core.ids import new_id
from app.sites.models import Site, SiteClosure
from app.sites.repository import closures_of
from app.slots.models import Slot
from app.slots.seats import HeldSeat, Seats, share_of, strangers_among

BY_TIME = Ordering("slot-capacities", (Slot.visit_date, Slot.hour, Slot.id), descending=False)

COUNTERS = (Slot.booked, Slot.excess, Slot.self_booked, Slot.self_excess)
"""What is zero in a slot that nobody has booked yet."""

ShiftHour = tuple[int, int]
"""An hour of the day, and how many days before it the shift began that has it open."""


@dataclass(frozen=True, slots=True)
class SiteDay:
    """A site on one day, and by hour the slots that have a row.

    `closed` are its closures of that day and the one before.
    """

    site: Site
    closed: Collection[date]
    slots: dict[int, Slot]


def _site_day(chosen: ColumnElement[bool]) -> Query:
    day = bindparam("day", type_=Date())
    of_day = and_(Slot.site_id == Site.id, Slot.visit_date == day)
    chosen_columns = select(closures_of(day), *stored_columns(Site), *stored_columns(Slot))
    return Query(chosen_columns.select_from(Site).outerjoin(Slot, of_day).where(chosen))


_SITE_DAY = _site_day(Site.id == bindparam("site_id"))
_DEFAULT_SITE_DAY = _site_day(Site.is_default.is_(True))
_SITE_ENDS = 1 + len(stored_columns(Site))


class SlotReader(ReadRepository[Slot]):
    """Looks slots up."""

    model = Slot

    async def between(self, site_id: UUID, first: date, last: date) -> Sequence[Slot]:
        """The slots of a site that have a row, over a span of days, in their order."""
        found = await self.session.scalars(
            self.statement()
            .where(Slot.site_id == site_id, Slot.visit_date.between(first, last))
            .order_by(Slot.visit_date, Slot.hour)
        )
        return found.all()

    async def at(self, site_id: UUID, day: date, hour: int) -> Slot | None:
        return await self.session.scalar(self.statement().where(*_key(site_id, day, hour)))

    async def standing(
        self, site_id: UUID, day: date, hour: int, *, to_strangers: bool = False
    ) -> tuple[Seats, Collection[date]] | None:
        """Return the seats of a slot and its closed shifts; None without a row."""
        seats = (Slot.capacity, Slot.booked, Slot.self_share, Slot.self_booked)
        found = await self.session.rows(
            select(*seats, Slot.closed_shifts).where(*_key(site_id, day, hour))
        )
        row = found.one_or_none()
        if row is None:
            return None
        everybody = Seats(row[0], row[1])
        return strangers_among(everybody, row[2], row[3]) if to_strangers else everybody, row[4]

    async def site_day(self, site_id: UUID | None, day: date) -> SiteDay | None:
        """A site (the default one for None) on one day: plain copies."""
        statement = _DEFAULT_SITE_DAY if site_id is None else _SITE_DAY
        rows = await self.session.fetch(statement, day=day, site_id=site_id)
        site = plain_copy(Site, rows[0][1:_SITE_ENDS]) if rows else None
        if site is None:
            return None
        slots = (plain_copy(Slot, row[_SITE_ENDS:]) for row in rows)
        return SiteDay(site, rows[0][0] or (), {slot.hour: slot for slot in slots if slot})

    async def page_of_own(
        self, site_id: UUID, first: date | None, last: date | None, page: PageRequest
    ) -> tuple[list[Slot], str | None, int | None]:
        """The slots with a capacity of their own, by time; both days, included, narrow them."""
        statement = self.statement().where(Slot.site_id == site_id, Slot.has_own_capacity)
        if first is not None:
            statement = statement.where(Slot.visit_date >= first)
        if last is not None:
            statement = statement.where(Slot.visit_date <= last)
        return await paginate(self.session, statement, BY_TIME, page)

    async def booked_by_day(self, site_id: UUID, days: Collection[date]) -> dict[date, int]:
        """The seats taken at a site on each of these days that has any."""
        found = await self.session.rows(
            select(Slot.visit_date, func.sum(Slot.booked))
            .where(Slot.site_id == site_id, Slot.visit_date.in_(days))
            .group_by(Slot.visit_date)
        )
        return {day: int(booked) for day, booked in found}

    async def out_of_rules(self, site: Site, hours: Collection[ShiftHour], today: date) -> int:
        """Seats taken from today on that the rules would not give any more.

        All of them in an hour that no shift has open, elsewhere those above the capacity or the
        share of strangers. `hours` are those of the opening hours.
        """
        is_open = or_(*(_is_open(site, hours, nights) for nights in (0, 1)))
        above = func.greatest(Slot.excess, Slot.self_excess)
        seats = await self.session.scalar(
            select(func.sum(case((is_open, above), else_=Slot.booked))).where(
                Slot.site_id == site.id, Slot.visit_date >= today, Slot.booked > 0
            )
        )
        return int(seats or 0)


def _is_open(site: Site, hours: Collection[ShiftHour], nights: int) -> ColumnElement[bool]:
    """Whether a slot is open by the shift that began so many days before."""
    shift = Slot.visit_date - nights
    return and_(
        Slot.hour.in_([hour for hour, before in hours if before == nights]),
        extract("isodow", shift).in_(site.open_weekdays),
        ~exists().where(SiteClosure.site_id == Slot.site_id, SiteClosure.date == shift),
    )


def seat_taken(*, by_stranger: bool) -> CTE:
    """The lock and one seat more, as the first part of a statement that books.

    That of a stranger is one of their share, too, which they must not have used up.

    It has the slot's id for a row, or no row where the slot is full, its shift closed, or has none
    itself. Its parameters are `site_id`, `day`, `hour` and `shift`. A full slot is passed over
    without waiting for its lock: PostgreSQL tests `booked` before it waits, and both again on the
    row as it is once the lock is granted.
    """
    key = _key(bindparam("site_id"), bindparam("day"), bindparam("hour"))
    is_open = bindparam("shift", type_=Date()) != all_(Slot.closed_shifts)
    free = select(Slot.id).where(*key, Slot.booked < Slot.capacity, is_open)
    if by_stranger:
        free = free.where(Slot.self_booked < _share(Slot.capacity, Slot.self_share))
    slot = free.with_for_update().cte("slot")
    one_more = update(Slot).where(Slot.id == slot.c.id).values(_one_more(by_stranger=by_stranger))
    return one_more.returning(Slot.id).cte("taken")


def seat_freed(slot_id: ColumnElement[UUID], by_stranger: ColumnElement[bool]) -> Update:
    """One seat less; what a lowered capacity or share had left standing shrinks with it."""
    left = {
        "booked": Slot.booked - 1,
        "self_booked": Slot.self_booked - cast(by_stranger, Integer),
    }
    return (
        update(Slot)
        .where(Slot.id == slot_id)
        .values(**left, **_above(Slot.capacity, Slot.self_share, **left))
    )


def _one_more(*, by_stranger: bool) -> dict[Any, Any]:
    everybody: dict[Any, Any] = {Slot.booked: Slot.booked + 1}
    return everybody | ({Slot.self_booked: Slot.self_booked + 1} if by_stranger else {})


def _share(capacity: Any, percent: Any) -> ColumnElement[int]:
    """So many percent of the seats, rounded up: as `share_of`."""
    rounded_up: ColumnElement[int] = (capacity * percent + 99) // 100
    return rounded_up


def _above(
    capacity: Any,
    percent: Any,
    booked: Any = Slot.booked,
    self_booked: Any = Slot.self_booked,
) -> dict[str, ColumnElement[int]]:
    """The seats that are taken above a capacity, and above the strangers' share of it."""
    return {
        "excess": func.greatest(booked - capacity, 0),
        "self_excess": func.greatest(self_booked - _share(capacity, percent), 0),
    }


class SlotRepository(SlotReader, Repository[Slot]):
    """Takes and frees seats, sets capacities."""

    async def create_missing(self, site_id: UUID, day: date, hour: int, now: datetime) -> None:
        """Make the row of a slot, with its site's capacity and share, unless it is there.

        The share lock on the site orders this against a change of the site's capacity, which
        would otherwise miss the new row.
        """
        values = select(
            literal(new_id()),
            Site.id,
            literal(day),
            literal(hour),
            Site.slot_capacity,
            Site.self_registration_share,
            literal(now),
            literal(False),
            *(literal(0) for _ in COUNTERS),
        ).where(Site.id == site_id)
        columns = [
            Slot.id,
            Slot.site_id,
            Slot.visit_date,
            Slot.hour,
            Slot.capacity,
            Slot.self_share,
            Slot.created_at,
            Slot.has_own_capacity,
            *COUNTERS,
        ]
        await self.unit.write(
            insert(Slot)
            .from_select(columns, values.with_for_update(read=True), include_defaults=False)
            .on_conflict_do_nothing()
        )

    async def take(self, seat: HeldSeat) -> None:
        """One seat more in a locked slot."""
        await self.unit.write(
            update(Slot)
            .where(Slot.id == seat.slot_id)
            .values(_one_more(by_stranger=seat.by_stranger))
            .execution_options(synchronize_session=False)
        )

    async def free(self, seat: HeldSeat) -> None:
        """One seat less; what a lowered capacity or share had left standing shrinks with it."""
        one_less = seat_freed(literal(seat.slot_id), literal(seat.by_stranger))
        await self.unit.write(one_less.execution_options(synchronize_session=False))

    async def free_many(self, seats: Iterable[HeldSeat]) -> None:
        """Several seats less, in any number of slots, with one UPDATE."""
        freed = list(seats)
        if not freed:
            return
        everybody = Counter(seat.slot_id for seat in freed)
        strangers = Counter(seat.slot_id for seat in freed if seat.by_stranger)
        locked = await self.lock_all(list(everybody))
        await self._set_taken(
            (slot, slot.booked - everybody[slot.id], slot.self_booked - strangers[slot.id])
            for slot in locked
        )

    async def count_strangers(self, seats: Mapping[UUID, int]) -> None:
        """Take so many of the seats of these locked slots for those of strangers."""
        found = await self.lock_all(list(seats))
        await self._set_taken(
            (slot, slot.booked, slot.self_booked + seats[slot.id]) for slot in found
        )

    async def _set_taken(self, taken: Iterable[tuple[Slot, int, int]]) -> None:
        changes = [
            {
                "id": slot.id,
                "booked": booked,
                "excess": max(booked - slot.capacity, 0),
                "self_booked": by_strangers,
                "self_excess": max(by_strangers - share_of(slot.capacity, slot.self_share), 0),
            }
            for slot, booked, by_strangers in taken
        ]
        await update_many(self.unit, Slot, changes)

    async def lock_all(self, slot_ids: Sequence[UUID]) -> Sequence[Slot]:
        """Lock slots in the one order that every transaction keeps."""
        found = await self.session.scalars(
            self.statement()
            .where(Slot.id.in_(slot_ids))
            .order_by(Slot.site_id, Slot.visit_date, Slot.hour)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return found.all()

    async def lock_site(self, site_id: UUID) -> None:
        """Lock every slot of a site, in the same order."""
        await self._lock_unseen(Slot.site_id == site_id)

    async def follow_site(self, site: Site, today: date) -> None:
        """Give the rules of a locked site to its slots from today on.

        The strangers' share to all of them, the capacity to those that have no own one.
        """
        share = site.self_registration_share
        capacity = case((Slot.has_own_capacity, Slot.capacity), else_=site.slot_capacity)
        which = (
            Slot.site_id == site.id,
            Slot.visit_date >= today,
            or_(Slot.capacity != capacity, Slot.self_share != share),
        )
        values = {"capacity": capacity, "self_share": share}
        await self._set(values | _above(capacity, share), *which)

    async def set_own_capacity(self, site: Site, day: date, hour: int, capacity: int) -> Slot:
        """Give one slot, whose row is there, a capacity of its own; its site is locked."""
        key = _key(site.id, day, hour)
        await self._set_capacity(capacity, *key, own=True)
        return (await self.session.scalars(self.statement().where(*key))).one()

    async def drop_own_capacity(self, site: Site, slot_id: UUID) -> Slot | None:
        """Have one slot follow its locked site again; None where it has no own capacity."""
        own = (Slot.id == slot_id, Slot.site_id == site.id, Slot.has_own_capacity.is_(True))
        if not await self.exists(*own):
            return None
        await self._set_capacity(site.slot_capacity, *own, own=False)
        return await self.get(slot_id)

    async def _set_capacity(self, capacity: int, *which: ColumnElement[bool], own: bool) -> None:
        values = {"capacity": capacity, "has_own_capacity": own}
        seats = literal(capacity, BigInteger())  # a smallint's product would be one, too
        await self._set(values | _above(seats, Slot.self_share), *which)

    async def _set(self, values: dict[str, Any], *which: ColumnElement[bool]) -> None:
        """Set rules of slots: seats that are taken stay, those above them as excess.

        An UPDATE alone would lock the rows in the order in which it comes across them.
        """
        await self._lock_unseen(*which)
        await self.unit.write(
            update(Slot).where(*which).values(values).execution_options(synchronize_session=False)
        )

    async def _lock_unseen(self, *which: ColumnElement[bool]) -> None:
        """Lock rows in the one order, without fetching what may be a year of hours."""
        ordered = (
            select(Slot.id)
            .where(*which)
            .order_by(Slot.site_id, Slot.visit_date, Slot.hour)
            .with_for_update()
            .subquery()
        )
        await self.session.scalar(select(func.count()).select_from(ordered))


def _key(site_id: Any, day: Any, hour: Any) -> tuple[ColumnElement[bool], ...]:
    return Slot.site_id == site_id, Slot.visit_date == day, Slot.hour == hour
