"""Entities outside any session: changes to them are not saved."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Column, Enum, Table, inspect

from app.core.db.models import Entity
from app.core.ids import new_id

M = TypeVar("M", bound=Entity)


@cache
def stored_columns(model: type[Entity]) -> tuple[Column[Any], ...]:
    """Return the columns in the order that `plain_copy` expects, without those PostgreSQL sets."""
    table: Table = inspect(model).local_table  # type: ignore[assignment] # no view is mapped
    return tuple(c for c in table.columns if not c.computed and c.server_onupdate is None)


def plain_copy(model: type[M], values: Sequence[Any]) -> M | None:
    """Build an entity from the row of a prepared statement; None if an outer join found none."""
    make, names, words = _shape(model)
    if values[names.index("id")] is None:
        return None
    entity: M = make()
    held = vars(entity)
    held.update(zip(names, values, strict=True))
    for name, enum in words:
        if held[name] is not None:
            held[name] = enum(held[name])
    return entity


def new_plain(model: type[M], **values: Any) -> M:
    """Create an entity that is stored from its values, as by `WriteSession.append`."""
    make, _, _ = _shape(model)
    entity: M = make()
    vars(entity).update({"id": new_id(), **values})
    return entity


@cache
def _shape(
    model: type[Entity],
) -> tuple[Callable[[], Any], tuple[str, ...], tuple[tuple[str, Callable[[Any], Any]], ...]]:
    columns = stored_columns(model)
    words = tuple(
        (column.name, column.type.enum_class)
        for column in columns
        if isinstance(column.type, Enum) and column.type.enum_class is not None
    )
    # The constructor would record each value as a change.
    make = inspect(model).class_manager.new_instance
    return make, tuple(column.name for column in columns), words
