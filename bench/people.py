"""Visitors for measurements: two years of visits, in order of registration."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from app.core.security.qr_token import QrTokens
from app.visitors.models import VisitorStatus
from devserver.demo.people import DemoHost, DemoVisit, People, Row

PAST_DAYS, AHEAD_DAYS = 640, 90
DAYS = PAST_DAYS + AHEAD_DAYS
HOURS = range(9, 17)
NOON = 12
HOSTS = 200

PENDING, VERIFIED = VisitorStatus.PENDING, VisitorStatus.VERIFIED
COMPLETED, CANCELLED = VisitorStatus.COMPLETED, VisitorStatus.CANCELLED
PAST = (COMPLETED,) * 15 + (VisitorStatus.EXPIRED,) * 2 + (CANCELLED,) * 3
TODAY = (COMPLETED,) * 3 + (VERIFIED,) * 3 + (PENDING,) * 4
AHEAD = (PENDING,) * 9 + (CANCELLED,)


@dataclass(frozen=True)
class Places:
    """The sites, departments and slots of visitors; `host_id` is the account of host 0."""

    sites: Sequence[UUID]
    departments: Sequence[UUID]
    slots: dict[tuple[UUID, date, int], UUID]
    host_id: UUID


class Crowd:
    """Visitors, distributed evenly over sites, days and hours."""

    def __init__(self, places: Places, codes: QrTokens, now: datetime, today: date) -> None:
        hosts = [_host(number, places.host_id) for number in range(HOSTS)]
        self._people = People(places.departments, hosts, now)
        self._places = places
        self._codes = codes
        self._today = today

    def rows(self, count: int) -> Iterator[Row]:
        one, chance = self._people.one, self._people.chance
        for number in range(count):
            day = self._today + timedelta(number * DAYS // count - PAST_DAYS)
            hour, site = one(HOURS), one(self._places.sites)
            # As random as a QR token, but ten times as fast to make.
            code = f"V1{chance.getrandbits(160):040X}"
            yield self._row(number, site, day, hour, self._status(day), code)

    def of_day(self, numbers: range, site: UUID, day: date, status: VisitorStatus) -> Iterator[Row]:
        """Yield visitors of one hour with genuine QR tokens."""
        for number in numbers:
            yield self._row(number, site, day, NOON, status, self._codes.new())

    def _status(self, day: date) -> VisitorStatus:
        words = PAST if day < self._today else AHEAD if day > self._today else TODAY
        status: VisitorStatus = self._people.one(words)
        return status

    def _row(
        self, number: int, site: UUID, day: date, hour: int, status: VisitorStatus, code: str
    ) -> Row:
        slot = self._places.slots[site, day, hour]
        at = time(hour, self._people.one((0, 15, 30, 45)))
        begins = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
        visit = DemoVisit(site, slot, day, at, begins, status, code, gate="North")
        return self._people.row(number, visit)


def _host(number: int, account: UUID) -> DemoHost:
    name, email = f"DemoHost Number {number}", f"host{number}@example.com"
    return DemoHost(None if number else account, name, email)
