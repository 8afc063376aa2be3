"""What visits are, without a database: the truth that the application is held against."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

CAPACITY = 2
SHARE = 1  # of strangers
EARLY, LATE = timedelta(hours=2), timedelta(hours=3)
STAY, VISIT = timedelta(hours=14), timedelta(hours=1)
CORRECTABLE = timedelta(days=1)
REMINDERS = range(9, 12)  # the hours in which reminders are sent

Mail = tuple[str, str, int]  # kind, recipient, and the SEQUENCE of its calendar file


def is_farewell(mail: Mail) -> bool:
    return mail[0] == "host_handed_over"


def is_to_visitor(mail: Mail) -> bool:
    return mail[0].startswith("visitor_")


def is_to_host(mail: Mail) -> bool:
    return not is_to_visitor(mail)


@dataclass
class Visit:
    """A visitor.

    `told` is the day of the last mail with the time of the visit, `revision` grows with each
    change of the calendar entry (RFC 5546).
    """

    email: str
    host: str | None
    at: datetime
    told: date
    by_stranger: bool = False
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
        """Return the time from which nobody is admitted."""
        midnight = datetime.combine(self.at + timedelta(days=1), time(0), self.at.tzinfo)
        return max(midnight, self.at + LATE)

    def mail(
        self,
        event: str,
        *,
        to_visitor: bool = True,
        to_host: bool = True,
        by: datetime | None = None,
    ) -> None:
        over = by or self.closes
        if to_visitor:
            self.waiting.append(((f"visitor_{event}", self.email, self.revision), over))
        if to_host and self.host:
            self.waiting.append(((f"host_{event}", self.host, self.revision), over))

    def addressed(self, mail: Mail) -> Mail:
        """Return a mail as it leaves: to the visitor's mailbox as it is by then."""
        kind, recipient, sequence = mail
        return (kind, self.email if is_to_visitor(mail) else recipient, sequence)

    def say_farewell(self, former: str) -> None:
        self.waiting.append((("host_handed_over", former, self.revision), self.closes))

    def drop(self, which: Callable[[Mail], bool] = lambda _: True) -> None:
        """Drop the mails that wait and are not true any more; those of a former host stay so."""
        gone = [each for each in self.waiting if which(each[0]) and not is_farewell(each[0])]
        self._drop(gone)

    def take_back_farewell(self, host: str) -> None:
        """Take back what a host was told, as they have the visit again."""
        self._drop([each for each in self.waiting if is_farewell(each[0]) and each[0][1] == host])

    def _drop(self, gone: list[tuple[Mail, datetime]]) -> None:
        self.waiting = [each for each in self.waiting if each not in gone]
        self.dropped += [mail for mail, _ in gone]


@dataclass
class Model:
    """All visits, by id. Each method does what it is named after, where `can_…` holds."""

    now: datetime
    visits: dict[str, Visit] = field(default_factory=dict)

    def booked(self, slot: datetime) -> int:
        return sum(visit.holds_seat and visit.slot == slot for visit in self.visits.values())

    def of_strangers(self, slot: datetime) -> int:
        """Return the seats that they have."""
        theirs = [visit for visit in self.visits.values() if visit.by_stranger]
        return sum(visit.holds_seat and visit.slot == slot for visit in theirs)

    def can_book(self, at: datetime, seats: int = 1, *, by_stranger: bool = False) -> bool:
        slot = at.replace(minute=0)
        has_share = not by_stranger or self.of_strangers(slot) + seats <= SHARE
        return at >= self.now and has_share and self.booked(slot) + seats <= CAPACITY

    def register(
        self, id_: str, email: str, host: str | None, at: datetime, *, by_stranger: bool = False
    ) -> None:
        visit = self.visits[id_] = Visit(email, host, at, self.now.date(), by_stranger)
        visit.mail("confirmation", to_host=False)
        if host:
            visit.mail("registration", to_visitor=False)

    def upload(self, ids: dict[str, str], host: str | None, at: datetime) -> None:
        for id_, email in ids.items():
            self.visits[id_] = Visit(email, host, at, self.now.date())
            self.visits[id_].mail("confirmation", to_host=False)

    def can_move(self, visit: Visit, at: datetime) -> bool:
        own = visit.holds_seat and visit.slot == at.replace(minute=0)
        seats = 0 if own else 1
        is_free = at == visit.at or self.can_book(at, seats, by_stranger=visit.by_stranger)
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
        """Return whether a gate lets the visitor out, also after a forgotten stay was closed."""
        gone = visit.assumed_gone
        is_news = gone is not None and self.now <= gone + CORRECTABLE
        return visit.status == "verified" or is_news

    def leave(self, visit: Visit) -> None:
        visit.status, visit.assumed_gone = "completed", None
        visit.drop()

    def confirm_again(self, visit: Visit) -> None:
        visit.told = self.now.date()
        visit.revision += 1
        visit.mail("confirmation", to_host=False)

    def replace_code(self, visit: Visit) -> None:
        visit.drop(is_to_visitor)
        self.confirm_again(visit)

    def change_address(self, visit: Visit, email: str) -> None:
        visit.email = email
        if visit.holds_seat:
            self.replace_code(visit)

    def change_host(self, visit: Visit, host: str | None) -> None:
        former, visit.host = visit.host, host
        if former == host or not visit.holds_seat:
            return
        visit.drop(is_to_host)
        visit.revision += 1
        if host is not None:
            visit.take_back_farewell(host)
        visit.mail("registration", to_visitor=False)
        if former is not None:
            visit.say_farewell(former)

    def close(self) -> None:
        for visit in self.visits.values():
            if visit.status == "pending" and self.now >= visit.closes:
                visit.status = "expired"
                visit.drop()
            elif visit.status == "verified" and visit.came is not None:
                ends = max(visit.came + STAY, visit.at + VISIT)
                if self.now >= ends:
                    visit.status, visit.assumed_gone = "completed", ends
                    visit.drop()

    def remind(self) -> None:
        for visit in self.visits.values():
            tomorrow = visit.at.date() == self.now.date() + timedelta(days=1)
            due = visit.status == "pending" and tomorrow and visit.told < self.now.date()
            if due and not visit.reminded and self.now.hour in REMINDERS:
                visit.reminded = True
                noon = self.now.replace(hour=12, minute=0, second=0)
                visit.mail("reminder", to_host=False, by=noon)

    def deliver(self) -> None:
        for visit in self.visits.values():
            for mail, over in visit.waiting:
                if self.now < over:
                    visit.sent.append(visit.addressed(mail))
                else:
                    visit.dropped.append(mail)
            visit.waiting = []
