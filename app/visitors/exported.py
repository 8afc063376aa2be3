"""Marks of the fields of a record that are columns of an export. Pure."""

from dataclasses import dataclass

from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class Exported:
    """The column of a field: its position from 1, title and width in characters.

    Positions never change, since programs read columns by them. `repeats` is for text that many
    rows have in common.
    """

    position: int
    title: str
    width: int
    repeats: bool = False


def exported(record: type[BaseModel]) -> dict[str, Exported]:
    """Return the columns of a record by field, in the order of the export."""
    marked = {
        name: mark
        for name, field in record.model_fields.items()
        for mark in field.metadata
        if isinstance(mark, Exported)
    }
    return dict(sorted(marked.items(), key=lambda column: column[1].position))
