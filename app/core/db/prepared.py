"""Statements compiled to SQL once, for measured paths."""

import re
from typing import Any

from sqlalchemy import Boolean, ClauseElement, ColumnElement, SelectBase, bindparam, func, or_
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.sql.compiler import SQLCompiler

_DIALECT = asyncpg.dialect()  # type: ignore[no-untyped-call] # of SQLAlchemy
# Row locks count as changes, as in read-only transactions.
_CHANGES = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM|MERGE INTO|FOR (KEY )?SHARE)\b")


# The function (migration 0017) costs so much that PostgreSQL never keeps a plan that calls it; with
# the parameter's value it is left out.
PLANNED_ANEW: ColumnElement[bool] = or_(
    bindparam("is_planned_anew", value=True, type_=Boolean), func.dear_unless_planned_anew()
)
"""A condition that is always met: PostgreSQL plans for the values of each run, for skewed values.

Preparing anew would do the same with one more round trip.
"""


class _Prepared:
    """A statement with `bindparam`s, compiled once; rows are plain, with enum values as text."""

    def __init__(self, statement: ClauseElement) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        if not isinstance(compiled, SQLCompiler):
            raise TypeError("the statement does not compile to SQL")
        self.sql = str(compiled)
        self._names = tuple(compiled.positiontup or ())
        self._constants = {
            name: value for name, value in compiled.params.items() if value is not None
        }

    def arguments(self, values: dict[str, Any]) -> tuple[Any, ...]:
        """Return the parameters in SQL order; raise KeyError if one is missing."""
        known = {**self._constants, **values}
        return tuple(known[name] for name in self._names)


class Query(_Prepared):
    """A prepared SELECT; raises TypeError if it changes or locks rows."""

    def __init__(self, statement: SelectBase) -> None:
        super().__init__(statement)
        if _CHANGES.search(self.sql):
            raise TypeError("the statement writes: it is a Command")


class Command(_Prepared):
    """A prepared statement that changes or locks rows."""


Prepared = Query | Command
