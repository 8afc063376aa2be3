"""Demo visitors as rows for COPY."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from app.visitors.models import Purpose, VisitorStatus

FIRST_NAMES = (
    *("Ada", "Alan", "Barbara", "Blaise", "Carl", "Charles", "Dennis", "Donald", "Dorothy"),
    *("Edsger", "Emmy", "Frances", "Gottfried", "Grace", "Hedy", "Ivan", "Jean", "John", "Karen"),
    *("Kathleen", "Ken", "Leonhard", "Leslie", "Margaret", "Marie", "Mary", "Niklaus", "Radia"),
    *("Robin", "Rosalind", "Sofia", "Sophie", "Tim", "Tony", "Ursula", "Vera", "Wolfgang"),
)
BEGINNINGS = (
    *("Ash", "Beck", "Black", "Brook", "Clay", "Cold", "Dun", "East", "Fen", "Glen", "Green"),
    *("Hart", "Holm", "Kirk", "Lang", "Long", "Marsh", "New", "North", "Oak", "Red", "Stan"),
    *("West", "Wood"),
)
ENDINGS = (
    *("bourne", "bridge", "brook", "bury", "by", "combe", "cote", "dale", "den", "field", "ford"),
    *("gate", "ham", "hurst", "land", "ley", "low", "mere", "stead", "thorpe", "ton", "well"),
    "wick",
)
LAST_NAMES = tuple(beginning + ending for beginning in BEGINNINGS for ending in ENDINGS)
TRADES = ("Engines", "Instruments", "Logistics", "Optics", "Foods")
COMPANIES = tuple(f"{name} {trade} Ltd" for name in LAST_NAMES for trade in TRADES)

COLUMNS = [
    *("id", "site_id", "department_id", "slot_id", "host_id", "name", "email", "phone", "company"),
    *("visitor_type", "visitor_category", "purpose", "visit_date", "visit_time", "host_name"),
    *("host_email", "status", "qr_code", "revision", "is_rescheduled", "checked_in_at"),
    *("checked_in_gate", "checked_out_at", "checked_out_automatically", "created_at", "updated_at"),
]
Row = tuple[Any, ...]
CAME = {VisitorStatus.VERIFIED, VisitorStatus.COMPLETED}


@dataclass(frozen=True, slots=True)
class DemoHost:
    """A host; `id` is the account's, if any."""

    id: UUID | None
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class DemoVisit:
    site_id: UUID
    slot_id: UUID
    day: date
    at: time
    begins: datetime
    status: VisitorStatus
    code: str
    gate: str | None = None


class People:
    """Generates visitors, the same in every run except for ids, codes and dates.

    `example.com` accepts no mail (RFC 2606, RFC 7505).
    """

    def __init__(
        self, departments: Sequence[UUID], hosts: Sequence[DemoHost], now: datetime, seed: int = 1
    ) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - invents people, guards nothing
        self._departments = [*departments, None]
        self._hosts = hosts
        self._now = now
        self._purposes = [purpose.value for purpose in Purpose]

    def row(self, number: int, visit: DemoVisit) -> Row:
        """Return a visitor in the order of `COLUMNS`."""
        chance = self.chance.random
        first_name, last_name = self.one(FIRST_NAMES), self.one(LAST_NAMES)
        host = self.one(self._hosts)
        made = visit.begins - timedelta(1 + chance() * 28)
        if made > self._now:
            made = self._now - timedelta(chance() * 28)
        came = visit.status in CAME
        left = visit.begins + timedelta(minutes=5 + chance() * 180)
        left = max(visit.begins, min(left, self._now))
        return (
            _id_of(made, chance()),
            visit.site_id,
            self.one(self._departments),
            visit.slot_id,
            host.id,
            f"{first_name} {last_name}",
            f"{first_name}.{last_name}{number}@example.com".lower(),
            f"+49 30 {number:07}",
            self.one(COMPANIES),
            "professional" if chance() < 0.9 else "student",
            "industry" if chance() < 0.8 else "academic",
            self.one(self._purposes),
            visit.day,
            visit.at,
            host.name,
            host.email,
            visit.status.value,
            visit.code,
            0,
            False,
            visit.begins if came else None,
            visit.gate if came else None,
            left if visit.status is VisitorStatus.COMPLETED else None,
            False,
            made,
            self._changed(visit, made, left),
        )

    def one(self, choices: Sequence[Any]) -> Any:
        return choices[int(self.chance.random() * len(choices))]

    def _changed(self, visit: DemoVisit, made: datetime, left: datetime) -> datetime:
        by_status = {
            VisitorStatus.VERIFIED: visit.begins,
            VisitorStatus.COMPLETED: left,
            VisitorStatus.CANCELLED: made + (visit.begins - made) * self.chance.random(),
            VisitorStatus.EXPIRED: visit.begins + timedelta(hours=15),
        }
        return min(by_status.get(visit.status, made), self._now)


def _id_of(made: datetime, chance: float) -> UUID:
    """Return a UUID version 7 for an instant (RFC 9562)."""
    milliseconds = int(made.timestamp() * 1000)
    return UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62 | int(chance * (1 << 53)) << 9)
