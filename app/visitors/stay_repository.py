from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    FromClause,
    SQLColumnExpression,
    String,
    Uuid,
    any_,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import ARRAY, Insert, distinct_on, insert
from sqlalchemy.sql.selectable import NamedFromClause

from app.core.db.inserting import as_json, insertion, values_of
from app.core.db.plain import plain_copy, stored_columns
from app.core.db.prepared import Command
from app.core.db.repository import ReadRepository, Repository
from app.visitors.models import Visitor, VisitorStatus
from app.visitors.stay_models import InMethod, OutMethod, Stay
from app.visitors.stays import newest_of

_NEWEST_FIRST = (Stay.in_at.desc(), Stay.id.desc())
_NAMES = tuple(column.name for column in stored_columns(Stay))
_END = ("out_at", "out_method", "reopened_at")


def newest_stay(visitor_id: SQLColumnExpression[UUID]) -> NamedFromClause:
    """Return the newest stay of each visitor, to be joined."""
    return (
        select(*stored_columns(Stay))
        .where(Stay.visitor_id == visitor_id)
        .order_by(*_NEWEST_FIRST)
        .limit(1)
        .lateral("newest_stay")
    )


def stays_stored(parameter: str, *when: FromClause) -> Insert:
    """Return the INSERT of new stays that also ends known ones, for a larger statement."""
    return _ending(insertion(Stay, _NAMES, parameter, when=when))


def _ending(stored: Insert) -> Insert:
    ended = {name: stored.excluded[name] for name in _END}
    return stored.on_conflict_do_update(index_elements=[Stay.id], set_=ended)


def _derived() -> Insert:
    """Return the INSERT of stays as the times of visitors say."""
    newest = newest_stay(Visitor.id)
    in_at = func.coalesce(newest.c.in_at, Visitor.checked_in_at)
    way_out = case(
        (Visitor.checked_out_automatically, literal_column(f"'{OutMethod.AUTOMATIC}'", String)),
        else_=literal_column(f"'{OutMethod.GATE}'", String),
    )
    is_over = Visitor.status == VisitorStatus.COMPLETED
    values = {
        "id": func.coalesce(newest.c.id, Visitor.id),
        "visitor_id": Visitor.id,
        "site_id": Visitor.site_id,
        "in_at": in_at,
        "in_gate": Visitor.checked_in_gate,
        "in_method": literal_column(f"'{InMethod.GATE}'", String),
        "out_at": case((is_over, func.greatest(Visitor.checked_out_at, in_at))),
        "out_method": case((is_over & Visitor.checked_out_at.is_not(None), way_out)),
        "created_at": in_at,
    }
    rows = (
        select(*values.values())
        .select_from(Visitor)
        .outerjoin(newest, true())
        .where(Visitor.id == any_(bindparam("ids", type_=ARRAY(Uuid))))
    )
    return _ending(insert(Stay).from_select(list(values), rows))


def _is_derived() -> ColumnElement[bool]:
    """Return whether a stay says the same as the times of its visitor."""
    same_end = Stay.out_at == func.greatest(Visitor.checked_out_at, Stay.in_at)
    is_over = type_coerce(Visitor.status, String) == VisitorStatus.COMPLETED.value
    return exists().where(
        Stay.visitor_id == Visitor.id, or_(~is_over, Visitor.checked_out_at.is_(None), same_end)
    )


_STORE, _DERIVE = Command(stays_stored("stays")), Command(_derived())


class StayReader(ReadRepository[Stay]):
    model = Stay

    async def of_visitor(self, visitor_id: UUID) -> Sequence[Stay]:
        """Return the stored stays, oldest first; `all_of` completes them."""
        found = await self.session.scalars(
            select(Stay).where(Stay.visitor_id == visitor_id).order_by(Stay.in_at, Stay.id)
        )
        return found.all()

    async def newest(self, visitors: Collection[Visitor]) -> dict[UUID, Stay]:
        """Return the newest stay by visitor, as untracked copies."""
        ids = [visitor.id for visitor in visitors]
        rows = await self.session.rows(
            select(*stored_columns(Stay))
            .where(Stay.visitor_id == any_(literal(ids, ARRAY(Uuid))))
            .ext(distinct_on(Stay.visitor_id))
            .order_by(Stay.visitor_id, *_NEWEST_FIRST)
        )
        stored = {stay.visitor_id: stay for row in rows if (stay := plain_copy(Stay, tuple(row)))}
        found = ((visitor.id, newest_of(visitor, stored.get(visitor.id))) for visitor in visitors)
        return {id_: stay for id_, stay in found if stay is not None}


class StayRepository(StayReader, Repository[Stay]):
    async def save(self, stays: Iterable[Stay]) -> None:
        """Store new stays, and how known ones end; their visitors are locked."""
        if rows := [values_of(stay) for stay in stays]:
            await self.unit.run(_STORE, stays=as_json(rows))

    async def remove(self, stay: Stay) -> None:
        """Delete a stay of a locked visitor, if it is stored."""
        await self.unit.write(
            delete(Stay).where(Stay.id == stay.id).execution_options(synchronize_session=False)
        )

    async def came_in(self, after: UUID, *, at_most: int) -> Sequence[UUID]:
        """Return visitors who have come in, ordered by id."""
        found = await self.session.scalars(
            select(Visitor.id)
            .where(Visitor.id > after, Visitor.checked_in_at.is_not(None))
            .order_by(Visitor.id)
            .limit(at_most)
        )
        return found.all()

    async def lock_underived(self, visitor_ids: Sequence[UUID]) -> Sequence[UUID]:
        """Lock those of the visitors whose last passage is in no stay, ordered by id."""
        found = await self.session.scalars(
            select(Visitor.id)
            .where(Visitor.id == any_(literal(list(visitor_ids), ARRAY(Uuid))), ~_is_derived())
            .order_by(Visitor.id)
            .with_for_update(key_share=True)
        )
        return found.all()

    async def derive(self, visitor_ids: Sequence[UUID]) -> None:
        """Store stays of locked visitors as their times say."""
        await self.unit.run(_DERIVE, ids=list(visitor_ids))
