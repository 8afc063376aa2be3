"""Mark columns with personal data; erasure is derived from the marks."""

from collections.abc import Collection, Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import Update, update

from app.core.db.models import Base, Entity

MARK = "personal"


def personal(erased: Any = None) -> dict[str, Any]:
    """Return the `info` of a column with personal data.

    `erased` is the value or SQL expression that replaces it.
    """
    return {MARK: erased}


def erasure(model: type[Entity]) -> dict[str, Any]:
    """Return the replacements for personal data, by column."""
    columns = model.__table__.columns
    return {column.key: column.info[MARK] for column in columns if MARK in column.info}


def erasures(column: str, ids: Collection[UUID]) -> Iterator[Update]:
    """Yield the UPDATE of each table with personal data of those whom a column names."""
    for mapper in Base.registry.mappers:
        model, found = mapper.class_, mapper.columns.get(column)
        if found is not None and (values := erasure(model)):
            yield (
                update(model)
                .where(found.in_(ids))
                .values(values)
                .execution_options(synchronize_session=False)
            )
