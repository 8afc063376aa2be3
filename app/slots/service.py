"""Move seats and find free ones."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from app.core.db.database import ReadSession, WriteSession
from app.core.errors import VisitRefusal
from app.devices.errors import UnknownSite
from app.sites.models import Site
from app.sites.repository import ClosureReader, SiteReader
from app.slots.errors import NEVER_BOOKABLE, SlotClosed, SlotFull
from app.slots.keys import SlotKey
from app.slots.models import Slot
from app.slots.repository import SiteDay, SlotReader
from app.slots.rules import (
    ONE_DAY,
    SlotReason,
    SlotTime,
    day_slots,
    is_open,
    last_bookable_day,
    refusal,
    shift_of,
)
from app.slots.seat_repository import SeatRepository
from app.slots.seats import HeldSeat, Seats, seats_of

ALTERNATIVES = 3
# Days to search for alternatives.
SEARCH_DAYS = 28


@dataclass(frozen=True, slots=True)
class Availability:
    """A slot and, if it cannot be booked, the reason."""

    key: SlotKey
    slot: SlotTime
    seats: Seats
    reason: SlotReason | None

    @property
    def day(self) -> date:
        return self.key.visit_date

    @property
    def available(self) -> int:
        return self.seats.left

    @property
    def bookable(self) -> bool:
        return self.reason is None


Fits = Callable[[Availability], bool]


@dataclass(frozen=True, slots=True)
class Seat:
    site: Site
    slot_id: UUID


async def site_for_day(
    session: ReadSession, site_id: UUID | None, day: date
) -> tuple[Site, Collection[date]]:
    """Return a site (the default for None) with its closures around that day."""
    found = await SiteReader(session).for_day(site_id, day)
    if found is None:
        raise UnknownSite
    return found


def require_bookable(
    site: Site,
    day: date,
    at: time,
    *,
    closed: Collection[date],
    now: datetime,
    walk_in: bool = False,
) -> None:
    """Raise the reason why a time cannot be booked regardless of capacity."""
    reason = refusal(site, day=day, at=at, closed=closed, now=now, walk_in=walk_in)
    if reason is not None:
        raise NEVER_BOOKABLE[reason]


async def bookable_site(
    unit: WriteSession, site_id: UUID, day: date, at: time, now: datetime
) -> Site:
    """Return a site; raise `UnknownSite` or the reason if that time cannot be booked there."""
    site, closed = await site_for_day(unit, site_id, day)
    require_bookable(site, day, at, closed=closed, now=now)
    return site


async def move_seat(
    unit: WriteSession, held: HeldSeat, site: Site, day: date, at: time, now: datetime
) -> Seat:
    """Move a seat to another time, which can be booked; a stranger's stays within the share.

    Raise `UnknownSite`, `SlotClosed` or `SlotFull`.
    """
    seats, key = SeatRepository(unit), SlotKey.of(site.id, day, at)
    await seats.create([key], now)
    old, target = await seats.lock_to_move(held, key)
    if target is None:
        raise UnknownSite
    if shift_of(site, day, at) in target.closed_shifts:
        raise SlotClosed
    if target.id != held.slot_id:
        strangers = held.by_stranger
        if not seats_of(site, target, to_strangers=strangers).left:
            raise await slot_full(
                unit,
                site,
                day,
                at,
                now,
                fits=lambda offer: offer.key != old.key,
                strangers=strangers,
            )
        await seats.move(held, target.id)
    return Seat(site, target.id)


def refusals_at(
    site: Site,
    slot: Slot | None,
    day: date,
    at: time,
    *,
    closed: Collection[date],
    strangers: bool = False,
) -> list[type[VisitRefusal]]:
    """Return why nobody may take a seat at a time of today, in the order of decision."""
    found: list[type[VisitRefusal]] = []
    marked = slot.closed_shifts if slot else ()
    if not is_open(site, day, at, {*closed, *marked}):
        found.append(SlotClosed)
    if not seats_of(site, slot, to_strangers=strangers).left:
        found.append(SlotFull)
    return found


async def slot_full(
    session: ReadSession,
    site: Site,
    day: date,
    at: time,
    now: datetime,
    *,
    fits: Fits = lambda _: True,
    strangers: bool = False,
) -> SlotFull:
    """Return the refusal, with the next free slots."""
    free = await alternatives(session, site, day, at, now, fits=fits, strangers=strangers)
    places = "places for visitors who register themselves" if strangers else "places"
    return SlotFull(
        f"All {places} on {day} at {at:%H:%M} are taken",
        alternatives=[as_alternative(offer) for offer in free],
    )


def as_alternative(offer: Availability) -> dict[str, Any]:
    return {
        "visit_date": offer.day.isoformat(),
        "visit_time": f"{offer.slot.begins:%H:%M}",
        "available": offer.available,
    }


async def alternatives(
    session: ReadSession,
    site: Site,
    day: date,
    at: time,
    now: datetime,
    *,
    fits: Fits,
    strangers: bool = False,
) -> list[Availability]:
    """Return the next three free slots that fit."""
    last = min(day + timedelta(days=SEARCH_DAYS), last_bookable_day(site, now))
    found: list[Availability] = []
    for offer in await _offers(session, site, day, last, now, strangers=strangers):
        if offer.bookable and (offer.day, offer.slot.begins) > (day, at) and fits(offer):
            found.append(offer)
        if len(found) == ALTERNATIVES:
            break
    return found


async def site_day(session: ReadSession, site_id: UUID | None, day: date) -> SiteDay:
    """Return a site (the default for None) with its stored slots of a day."""
    found = await SlotReader(session).site_day(site_id, day)
    if found is None:
        raise UnknownSite
    return found


def day_offers(known: SiteDay, day: date, now: datetime, **to: bool) -> list[Availability]:
    """Return every slot of a day, as offered to a `walk_in` or to `strangers`."""
    return [
        _offer(known.site, day, slot, known.slots, now, closed=known.closed, **to)
        for slot in day_slots(known.site, day)
    ]


async def _offers(
    session: ReadSession, site: Site, first: date, last: date, now: datetime, *, strangers: bool
) -> Iterator[Availability]:
    eve = first - ONE_DAY if first > date.min else first  # its shift may last into the first day
    closed = await ClosureReader(session).days(site.id, eve, last)
    slots = await SlotReader(session).between(site.id, first, last)
    rows = {row.key: row for row in slots}
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return (
        _offer(site, day, slot, rows, now, closed=closed, strangers=strangers)
        for day in days
        for slot in day_slots(site, day)
    )


def _offer(
    site: Site,
    day: date,
    slot: SlotTime,
    rows: Mapping[SlotKey, Slot],
    now: datetime,
    *,
    closed: Collection[date],
    walk_in: bool = False,
    strangers: bool = False,
) -> Availability:
    key = SlotKey.of(site.id, day, slot.begins)
    seats = seats_of(site, rows.get(key), to_strangers=strangers)
    reason = refusal(site, day=day, at=slot.begins, closed=closed, now=now, walk_in=walk_in)
    if reason is None and not seats.left:
        reason = SlotReason.FULL
    return Availability(key, slot, seats, reason)
