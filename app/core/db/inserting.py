"""INSERT statements that take their rows as one JSON parameter.

With VALUES, each number of rows would be another statement to compile and prepare.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

from pydantic_core import to_json
from sqlalchemy import (
    JSON,
    ColumnElement,
    Enum,
    FromClause,
    String,
    bindparam,
    column,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as insert_into

from app.core.db.models import Entity
from app.core.db.prepared import Command

Shape = tuple[type[Entity], tuple[str, ...]]
"""A model and the columns to insert."""


@cache
def insertions(shapes: tuple[Shape, ...]) -> Command:
    """Return one statement that inserts `rows0`, `rows1` and so on into several tables."""
    parts = [
        insertion(model, names, f"rows{number}").cte()
        for number, (model, names) in enumerate(shapes)
    ]
    return Command(select(literal_column("1")).add_cte(*parts))


def as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    return to_json([_readable(row) for row in rows]).decode()


def insertion(
    model: type[Entity],
    names: Sequence[str],
    parameter: str,
    *,
    when: Sequence[FromClause] = (),
    extra: Mapping[str, ColumnElement[Any]] = MappingProxyType({}),
) -> Insert:
    """Return an INSERT of the rows in a JSON parameter, for use in a larger statement.

    It runs only if each FROM clause in `when` returns a row; `extra` adds columns from them.
    """
    given = given_rows(model, names, parameter)
    rows = select(*given.c, *extra.values()).select_from(given, *when)
    return insert_into(model).from_select([*names, *extra], rows)


def given_rows(model: type[Entity], names: Sequence[str], parameter: str) -> FromClause:
    """Return the rows of a JSON parameter, with the types of the model's columns."""
    columns = [_as_read(name, model.__table__.c[name]) for name in names]
    return (
        func.json_to_recordset(bindparam(parameter, type_=JSON))
        .table_valued(*columns)
        .render_derived(name=f"given_{parameter}", with_types=True)
    )


def _readable(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Encode bytes as hex, since JSON has none."""
    encoded = {name: f"\\x{v.hex()}" for name, v in row.items() if isinstance(v, bytes)}
    return {**row, **encoded} if encoded else row


def _as_read(name: str, stored: ColumnElement[Any]) -> ColumnElement[Any]:
    # An enum would be rendered with its CHECK, which a column list cannot have.
    return column(name, String(40) if isinstance(stored.type, Enum) else stored.type)


def values_of(entity: Entity) -> dict[str, Any]:
    """Return the columns that are set, bypassing the slow ORM descriptors."""
    return {key: value for key, value in vars(entity).items() if key in entity.__table__.c}
