import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import NamedTuple
from uuid import UUID

from app.bulk.columns import (
    COLUMNS,
    DEPARTMENT,
    EMAIL,
    NAME_PARTS,
    SITE,
    VISIT_DATE,
    VISIT_TIME,
    RowDetails,
)
from app.bulk.faults import RowFault
from app.bulk.rows import Candidate, ReadRows
from app.core.localtime import local_now
from app.core.text import account_key
from app.departments.models import Department
from app.sites.models import Site
from app.slots.errors import NEVER_BOOKABLE
from app.slots.keys import SlotKey
from app.slots.models import Slot
from app.slots.rules import SlotReason, is_open_at, refusal, shift_of
from app.visitors.batch import Place

VisitKey = tuple[str, str, SlotKey]
"""The identity of a visit: normalised address and name, and slot."""

ORDER = {column.title: place for place, column in enumerate((*NAME_PARTS, *COLUMNS))}


@dataclass(frozen=True, slots=True)
class Places:
    """The named sites and departments, and those of the other rows."""

    common: Place | None
    sites: Mapping[str, Place]
    departments: Mapping[str, Department]
    common_department: Department | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """A row to be booked; `slot` is None if site, day or time is unknown."""

    row: Candidate
    place: Place | None
    slot: SlotKey | None
    department: Department | None = None

    @property
    def key(self) -> VisitKey | None:
        if self.row.email is None or self.row.name is None or self.slot is None:
            return None
        return account_key(self.row.email), name_key(self.row.name), self.slot


class Ready(NamedTuple):
    """A row that can be booked, without its host."""

    number: int
    form: RowDetails
    site: Site
    slot: SlotKey
    department: Department | None


@dataclass(frozen=True, slots=True)
class Plan:
    """The visits of an upload, and their errors."""

    visits: Sequence[Visit]
    faults: list[RowFault] = field(default_factory=list)

    def wanted(self) -> Counter[SlotKey]:
        return Counter(visit.slot for visit in self.visits if visit.slot is not None)

    def sites(self) -> dict[UUID, Site]:
        return {place.site.id: place.site for v in self.visits if (place := v.place) is not None}

    def keyed(self) -> list[tuple[int, VisitKey]]:
        return [(v.row.number, key) for v in self.visits if (key := v.key) is not None]

    def ready(self) -> list[Ready]:
        return [
            Ready(v.row.number, v.row.visitor, v.place.site, v.slot, v.department)
            for v in self.visits
            if v.row.visitor is not None and v.place is not None and v.slot is not None
        ]


def name_key(name: str) -> str:
    """Return a key that is equal for all spellings of a name."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def plan(rows: ReadRows, places: Places, now: datetime, *, one_site: bool = False) -> Plan:
    """Return the visits and their errors; `one_site` allows no other site than the first."""
    made = Plan([_visit(row, places) for row in rows.candidates], list(rows.faults))
    for visit in made.visits:
        made.faults.extend(_unknown_names(visit.row, places))
        made.faults.extend(_time_faults(visit, now))
    made.faults.extend(_repeated(made.keyed()))
    if one_site:
        made.faults.extend(_elsewhere(made))
    return made


def _visit(row: Candidate, places: Places) -> Visit:
    place = places.common if row.site_name is None else places.sites.get(row.site_name)
    if place is None or row.day is None or row.at is None or _is_foreign(row, place):
        return Visit(row, place, None)
    slot = SlotKey.of(place.site.id, row.day, row.at)
    named = row.department_name
    department = places.common_department if named is None else places.departments.get(named)
    return Visit(row, place, slot, department)


def _is_foreign(row: Candidate, place: Place) -> bool:
    """Return whether the date format is not that of the site's language."""
    return row.date_in is not None and row.date_in is not place.site.language


def _unknown_names(row: Candidate, places: Places) -> Iterator[RowFault]:
    for column, name, known in (
        (SITE, row.site_name, places.sites),
        (DEPARTMENT, row.department_name, places.departments),
    ):
        if name is not None and name not in known:
            message = f"{column.title} “{name}” does not exist"
            yield RowFault(row.number, column.title, "unknown_value", message)


def _elsewhere(made: Plan) -> Iterator[RowFault]:
    sites = [(visit.row.number, visit.place.site) for visit in made.visits if visit.place]
    for number, site in sites:
        if site.id != sites[0][1].id:
            message = f"A group comes to one site: row {sites[0][0]} is at {sites[0][1].name}"
            yield RowFault(number, SITE.title, "other_site", message)


def _time_faults(visit: Visit, now: datetime) -> Iterator[RowFault]:
    row, place = visit.row, visit.place
    if place is None or row.day is None:
        return
    if _is_foreign(row, place):
        message = f"Write the date as {row.day}: this format is ambiguous at {place.site.name}"
        yield RowFault(row.number, VISIT_DATE.title, "invalid_date", message)
    elif row.at is not None:
        yield from _never_bookable(row.number, place, row.day, row.at, now)


def _never_bookable(
    number: int, place: Place, day: date, at: time, now: datetime
) -> Iterator[RowFault]:
    reason = refusal(place.site, day=day, at=at, closed=place.closed, now=now)
    if reason is not None:
        yield _not_bookable(number, reason, place.site, day, at, now)


def closed_meanwhile(made: Plan, slots: Sequence[Slot], now: datetime) -> Iterator[RowFault]:
    """Yield rows whose time was closed during the upload, by their locked slots."""
    closed = {slot.key: slot.closed_shifts for slot in slots}
    for visit in made.visits:
        day, at, place = visit.row.day, visit.row.at, visit.place
        if visit.slot is None or place is None or day is None or at is None:
            continue
        if shift_of(place.site, day, at) in closed.get(visit.slot, ()):
            yield _not_bookable(visit.row.number, SlotReason.CLOSED, place.site, day, at, now)


def _not_bookable(
    number: int, reason: SlotReason, site: Site, day: date, at: time, now: datetime
) -> RowFault:
    problem, column = NEVER_BOOKABLE[reason], _column_of(reason, site, day, at, now)
    return RowFault(number, column, problem.code, f"{problem.title}: {day} at {at:%H:%M}")


def _column_of(reason: SlotReason, site: Site, day: date, at: time, now: datetime) -> str:
    """Return the column to be changed, date or time."""
    if reason is SlotReason.CLOSED:
        return (VISIT_DATE if is_open_at(site, at) else VISIT_TIME).title
    today = local_now(now, site.timezone).date()
    return (VISIT_TIME if day == today else VISIT_DATE).title


def _repeated(keys: Sequence[tuple[int, VisitKey]]) -> Iterator[RowFault]:
    first: dict[VisitKey, int] = {}
    for number, key in keys:
        before = first.setdefault(key, number)
        if before != number:
            message = f"This visitor is already in row {before} for the same hour"
            yield RowFault(number, EMAIL.title, "duplicate", message)


def place_of(fault: RowFault) -> tuple[int, int]:
    return fault.row, ORDER.get(fault.column, -1)
