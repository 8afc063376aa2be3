"""INSERTs whose rows travel as one JSON parameter.

VALUES would be another statement for every number of rows, compiled and prepared anew each time,
which costs more than all the rest.
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
    Insert,
    String,
    bindparam,
    column,
    func,
    literal_column,
    select,
)
from sqlalchemy import insert as insert_into

from app.core.models import Entity
from app.core.prepared import Prepared

Shape = tuple[type[Entity], tuple[str, ...]]
"""A table and the columns that rows for it have."""


@cache
def insertions(shapes: tuple[Shape, ...]) -> Prepared:
    """INSERTs into several tables as one statement; the parameters are `rows0`, `rows1` …"""
    parts = [
        insertion(model, names, f"rows{number}").cte()
        for number, (model, names) in enumerate(shapes)
    ]
    return Prepared(select(literal_column("1")).add_cte(*parts))


def as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as the parameter that `insertion` reads."""
    return to_json([_readable(row) for row in rows]).decode()


def insertion(
    model: type[Entity],
    names: Sequence[str],
    parameter: str,
    *,
    when: Sequence[FromClause] = (),
    beside: Mapping[str, ColumnElement[Any]] = MappingProxyType({}),
) -> Insert:
    """INSERT of the rows in a JSON parameter, as a part of a larger statement.

    It happens `when` those of the statement's other parts have a row; `beside` has the columns
    that come from there.
    """
    given = given_rows(model, names, parameter)
    rows = select(*given.c, *beside.values()).select_from(given, *when)
    return insert_into(model).from_select([*names, *beside], rows)


def given_rows(model: type[Entity], names: Sequence[str], parameter: str) -> FromClause:
    """The rows in a JSON parameter, with the types of the model's columns."""
    columns = [_as_read(name, model.__table__.c[name]) for name in names]
    return (
        func.json_to_recordset(bindparam(parameter, type_=JSON))
        .table_valued(*columns)
        .render_derived(name=f"given_{parameter}", with_types=True)
    )


def _readable(row: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no bytes: in PostgreSQL's own spelling the column reads them from text."""
    return {name: f"\\x{v.hex()}" if isinstance(v, bytes) else v for name, v in row.items()}


def _as_read(name: str, stored: ColumnElement[Any]) -> ColumnElement[Any]:
    # An enum's type would render its CHECK's name, where a column list wants a plain type.
    return column(name, String(40) if isinstance(stored.type, Enum) else stored.type)


def values_of(entity: Entity) -> dict[str, Any]:
    """The columns of a new entity that have a value, without the toll of its descriptors."""
    return {key: value for key, value in vars(entity).items() if key in entity.__table__.c}
