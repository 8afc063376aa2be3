"""SQL that reads slots."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    and_,
    bindparam,
    case,
    exists,
    extract,
    func,
    or_,
    select,
)

from app.core.db.plain import plain_copy, stored_columns
from app.core.db.prepared import Query
from app.core.db.repository import ReadRepository
from app.core.http.pagination import Ordering, PageRequest, paginate
from app.sites.models import Site, SiteClosure
from app.sites.repository import closures_of
from app.slots.keys import SlotKey
from app.slots.models import Slot
from app.slots.rules import SlotTime
from app.slots.seat_repository import ORDER, is_slot
from app.slots.seats import Seats, strangers_among

BY_TIME = Ordering("slot-capacities", (*ORDER[1:], Slot.id), descending=False)


@dataclass(frozen=True, slots=True)
class SiteDay:
    """A site on one day, with its stored slots and the closures around it."""

    site: Site
    closed: Collection[date]
    slots: dict[SlotKey, Slot]


def _site_day(chosen: ColumnElement[bool]) -> Query:
    day = bindparam("day", type_=Date())
    of_day = and_(Slot.site_id == Site.id, Slot.visit_date == day)
    chosen_columns = select(closures_of(day), *stored_columns(Site), *stored_columns(Slot))
    return Query(chosen_columns.select_from(Site).outerjoin(Slot, of_day).where(chosen))


_SITE_DAY = _site_day(Site.id == bindparam("site_id"))
_DEFAULT_SITE_DAY = _site_day(Site.is_default.is_(True))
_SITE_ENDS = 1 + len(stored_columns(Site))


class SlotReader(ReadRepository[Slot]):
    model = Slot

    async def between(self, site_id: UUID, first: date, last: date) -> Sequence[Slot]:
        """Return stored slots between two days, by time."""
        found = await self.session.scalars(
            self.statement()
            .where(Slot.site_id == site_id, Slot.visit_date.between(first, last))
            .order_by(*ORDER)
        )
        return found.all()

    async def standing(
        self, key: SlotKey, *, to_strangers: bool = False
    ) -> tuple[Seats, Collection[date]] | None:
        """Return a slot's seats and closed shifts, or None if it is not stored."""
        seats = (Slot.capacity, Slot.booked, Slot.self_share, Slot.self_booked)
        found = await self.session.rows(select(*seats, Slot.closed_shifts).where(is_slot(*key)))
        row = found.one_or_none()
        if row is None:
            return None
        everybody = Seats(row[0], row[1])
        return strangers_among(everybody, row[2], row[3]) if to_strangers else everybody, row[4]

    async def site_day(self, site_id: UUID | None, day: date) -> SiteDay | None:
        """Return a site (the default for None) on one day, as plain copies."""
        statement = _DEFAULT_SITE_DAY if site_id is None else _SITE_DAY
        rows = await self.session.fetch(statement, day=day, site_id=site_id)
        site = plain_copy(Site, rows[0][1:_SITE_ENDS]) if rows else None
        if site is None:
            return None
        slots = (plain_copy(Slot, row[_SITE_ENDS:]) for row in rows)
        return SiteDay(site, rows[0][0] or (), {slot.key: slot for slot in slots if slot})

    async def page_of_own(
        self, site_id: UUID, first: date | None, last: date | None, page: PageRequest
    ) -> tuple[list[Slot], str | None, int | None]:
        """Return slots with their own capacity, between two days inclusive."""
        statement = self.statement().where(Slot.site_id == site_id, Slot.has_own_capacity)
        if first is not None:
            statement = statement.where(Slot.visit_date >= first)
        if last is not None:
            statement = statement.where(Slot.visit_date <= last)
        return await paginate(self.session, statement, BY_TIME, page)

    async def booked_by_day(self, site_id: UUID, days: Collection[date]) -> dict[date, int]:
        """Return the taken seats by day, without empty days."""
        found = await self.session.rows(
            select(Slot.visit_date, func.sum(Slot.booked))
            .where(Slot.site_id == site_id, Slot.visit_date.in_(days))
            .group_by(Slot.visit_date)
        )
        return {day: int(booked) for day, booked in found}

    async def out_of_rules(self, site: Site, offered: Iterable[SlotTime], today: date) -> int:
        """Return the number of seats, from today on, that the rules would not give again.

        In closed slots these are all seats, in others those above the capacity or the share.
        """
        slots = list(offered)
        is_open = or_(*(_is_open(site, slots, today, nights) for nights in (0, 1)))
        above = func.greatest(Slot.excess, Slot.self_excess)
        seats = await self.session.scalar(
            select(func.sum(case((is_open, above), else_=Slot.booked))).where(
                Slot.site_id == site.id, Slot.visit_date >= today, Slot.booked > 0
            )
        )
        return int(seats or 0)


def _is_open(
    site: Site, offered: Collection[SlotTime], today: date, nights: int
) -> ColumnElement[bool]:
    """Match slots that are open by the shift that began `nights` days before."""
    keys = {
        SlotKey.of(site.id, today, slot.begins)
        for slot in offered
        if (today - slot.shift).days == nights
    }
    shift = Slot.visit_date - nights
    return and_(
        Slot.hour.in_(sorted(key.hour for key in keys)),
        extract("isodow", shift).in_(site.open_weekdays),
        ~exists().where(SiteClosure.site_id == Slot.site_id, SiteClosure.date == shift),
    )
