"""Rows of visitors for COPY: two years of visits, today included, in the order of registration."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from app.core.qr_token import QrTokens
from app.visitors.models import Purpose, VisitorStatus

PAST_DAYS, AHEAD_DAYS = 640, 90
DAYS = PAST_DAYS + AHEAD_DAYS
HOURS = range(9, 17)
NOON = 12
HOSTS = 200

FIRST_NAMES = (
    *("Ada", "Alan", "Barbara", "Blaise", "Carl", "Charles", "Dennis", "Donald", "Dorothy"),
    *("Edsger", "Emmy", "Frances", "Gottfried", "Grace", "Hedy", "Ivan", "Jean", "John", "Karen"),
    *("Kathleen", "Ken", "Leonhard", "Leslie", "Margaret", "Marie", "Mary", "Niklaus", "Radia"),
    *("Robin", "Rosalind", "Sofia", "Sophie", "Tim", "Tony", "Ursula", "Vera", "Wolfgang"),
)
BEGINNINGS = (
    *(
        "Ash",
        "Beck",
        "Black",
        "Brook",
        "Clay",
        "Cold",
        "Dun",
        "East",
        "Fen",
        "Glen",
        "Green",
        "Hart",
    ),
    *(
        "Holm",
        "Kirk",
        "Lang",
        "Long",
        "Marsh",
        "New",
        "North",
        "Oak",
        "Red",
        "Stan",
        "West",
        "Wood",
    ),
)
ENDINGS = (
    *("bourne", "bridge", "brook", "bury", "by", "combe", "cote", "dale", "den", "field", "ford"),
    *(
        "gate",
        "ham",
        "hurst",
        "land",
        "ley",
        "low",
        "mere",
        "stead",
        "thorpe",
        "ton",
        "well",
        "wick",
    ),
)
LAST_NAMES = tuple(beginning + ending for beginning in BEGINNINGS for ending in ENDINGS)
TRADES = ("Engines", "Instruments", "Logistics", "Optics", "Foods")
COMPANIES = tuple(f"{name} {trade} Ltd" for name in LAST_NAMES for trade in TRADES)

PAST = ("completed",) * 15 + ("expired",) * 2 + ("cancelled",) * 3
TODAY = ("completed",) * 3 + ("verified",) * 3 + ("pending",) * 4
AHEAD = ("pending",) * 9 + ("cancelled",)

COLUMNS = [
    *("id", "site_id", "department_id", "slot_id", "host_id", "name", "email", "phone", "company"),
    *("visitor_type", "visitor_category", "purpose", "visit_date", "visit_time", "host_name"),
    *("host_email", "status", "qr_code", "revision", "is_rescheduled", "checked_in_at"),
    *("checked_out_at", "checked_out_automatically", "created_at", "updated_at"),
]
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Places:
    """What visitors refer to; `host_id` is the account of the host number 0."""

    sites: Sequence[UUID]
    departments: Sequence[UUID]
    slots: dict[tuple[UUID, date, int], UUID]
    host_id: UUID


class People:
    """Makes visitors; the same ones in every run but for ids, codes and the calendar."""

    def __init__(self, places: Places, codes: QrTokens, now: datetime, today: date) -> None:
        self._places = places
        self._codes = codes
        self._now = now
        self._today = today
        self._chance = random.Random(1)
        self._purposes = [purpose.value for purpose in Purpose]

    def rows(self, count: int) -> Iterator[Row]:
        """Visitors 0 to `count`, spread evenly over all days."""
        chance, sites = self._chance.random, self._places.sites
        for number in range(count):
            day = self._today + timedelta(number * DAYS // count - PAST_DAYS)
            hour = HOURS[int(chance() * len(HOURS))]
            site = sites[int(chance() * len(sites))]
            # As long as a code and as random, but for a tenth of the time.
            code = f"V1{self._chance.getrandbits(160):040X}"
            yield self._row(number, site, day, hour, self._status(day), code)

    def of_day(self, numbers: range, site: UUID, day: date, status: VisitorStatus) -> Iterator[Row]:
        """Visitors of one hour in one status, with codes that gates take for genuine."""
        for number in numbers:
            yield self._row(number, site, day, NOON, status.value, self._codes.new())

    def _status(self, day: date) -> str:
        words = PAST if day < self._today else AHEAD if day > self._today else TODAY
        return words[int(self._chance.random() * len(words))]

    def _row(self, number: int, site: UUID, day: date, hour: int, status: str, code: str) -> Row:
        chance = self._chance.random
        first_name = FIRST_NAMES[int(chance() * len(FIRST_NAMES))]
        last_name = LAST_NAMES[int(chance() * len(LAST_NAMES))]
        host = int(chance() * HOSTS)
        begins = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
        made = min(begins - timedelta(1 + chance() * 28), self._now)
        has_come = status in {"completed", "verified"}
        return (
            _id_of(made, chance()),
            site,
            self._department(),
            self._places.slots[site, day, hour],
            None if host else self._places.host_id,
            f"{first_name} {last_name}",
            f"{first_name}.{last_name}{number}@example.com",
            f"+49 30 {number:07}",
            COMPANIES[int(chance() * len(COMPANIES))],
            "professional",
            "industry",
            self._purposes[int(chance() * len(self._purposes))],
            day,
            time(hour, 15 * int(chance() * 4)),
            f"Host Number {host}",
            f"host{host}@example.com",
            status,
            code,
            0,
            False,
            begins if has_come else None,
            begins + timedelta(minutes=5 + chance() * 180) if status == "completed" else None,
            False,
            made,
            begins if has_come else made,
        )

    def _department(self) -> UUID | None:
        departments = self._places.departments
        chosen = int(self._chance.random() * (len(departments) + 1))
        return departments[chosen] if chosen < len(departments) else None


def _id_of(made: datetime, chance: float) -> UUID:
    """A UUID version 7 of that instant (RFC 9562), as the row would have got it."""
    milliseconds = int(made.timestamp() * 1000)
    return UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62 | int(chance * (1 << 53)) << 9)
