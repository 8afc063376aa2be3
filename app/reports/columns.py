"""The columns of the export, in their documented order. Pure."""

from dataclasses import dataclass
from datetime import date, datetime, time
from enum import Enum, auto
from typing import get_args

from app.visitors.exported import Exported, exported
from app.visitors.schemas import Visitor


class Kind(Enum):
    TEXT = auto()
    WORD = auto()
    """Text that repeats in many rows."""
    DATE = auto()
    TIME = auto()
    INSTANT = auto()


@dataclass(frozen=True, slots=True)
class Column:
    """A column; the width is in characters."""

    title: str
    width: int
    kind: Kind


KINDS = {date: Kind.DATE, time: Kind.TIME, datetime: Kind.INSTANT}


def _column(field: str, mark: Exported) -> Column:
    annotation = Visitor.model_fields[field].annotation
    kinds = [KINDS[type_] for type_ in (annotation, *get_args(annotation)) if type_ in KINDS]
    text = Kind.WORD if mark.repeats else Kind.TEXT
    return Column(mark.title, mark.width, kinds[0] if kinds else text)


COLUMNS = tuple(_column(field, mark) for field, mark in exported(Visitor).items())
