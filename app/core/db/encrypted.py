"""Marks of columns with encrypted secrets, from which their renewal derives."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, MetaData

MARK = "encrypted for"


def encrypted(purpose: str) -> dict[str, Any]:
    """Return the `info` of a column whose secrets are encrypted for this purpose."""
    return {MARK: purpose}


def encrypted_columns(metadata: MetaData) -> Iterator[tuple[Column[bytes], str]]:
    """Yield the marked columns and their purposes."""
    for table in metadata.sorted_tables:
        for column in table.columns:
            if MARK in column.info:
                yield column, column.info[MARK]
