from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    TableValuedAlias,
    Uuid,
    column,
    func,
    literal,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeEngine

from app.visitors.models import Presence, Visitor, VisitorStatus
from app.visitors.repository import COPIED, VisitorRepository

Place = tuple[date, UUID]
"""The position of a visit in the order of days."""


def _given(kind: TypeEngine[Any], values: Mapping[UUID, Any]) -> TableValuedAlias:
    """Return the value of each site as a table."""
    sites, until = literal(list(values), ARRAY(Uuid)), literal(list(values.values()), ARRAY(kind))
    columns = [column("site_id", Uuid), column("until", kind)]
    return func.unnest(sites, until).table_valued(*columns).render_derived(name="given")


class ClosingRepository(VisitorRepository):
    async def lock_outside_until(
        self, of: Presence, last_days: Mapping[UUID, date], after: Place | None, *, at_most: int
    ) -> list[Visitor]:
        """Lock visits of these days whose visitors are expected or away."""
        is_away = of is Presence.AWAY
        given = _given(Date(), last_days)
        latest = max(last_days.values())  # lets the planner use the index
        until: list[ColumnElement[bool]] = [
            Visitor.visit_date <= given.c.until,
            Visitor.visit_date <= latest,
        ]
        status = VisitorStatus.VERIFIED if is_away else VisitorStatus.PENDING
        which = [Visitor.is_away.is_(True), *until] if is_away else until
        return await self._lock_open(status, given, which, after, at_most)

    async def lock_inside_since(
        self, instants: Mapping[UUID, datetime], after: Place | None, *, at_most: int
    ) -> list[Visitor]:
        given = _given(Visitor.checked_in_at.type, instants)
        """Lock visits of visitors who are inside, and came in first by these instants."""
        came_in_by = [~Visitor.is_away, Visitor.checked_in_at <= given.c.until]
        return await self._lock_open(VisitorStatus.VERIFIED, given, came_in_by, after, at_most)

    async def _lock_open(
        self,
        status: VisitorStatus,
        given: TableValuedAlias,
        which: Sequence[ColumnElement[bool]],
        after: Place | None,
        at_most: int,
    ) -> list[Visitor]:
        """Lock open visits after a place; skip locked ones.

        The copies are not tracked: `save_passages` stores them.
        """
        place = tuple_(Visitor.visit_date, Visitor.id)
        statement = (
            select(*COPIED)
            .join_from(Visitor, given, Visitor.site_id == given.c.site_id)
            # A parameter could not use the partial index.
            .where(Visitor.status == literal_column(f"'{status}'"), *which)
            .order_by(Visitor.visit_date, Visitor.id)
            .limit(at_most)
            .with_for_update(of=Visitor, skip_locked=True)
        )
        if after is not None:
            statement = statement.where(place > after)
        return [Visitor(**row) for row in (await self.unit.rows(statement)).mappings()]
