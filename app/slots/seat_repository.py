"""Take, free and move seats under the lock of their slot.

Every transaction locks the visitor, then the site, then slots in the order of their keys.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVarTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    Date,
    FromClause,
    Integer,
    Select,
    Update,
    Uuid,
    all_,
    and_,
    any_,
    bindparam,
    cast,
    column,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from app.core.db.plain import plain_copy, stored_columns
from app.core.db.prepared import Command, Query
from app.core.db.repository import Repository
from app.core.ids import new_id
from app.sites.models import Site
from app.slots.keys import SlotKey
from app.slots.models import Slot
from app.slots.seats import HeldSeat

Ts = TypeVarTuple("Ts")

ORDER = (Slot.site_id, Slot.visit_date, Slot.hour)
"""A slot's key, in the order of locking."""
COUNTERS = (Slot.booked, Slot.excess, Slot.self_booked, Slot.self_excess)
"""Zero in a new slot."""


# -- parts of statements --------------------------------------------------------------------------


def is_slot(*key: Any) -> ColumnElement[bool]:
    return and_(*(column == value for column, value in zip(ORDER, key, strict=True)))


def in_lock_order(slots: Select[*Ts]) -> Select[*Ts]:
    """Lock the rows of a SELECT in the common order."""
    return slots.order_by(*ORDER).with_for_update(of=Slot)


def seat_taken(*, by_stranger: bool, when: Sequence[CTE] = ()) -> CTE:
    """Return the CTE that locks a slot, takes a seat and returns the slot's id, if it can.

    It does nothing unless all of `when` have a row, whose locks precede that of the slot.

    PostgreSQL tests the conditions before it waits for the lock, and again afterwards.
    """
    is_open = bindparam("shift", type_=Date()) != all_(Slot.closed_shifts)
    key = is_slot(*map(bindparam, SlotKey._fields))
    free = select(Slot.id).where(key, Slot.booked < Slot.capacity, is_open)
    free = free.where(*(exists(select(part)) for part in when))
    if by_stranger:
        free = free.where(Slot.self_booked < share(Slot.capacity, Slot.self_share))
    slot = in_lock_order(free).cte("slot")
    taken = {"booked": Slot.booked + 1} | (
        {"self_booked": Slot.self_booked + 1} if by_stranger else {}
    )
    return update(Slot).where(Slot.id == slot.c.id).values(**taken).returning(Slot.id).cte("taken")


def seat_freed(slot_id: ColumnElement[UUID], by_stranger: ColumnElement[bool]) -> Update:
    """Return the UPDATE that frees a seat, for a larger statement."""
    return _recounted(slot_id, literal(-1), -cast(by_stranger, Integer))


def share(capacity: Any, percent: Any) -> ColumnElement[int]:
    """Return a percentage of the seats, rounded up, as `share_of` does."""
    rounded_up: ColumnElement[int] = (capacity * percent + 99) // 100
    return rounded_up


def above(
    capacity: Any, percent: Any, booked: Any = Slot.booked, self_booked: Any = Slot.self_booked
) -> dict[str, ColumnElement[int]]:
    """Return the taken seats above a capacity, and above the share of strangers."""
    return {
        "excess": func.greatest(booked - capacity, 0),
        "self_excess": func.greatest(self_booked - share(capacity, percent), 0),
    }


def given_rows(**kinds: Any) -> FromClause:
    """Return rows from one array for each column, named with a plural `s`."""
    arrays = [bindparam(f"{name}s", type_=ARRAY(kind)) for name, kind in kinds.items()]
    columns = [column(name, kind) for name, kind in kinds.items()]
    return func.unnest(*arrays).table_valued(*columns).render_derived(name="given")


def _recounted(slot_id: Any, seats: Any, strangers: Any) -> Update:
    """Change the taken seats, and the excess accordingly."""
    taken = {"booked": Slot.booked + seats, "self_booked": Slot.self_booked + strangers}
    follows = above(Slot.capacity, Slot.self_share, **taken)
    return update(Slot).where(Slot.id == slot_id).values(**taken, **follows)


# -- statements -----------------------------------------------------------------------------------

_KEY = {column.key: column.type for column in ORDER}


def _locking_keys() -> Select[Any]:
    given = given_rows(**_KEY)
    return select(*stored_columns(Slot)).join_from(Slot, given, is_slot(*given.c))


def _locking_ids() -> Select[Any]:
    ids = any_(bindparam("ids", type_=ARRAY(Uuid)))
    return select(*stored_columns(Slot)).where(Slot.id == ids)


def _locking_two() -> Select[Any]:
    either = or_(Slot.id == bindparam("id"), is_slot(*map(bindparam, SlotKey._fields)))
    return select(*stored_columns(Slot)).where(either)


def _creating() -> Command:
    given = given_rows(id=Uuid, **_KEY)
    # Sorted after the locks, so that all sites are locked before the first insert.
    site = (
        select(Site.id, Site.slot_capacity, Site.self_registration_share)
        .where(Site.id == any_(bindparam("site_ids", type_=ARRAY(Uuid))))
        .order_by(Site.id)
        .with_for_update(read=True)
        .cte("site")
    )
    values: dict[Any, Any] = {
        Slot.id: given.c.id,
        **{column: given.c[column.key] for column in ORDER},
        Slot.capacity: site.c.slot_capacity,
        Slot.self_share: site.c.self_registration_share,
        Slot.created_at: bindparam("now", type_=Slot.created_at.type),
        Slot.has_own_capacity: literal(value=False),
        **dict.fromkeys(COUNTERS, literal(0)),
    }
    in_order = [given.c[column.key] for column in ORDER]
    rows = select(*values.values()).join_from(site, given, site.c.id == given.c.site_id)
    return Command(
        insert(Slot)
        .from_select(list(values), rows.order_by(*in_order), include_defaults=False)
        .on_conflict_do_nothing()
    )


