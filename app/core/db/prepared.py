"""Statements compiled to SQL once, for measured paths."""

import re
from typing import Any

from sqlalchemy import ClauseElement, SelectBase
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.sql.compiler import SQLCompiler

_DIALECT = asyncpg.dialect()  # type: ignore[no-untyped-call] # of SQLAlchemy
# SQLAlchemy writes keywords in capitals. Row locks count as changes, as in PostgreSQL's read-only
# transactions.
_CHANGES = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM|MERGE INTO|FOR (KEY )?SHARE)\b")


class _Prepared:
    """A statement with `bindparam`s, compiled to SQL.

    SQLAlchemy caches compiled SQL too, but computes a cache key from the whole statement at each
    run and builds entities from the rows. On a path of three statements that costs more than the
    rest of the request. The rows of a prepared statement are plain: enum values are text.

    With `planned_anew` PostgreSQL plans for the values of each run. Its generic plan is wrong where
    one value matches everybody and another nobody.
    """

    def __init__(self, statement: ClauseElement, *, planned_anew: bool = False) -> None:
        self.planned_anew = planned_anew
        compiled = statement.compile(dialect=_DIALECT)
        if not isinstance(compiled, SQLCompiler):
            raise TypeError("the statement does not compile to SQL")
        self.sql = str(compiled)
        self._names = tuple(compiled.positiontup or ())
        self._constants = {
            name: value for name, value in compiled.params.items() if value is not None
        }

    def arguments(self, values: dict[str, Any]) -> tuple[Any, ...]:
        """Return the parameters in the order of the SQL; raise KeyError if one has no value."""
        known = {**self._constants, **values}
        return tuple(known[name] for name in self._names)


class Query(_Prepared):
    """A prepared SELECT that changes and locks nothing; raises TypeError for any other."""

    def __init__(self, statement: SelectBase, *, planned_anew: bool = False) -> None:
        super().__init__(statement, planned_anew=planned_anew)
        if _CHANGES.search(self.sql):
            raise TypeError("the statement writes: it is a Command")


class Command(_Prepared):
    """A prepared statement that changes or locks rows, be it in a part of a SELECT."""


Prepared = Query | Command
