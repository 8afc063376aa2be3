"""The report of a muster: a workbook, and what is on paper. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.core.languages import Language, translatable, translations
from app.musters.models import Confidence, MarkState, Muster, MusterKind
from app.musters.schemas import Counts
from app.reports.columns import Column, Kind
from app.reports.workbook import Workbook

COLUMNS = {
    "name": Column(translatable("Name"), 28, Kind.TEXT),
    "company": Column(translatable("Company"), 24, Kind.WORD),
    "host_name": Column(translatable("Host"), 24, Kind.WORD),
    "host_phone": Column(translatable("Host phone"), 18, Kind.WORD),
    "gate": Column(translatable("Gate"), 16, Kind.WORD),
    "in_at": Column(translatable("Came in"), 18, Kind.LOCAL),
    "confidence": Column(translatable("On the roster as"), 16, Kind.WORD),
    "state": Column(translatable("State"), 14, Kind.WORD),
    "marked_at": Column(translatable("Marked at"), 18, Kind.LOCAL),
    "marked_by": Column(translatable("Marked by"), 24, Kind.WORD),
    "is_late": Column(translatable("After the end"), 14, Kind.WORD),
    "note": Column(translatable("Note"), 40, Kind.TEXT),
}
WORDS = {
    Confidence.INSIDE: translatable("inside"),
    Confidence.AWAY: translatable("away"),
    Confidence.UNCONFIRMED: translatable("unconfirmed"),
    Confidence.ADDED: translatable("added"),
    MarkState.UNKNOWN: translatable("unknown"),
    MarkState.SAFE: translatable("safe"),
    MarkState.NEEDS_HELP: translatable("needs help"),
    MarkState.MISSING: translatable("missing"),
    MarkState.LEFT_EARLIER: translatable("left earlier"),
}
NAMED_BY_WORDS = ("confidence", "state")
TITLES = {
    MusterKind.DRILL: translatable("Drill, {site}, times in {timezone}"),
    MusterKind.REAL: translatable("Evacuation, {site}, times in {timezone}"),
}

Entries = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom a report is: in the language and the time of the site."""

    language: Language
    timezone: str
    phones: bool
    """Without, it has no column of them."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def says(self, text: str, **facts: object) -> str:
        return translations(self.language).gettext(text).format(**facts)

    def columns(self) -> dict[str, Column]:
        return {
            name: replace(column, title=self.says(column.title))
            for name, column in COLUMNS.items()
            if self.phones or name != "host_phone"
        }


def workbook_of(entries: Entries, reader: Reader) -> bytes:
    """Return the workbook."""
    shown = reader.columns()
    workbook = Workbook(list(shown.values()), title=reader.says(translatable("Muster")))
    try:
        head = workbook.head()
        rows = workbook.rows(_rows(entries, list(shown), reader))
        return head + rows + workbook.tail()
    finally:
        workbook.close()


def paper_of(muster: Muster, entries: Entries, site_name: str, reader: Reader) -> dict[str, Any]:
    """Return what the template `muster.typ` reads."""
    shown, zone = reader.columns(), reader.zone
    counts = Counts.of(Counter(entry["state"] for entry in entries))
    return {
        "title": reader.says(TITLES[muster.kind], site=site_name, timezone=reader.timezone),
        "lines": [
            _course(muster, reader),
            reader.says(_SUMMED, **counts.model_dump()),
            *([muster.note] if muster.note else []),
        ],
        "head": [column.title for column in shown.values()],
        "widths": [column.width for column in shown.values()],
        "rows": [
            [_written(value, zone) for value in row] for row in _rows(entries, list(shown), reader)
        ],
    }


_SUMMED = translatable(
    "{total} people: {unaccounted} unaccounted for, {safe} safe, {needs_help} need help,"
    " {missing} missing, {left_earlier} left earlier."
)


def _course(muster: Muster, reader: Reader) -> str:
    """Return when the muster began and ended, and who began it."""
    zone = reader.zone
    facts = {"start": _written(muster.started_at, zone), "name": muster.started_by}
    if muster.ended_at is None:
        return reader.says(translatable("Started {start} by {name}. Still open."), **facts)
    ended = translatable("Started {start} by {name}. Ended {end}.")
    return reader.says(ended, **facts, end=_written(muster.ended_at, zone))


def _written(value: Any, zone: ZoneInfo) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%Y-%m-%d %H:%M}"
    return "" if value is None else str(value)


def _rows(entries: Entries, names: Sequence[str], reader: Reader) -> Iterator[list[Any]]:
    words = {word.value: reader.says(text) for word, text in WORDS.items()}
    late = reader.says(translatable("late"))
    for entry in entries:
        said = {**entry} | {name: words[entry[name]] for name in NAMED_BY_WORDS}
        said |= {"is_late": late if entry["is_late"] else ""}
        yield [_shown(said[name], reader.zone) for name in names]


def _shown(value: Any, zone: ZoneInfo) -> Any:
    return value.astimezone(zone) if isinstance(value, datetime) else value
