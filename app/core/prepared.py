"""Statements whose SQL is written once, for the paths whose speed is measured."""

from typing import Any

from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.sql.compiler import SQLCompiler

_DIALECT = asyncpg.dialect()  # type: ignore[no-untyped-call] # of SQLAlchemy


class Prepared:
    """A statement with `bindparam`s, and the SQL that it means.

    SQLAlchemy keeps what it has compiled as well, but finds it again by a key that it computes
    from the whole statement at each run; and the ORM makes entities of the rows. On a path with
    three statements both together cost more than the rest of the request. The rows of a prepared
    statement are plain: words of an enum come as text.

    One that is `planned_anew` is planned for its values at each run. PostgreSQL settles else for
    one plan after a few runs, which is wrong where one value means everybody and another nobody.
    """

    def __init__(self, statement: ClauseElement, *, planned_anew: bool = False) -> None:
        self.planned_anew = planned_anew
        compiled = statement.compile(dialect=_DIALECT)
        if not isinstance(compiled, SQLCompiler):
            raise TypeError("a statement is compiled to SQL")
        self.sql = str(compiled)
        self._names = tuple(compiled.positiontup or ())
        self._constants = {
            name: value for name, value in compiled.params.items() if value is not None
        }

    def arguments(self, values: dict[str, Any]) -> tuple[Any, ...]:
        """The parameters in the order of the SQL; raises KeyError where one has no value."""
        known = {**self._constants, **values}
        return tuple(known[name] for name in self._names)
