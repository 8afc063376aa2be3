"""Update many rows with different values in one statement."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import update

from app.core.db.database import WriteSession
from app.core.db.inserting import as_json, given_rows
from app.core.db.models import Entity
from app.core.db.prepared import Command


async def update_many(
    unit: WriteSession, model: type[Entity], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Update rows by `id`; all rows must set the same columns."""
    if rows:
        await unit.run(_change(model, tuple(rows[0])), rows=as_json(rows))


@cache
def _change(model: type[Entity], names: tuple[str, ...]) -> Command:
    given = given_rows(model, names, "rows")
    values = {name: given.c[name] for name in names if name != "id"}
    return Command(update(model).where(model.id == given.c["id"]).values(values))
