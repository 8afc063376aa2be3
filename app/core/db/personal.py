"""Marks of columns that hold personal data; erasing derives from them."""

from typing import Any

from app.core.db.models import Entity

MARK = "personal"


def personal(erased: Any = None) -> dict[str, Any]:
    """Return the `info` of a column with personal data of the person whose row it is.

    `erased` is the value or SQL expression that replaces it.
    """
    return {MARK: erased}


def erasure(model: type[Entity]) -> dict[str, Any]:
    """Return the values that erase the person from a row, by column."""
    columns = model.__table__.columns
    return {column.key: column.info[MARK] for column in columns if MARK in column.info}