def _given_slots() -> CTE:
    """Return the slots to change, locked, with their changes."""
    given = given_rows(id=Uuid, seat=Integer, stranger=Integer)
    slots = select(Slot.id, given.c.seat, given.c.stranger)
    return in_lock_order(slots.join_from(Slot, given, Slot.id == given.c.id)).cte("slot")


def _taking() -> Command:
    """Take seats; the CHECKs refuse more than the capacity or the share."""
    slot = _given_slots()
    taken = {
        "booked": Slot.booked + slot.c.seat,
        "self_booked": Slot.self_booked + slot.c.stranger,
    }
    return Command(update(Slot).where(Slot.id == slot.c.id).values(**taken))


def _raising() -> Command:
    capacity = Slot.capacity + 1
    strangers = Slot.self_booked + bindparam("stranger", type_=Integer)
    taken = {"booked": Slot.booked + 1, "self_booked": strangers}
    values = taken | above(capacity, Slot.self_share, **taken)
    raised = update(Slot).where(Slot.id == bindparam("id", type_=Uuid()))
    raised = raised.values(capacity=capacity, has_own_capacity=literal(value=True), **values)
    return Command(raised.returning(Slot.capacity))


def _recounting() -> Command:
    slot = _given_slots()
    return Command(_recounted(slot.c.id, slot.c.seat, slot.c.stranger))


_SOME = Query(_locking_keys())
_LOCK_KEYS = Command(in_lock_order(_locking_keys()))
_LOCK_IDS = Command(in_lock_order(_locking_ids()))
_LOCK_TWO = Command(in_lock_order(_locking_two()))
_CREATE, _TAKE, _RECOUNT = _creating(), _taking(), _recounting()
_RAISE = _raising()


class SeatRepository(Repository[Slot]):
    model = Slot

    async def create(self, keys: Collection[SlotKey], now: datetime) -> None:
        """Create missing slots with their sites' capacities and shares.

        The share lock on the site keeps a change of its capacity from missing a new slot.
        """
        ids = [new_id() for _ in keys]
        await self.unit.run(_CREATE, now=now, ids=ids, **_columns(keys))

    async def some(self, keys: Collection[SlotKey]) -> Sequence[Slot]:
        """Return the slots that are stored, without a lock."""
        return await self._slots(_SOME, **_columns(keys))

    async def lock_keys(self, keys: Collection[SlotKey]) -> Sequence[Slot]:
        """Lock the slots that are stored."""
        return await self._slots(_LOCK_KEYS, **_columns(keys))

    async def lock_ids(self, slot_ids: Collection[UUID]) -> Sequence[Slot]:
        return await self._slots(_LOCK_IDS, ids=list(slot_ids))

    async def lock_to_move(self, held: HeldSeat, key: SlotKey) -> tuple[Slot, Slot | None]:
        """Lock the slot of a seat and the target, in one order, so that moves do not deadlock."""
        slots = await self._slots(_LOCK_TWO, id=held.slot_id, **key._asdict())
        by_id, by_key = {slot.id: slot for slot in slots}, {slot.key: slot for slot in slots}
        return by_id[held.slot_id], by_key.get(key)

    async def take(self, *seats: HeldSeat) -> None:
        """Take seats in locked slots that have them."""
        await self.unit.run(_TAKE, **_counted(seats, 1))

    async def take_added(self, seat: HeldSeat) -> int:
        """Raise the capacity of a locked slot by a seat, and take it; return the capacity.

        What is above the former capacity and share stays above them, and a full slot full.
        """
        row = await self.unit.row(_RAISE, id=seat.slot_id, stranger=int(seat.by_stranger))
        if row is None:
            raise LookupError("a locked slot cannot vanish")
        capacity: int = row[0]
        return capacity

    async def free(self, *seats: HeldSeat) -> None:
        if seats:
            await self.unit.run(_RECOUNT, **_counted(seats, -1))

    async def move(self, held: HeldSeat, to: UUID) -> None:
        """Move a seat to another slot; both are locked."""
        await self.free(held)
        await self.take(HeldSeat(to, held.by_stranger))

    async def count_strangers(self, seats: Mapping[UUID, int]) -> None:
        """Count this many taken seats of each slot as strangers'."""
        none = [0] * len(seats)
        await self.unit.run(_RECOUNT, ids=list(seats), seats=none, strangers=list(seats.values()))

    async def _slots(self, statement: Query | Command, **values: Any) -> Sequence[Slot]:
        rows = await self.unit.fetch(statement, **values)
        return [slot for row in rows if (slot := plain_copy(Slot, row)) is not None]


def _columns(keys: Collection[SlotKey]) -> dict[str, list[Any]]:
    ordered = sorted(keys)
    return {f"{name}s": [getattr(key, name) for key in ordered] for name in SlotKey._fields}


def _counted(seats: Sequence[HeldSeat], sign: int) -> dict[str, list[Any]]:
    everybody = Counter(seat.slot_id for seat in seats)
    strangers = Counter(seat.slot_id for seat in seats if seat.by_stranger)
    return {
        "ids": list(everybody),
        "seats": [sign * number for number in everybody.values()],
        "strangers": [sign * strangers[slot_id] for slot_id in everybody],
    }
