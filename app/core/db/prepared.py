"""Statements compiled to SQL once, for measured paths."""

import re
from typing import Any

from sqlalchemy import ClauseElement, SelectBase
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.sql.compiler import SQLCompiler

_DIALECT = asyncpg.dialect()  # type: ignore[no-untyped-call] # of SQLAlchemy
# Row locks count as changes, as in read-only transactions.
_CHANGES = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM|MERGE INTO|FOR (KEY )?SHARE)\b")


class _Prepared:
    """A statement with `bindparam`s, compiled once; its rows are plain, with enum values as text.

    With `planned_anew` PostgreSQL plans for the values of each run, for values that are skewed.
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
        """Return the parameters in SQL order; raise KeyError if one is missing."""
        known = {**self._constants, **values}
        return tuple(known[name] for name in self._names)


class Query(_Prepared):
    """A prepared SELECT; raises TypeError if it changes or locks rows."""

    def __init__(self, statement: SelectBase, *, planned_anew: bool = False) -> None:
        super().__init__(statement, planned_anew=planned_anew)
        if _CHANGES.search(self.sql):
            raise TypeError("the statement writes: it is a Command")


class Command(_Prepared):
    """A prepared statement that changes or locks rows."""


Prepared = Query | Command
