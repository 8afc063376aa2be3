from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple

from fastapi import FastAPI
from sqlalchemy import event

from app.core.db import direct
from app.core.db.database import Database


class Sent(NamedTuple):
    sql: str
    parameters: Any


@contextmanager
def statements(app: FastAPI) -> Iterator[list[str]]:
    """Collect the SQL that the application sends in the block."""
    sql: list[str] = []
    with _listening(app.state.database, lambda sent: sql.append(sent.sql)):
        yield sql


@contextmanager
def sent_to(database: Database) -> Iterator[list[Sent]]:
    """Collect statements with their parameters."""
    sent: list[Sent] = []
    with _listening(database, sent.append):
        yield sent


@contextmanager
def _listening(database: Database, hear: Callable[[Sent], None]) -> Iterator[None]:
    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        hear(Sent(statement, parameters))

    def note_direct(statement: str, parameters: Any) -> AbstractContextManager[None]:
        hear(Sent(statement, parameters))
        return nullcontext()

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    direct.observers.append(note_direct)
    try:
        yield
    finally:
        direct.observers.remove(note_direct)
        event.remove(engine, "before_cursor_execute", note)
