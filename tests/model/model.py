"""What visits are, without a database: the truth that the application is held against."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

CAPACITY = 2
EARLY, LATE = timedelta(hours=2), timedelta(hours=3)
STAY, VISIT = timedelta(hours=14), timedelta(hours=1)
CORRECTABLE = timedelta(days=1)
REMINDERS = range(9, 21)  # the hours in which they are sent

Mail = tuple[str, str, int]  # kind, recipient, and the SEQUENCE of its calendar file


@dataclass
class Visit:
    """A visitor; `told` is the day of the last mail with the time of the visit, `revision` grows
    with each change of the calendar entry (RFC 5546)."""

    email: str
    host: str | None
    at: datetime
    told: date
    status: str = "pending"
    revision: int = 0
    reminded: bool = False
    came: datetime | None = None
    assumed_gone: datetime | None = None
    waiting: list[tuple[Mail, datetime]] = field(default_factory=list)
    """Mails, and from when on each is pointless."""
    sent: list[Mail] = field(default_factory=list)
    dropped: list[Mail] = field(default_factory=list)

    @property
    def slot(self) -> datetime:
        return self.at.replace(minute=0)

    @property
    def holds_seat(self) -> bool:
        return self.status in {"pending", "verified"}

    @property
    def closes(self) -> datetime:
        """From when on nobody is admitted."""
        midnight = datetime.combine(self.at + timedelta(days=1), time(0), self.at.tzinfo)
        return max(midnight, self.at + LATE)

    def mail(self, event: str, *, to_visitor: bool = True, to_host: bool = True) -> None:
        over = self.closes
        if to_visitor:
            self.waiting.append(((f"visitor_{event}", self.email, self.revision), over))
        if to_host and self.host:
            self.waiting.append(((f"host_{event}", self.host, self.revision), over))

    def drop(self, to: str | None = None) -> None:
        """The mails that wait, or those of them to one address, are not true any more."""
        gone = [mail for mail in self.waiting if to in {None, mail[0][1]}]
        self.waiting = [mail for mail in self.waiting if mail not in gone]
        self.dropped += [mail for mail, _ in gone]


@dataclass
class Model:
    """All visits, by id. Each method does what it is named after, where `can_…` holds."""

    now: datetime
    visits: dict[str, Visit] = field(default_factory=dict)

    def booked(self, slot: datetime) -> int:
        return sum(visit.holds_seat and visit.slot == slot for visit in self.visits.values())

    def can_book(self, at: datetime, seats: int = 1) -> bool:
        return at >= self.now and self.booked(at.replace(minute=0)) + seats <= CAPACITY

    def register(self, id_: str, email: str, host: str | None, at: datetime) -> None:
        visit = self.visits[id_] = Visit(email, host, at, self.now.date())
        visit.mail("confirmation", to_host=False)
        if host:
            visit.mail("registration", to_visitor=False)

    def upload(self, ids: dict[str, str], host: str | None, at: datetime) -> None:
        for id_, email in ids.items():
            self.visits[id_] = Visit(email, host, at, self.now.date())
            self.visits[id_].mail("confirmation", to_host=False)

    def can_move(self, visit: Visit, at: datetime) -> bool:
        own = visit.holds_seat and visit.slot == at.replace(minute=0)
        is_free = at == visit.at or self.can_book(at, seats=0 if own else 1)
        return visit.status == "pending" and is_free

    def move(self, visit: Visit, at: datetime) -> None:
        if at == visit.at:
            return
        visit.drop()
        visit.at, visit.told, visit.reminded = at, self.now.date(), False
        visit.revision += 1
        visit.mail("rescheduled")

    def cancel(self, visit: Visit) -> None:
        visit.status = "cancelled"
        visit.revision += 1
        visit.drop()
        visit.mail("cancelled")

    def can_enter(self, visit: Visit) -> bool:
        return visit.status == "pending" and visit.at - EARLY <= self.now < visit.closes

    def enter(self, visit: Visit) -> None:
        visit.status, visit.came = "verified", self.now
        visit.mail("arrival", to_visitor=False)

    def can_leave(self, visit: Visit) -> bool:
        """Through a gate, that is: it also tells when a forgotten stay has really ended."""
        gone = visit.assumed_gone
        is_news = gone is not None and self.now <= gone + CORRECTABLE
        return visit.status == "verified" or is_news

    def leave(self, visit: Visit) -> None:
        visit.status, visit.assumed_gone = "completed", None

    def confirm_again(self, visit: Visit) -> None:
        visit.told = self.now.date()
        visit.mail("confirmation", to_host=False)

    def change_address(self, visit: Visit, email: str) -> None:
        before, visit.email = visit.email, email
        if visit.status == "pending":
            visit.drop(before)
            self.confirm_again(visit)

    def close(self) -> None:
        for visit in self.visits.values():
            if visit.status == "pending" and self.now >= visit.closes:
                visit.status = "expired"
            elif visit.status == "verified" and visit.came is not None:
                ends = max(visit.came + STAY, visit.at + VISIT)
                if self.now >= ends:
                    visit.status, visit.assumed_gone = "completed", ends

    def remind(self) -> None:
        for visit in self.visits.values():
            tomorrow = visit.at.date() == self.now.date() + timedelta(days=1)
            due = visit.status == "pending" and tomorrow and visit.told < self.now.date()
            if due and not visit.reminded and self.now.hour in REMINDERS:
                visit.reminded = True
                visit.mail("reminder", to_host=False)

    def deliver(self) -> None:
        for visit in self.visits.values():
            for mail, over in visit.waiting:
                (visit.sent if self.now < over else visit.dropped).append(mail)
            visit.waiting = []
