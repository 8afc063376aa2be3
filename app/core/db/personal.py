"""Mark columns with personal data; erasure is derived from the marks."""

from typing import Any

from app.core.db.models import Entity

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
