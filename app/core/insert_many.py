"""Many new rows of one table with one INSERT."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import to_jsonable_python
from sqlalchemy import JSON, ColumnElement, Enum, Insert, String, column, func, literal, select
from sqlalchemy import insert as insert_into

from app.core.database import WriteSession
from app.core.models import Entity


async def insert_many(
    unit: WriteSession, model: type[Entity], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Store rows, each with the same columns by name; what they leave out is NULL.

    They travel as one JSON parameter. VALUES would be another statement for every number of
    rows, compiled and prepared anew each time, which costs more than all the rest.
    """
    if rows:
        await unit.write(_statement(model, list(rows[0]), rows))


def _statement(
    model: type[Entity], names: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> Insert:
    columns = [_as_read(name, model.__table__.c[name]) for name in names]
    given = (
        func.json_to_recordset(literal(to_jsonable_python(rows), JSON))
        .table_valued(*columns)
        .render_derived(name="given", with_types=True)
    )
    return insert_into(model).from_select(names, select(*given.c))


def _as_read(name: str, stored: ColumnElement[Any]) -> ColumnElement[Any]:
    # An enum's type would render its CHECK's name, where a column list wants a plain type.
    return column(name, String(40) if isinstance(stored.type, Enum) else stored.type)


def values_of(entity: Entity) -> dict[str, Any]:
    """The columns of a new entity that have a value, without the toll of its descriptors."""
    return {key: value for key, value in vars(entity).items() if key in entity.__table__.c}
