"""The columns of the export, in their documented order. Pure."""

from dataclasses import dataclass, replace
from datetime import date, datetime, time
from enum import Enum, auto
from typing import get_args

from app.visitors.exported import Exported, exported
from app.visitors.schemas import ExportedVisitor


class Kind(Enum):
    TEXT = auto()
    WORD = auto()
    """Text that repeats in many rows."""
    DATE = auto()
    TIME = auto()
    NUMBER = auto()
    INSTANT = auto()
    """An instant in UTC."""
    LOCAL = auto()
    """An instant in the time of a site."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column; the width is in characters."""

    title: str
    width: int
    kind: Kind


KINDS = {date: Kind.DATE, time: Kind.TIME, datetime: Kind.LOCAL, int: Kind.NUMBER}


def _column(field: str, mark: Exported) -> Column:
    annotation = ExportedVisitor.model_fields[field].annotation
    kinds = [KINDS[type_] for type_ in (annotation, *get_args(annotation)) if type_ in KINDS]
    text = Kind.WORD if mark.repeats else Kind.TEXT
    return Column(mark.title, mark.width, kinds[0] if kinds else text)


COLUMNS = tuple(_column(field, mark) for field, mark in exported(ExportedVisitor).items())
IN_UTC = tuple(
    replace(column, kind=Kind.INSTANT) if column.kind is Kind.LOCAL else column
    for column in COLUMNS
)
