"""What visits are, without a database: the truth that the application is held against."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

CAPACITY = 2
SHARE = 50  # percent, of strangers
EARLY, LATE = timedelta(hours=2), timedelta(hours=3)
STAY, VISIT = timedelta(hours=14), timedelta(hours=1)
CORRECTABLE = timedelta(days=1)
UNDONE_FOR = timedelta(hours=24)
HOLDS_SEAT = {"pending", "verified"}
REMINDERS = range(9, 12)  # the hours in which reminders are sent

Mail = tuple[str, str, int]  # kind, recipient, and the SEQUENCE of its calendar file


def is_farewell(mail: Mail) -> bool:
    return mail[0] == "host_handed_over"


def is_to_visitor(mail: Mail) -> bool:
    return mail[0].startswith("visitor_")


def is_to_host(mail: Mail) -> bool:
    return not is_to_visitor(mail)


def slot_of(at: datetime) -> datetime:
    return at.replace(minute=0)


@dataclass(frozen=True)
class Act:
    """What was done to a visit, and when, with the visit as it was before."""

    kind: str  # in, walk_in, out, complete or cancel
    when: datetime
    revision: int
    status: str
    is_away: bool
    since: datetime | None
    assumed_gone: datetime | None
    at: datetime
    is_moved: bool

    @property
    def is_entry(self) -> bool:
        return self.kind in {"in", "walk_in"}

    @property
    def is_first_entry(self) -> bool:
        return self.is_entry and self.status not in {"verified", "completed"}


@dataclass
class Visit:
    """A visitor.

    `told` is the day of the last mail with the time of the visit, `revision` grows with each
    change of the calendar entry (RFC 5546).
    """

    email: str | None
    host: str | None
    at: datetime
    told: date
    by_stranger: bool = False
    status: str = "pending"
    revision: int = 0
    reminded: bool = False
    since: datetime | None = None
    """The last entry, or when an undo opened the stay again."""
    is_away: bool = False
    assumed_gone: datetime | None = None
    is_moved: bool = False
    never_came: bool = False
    """Whether the entry of a walk-in was undone."""
    acts: list[Act] = field(default_factory=list)
    """The acts that stand."""
    waiting: list[tuple[Mail, datetime]] = field(default_factory=list)
    """Mails, and from when on each is pointless."""
    sent: list[Mail] = field(default_factory=list)
    dropped: list[Mail] = field(default_factory=list)

    @property
    def slot(self) -> datetime:
        return slot_of(self.at)

    @property
    def holds_seat(self) -> bool:
        return self.status in HOLDS_SEAT

    @property
    def as_logged(self) -> str:
        """Return the status that the log tells of."""
        if self.never_came:
            return "pending"
        return "completed" if self.is_away else self.status

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
        if to_visitor and self.email:
            self.waiting.append(((f"visitor_{event}", self.email, self.revision), over))
        if to_host and self.host:
            self.waiting.append(((f"host_{event}", self.host, self.revision), over))

    def addressed(self, mail: Mail) -> Mail:
        """Return a mail as it leaves: to the visitor's mailbox as it is by then."""
        kind, recipient, sequence = mail
        return (kind, (self.email or "") if is_to_visitor(mail) else recipient, sequence)

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
    re_entry: bool = False
    visits: dict[str, Visit] = field(default_factory=dict)
    raised: dict[datetime, int] = field(default_factory=dict)
    """Seats that overrides added, by slot."""

    def capacity(self, slot: datetime) -> int:
        return CAPACITY + self.raised.get(slot, 0)

    def share(self, slot: datetime) -> int:
        """Return the seats for strangers, who may be above it after an override."""
        return -(-self.capacity(slot) * SHARE // 100)

    def booked(self, slot: datetime) -> int:
        return sum(visit.holds_seat and visit.slot == slot for visit in self.visits.values())

    def of_strangers(self, slot: datetime) -> int:
        """Return the seats that they have."""
        theirs = [visit for visit in self.visits.values() if visit.by_stranger]
        return sum(visit.holds_seat and visit.slot == slot for visit in theirs)

    def can_book(self, at: datetime, seats: int = 1, *, by_stranger: bool = False) -> bool:
        return at >= self.now and self.has_seats(at, seats, by_stranger=by_stranger)

    def has_seats(self, at: datetime, seats: int = 1, *, by_stranger: bool = False) -> bool:
        slot = slot_of(at)
        has_share = not by_stranger or self.of_strangers(slot) + seats <= self.share(slot)
        return has_share and self.booked(slot) + seats <= self.capacity(slot)

    def add_seat(self, at: datetime) -> None:
        slot = slot_of(at)
        self.raised[slot] = self.raised.get(slot, 0) + 1

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
        own = visit.holds_seat and visit.slot == slot_of(at)
        seats = 0 if own else 1
        is_free = at == visit.at or self.can_book(at, seats, by_stranger=visit.by_stranger)
        return visit.status == "pending" and is_free

    def move(self, visit: Visit, at: datetime) -> None:
        if at == visit.at:
            return
        visit.drop()
        visit.at, visit.told, visit.reminded = at, self.now.date(), False
        visit.is_moved = True
        visit.revision += 1
        visit.mail("rescheduled")

    def cancel(self, visit: Visit) -> None:
        self._note(visit, "cancel")
        visit.status = "cancelled"
        visit.revision += 1
        visit.drop()
        visit.mail("cancelled")

    def can_enter(self, visit: Visit) -> bool:
        is_expected = visit.status == "pending" and visit.at - EARLY <= self.now
        return (is_expected or visit.is_away) and self.now < visit.closes

    def enter(self, visit: Visit) -> None:
        self._note(visit, "in")
        self._come_in(visit)

    def _come_in(self, visit: Visit) -> None:
        if not visit.is_away:
            visit.mail("arrival", to_visitor=False)
        visit.status, visit.is_away, visit.assumed_gone = "verified", False, None
        visit.since = self.now

    def walk_in(self, id_: str, email: str, host: str) -> None:
        visit = self.visits[id_] = Visit(email, host, self.now, self.now.date())
        visit.mail("confirmation", to_host=False)
        self._note(visit, "walk_in")
        self._come_in(visit)

    def refusals(self, visit: Visit) -> list[str]:
        """Return the codes of all that refuses an entry now, in the order of decision."""
        codes = self._against_entry(visit)
        at = self._seat_after(visit, codes)
        if at is not None and not self.has_seats(at, by_stranger=visit.by_stranger):
            codes.append("slot_full")
        return codes

    def _against_entry(self, visit: Visit) -> list[str]:
        if self.is_inside(visit):
            return ["already_inside"]
        if visit.is_away:
            return ["already_completed"] if self.now >= visit.closes else []
        if visit.status in {"completed", "expired"}:
            return ["already_completed" if visit.status == "completed" else "expired"]
        ended = ["cancelled"] if visit.status == "cancelled" else []
        if self.now >= visit.closes:
            return [*ended, "expired"]
        if self.now >= visit.at - EARLY:
            return ended
        return [*ended, "too_early" if self.now.date() == visit.at.date() else "wrong_day"]

    def _seat_after(self, visit: Visit, codes: list[str]) -> datetime | None:
        """Return the time whose seat an override needs; None if the visitor has it."""
        if not {*codes} & {"wrong_day", "expired", "already_completed"} or "cancelled" in codes:
            return None
        if "already_completed" in codes and self._is_of_today(visit):
            return None if visit.holds_seat else visit.at
        return self.now

    def _is_of_today(self, visit: Visit) -> bool:
        is_same_day = self.now.date() == visit.at.date()
        return is_same_day or visit.at - EARLY <= self.now < visit.closes

    def override(self, visit: Visit, codes: list[str]) -> None:
        """Admit against all that refuses."""
        self._note(visit, "in")
        at = self._seat_after(visit, codes)
        if at is not None:
            if "slot_full" in codes:
                self.add_seat(at)
            if at != visit.at:
                visit.drop()
                visit.at, visit.is_moved = at, True
                visit.revision += 1
        visit.is_away = visit.is_away or visit.status == "completed"
        self._come_in(visit)

    def can_leave(self, visit: Visit) -> bool:
        """Return whether a gate lets the visitor out, also after a forgotten stay was closed."""
        gone = visit.assumed_gone
        is_news = gone is not None and self.now <= gone + CORRECTABLE
        return self.is_inside(visit) or is_news

    def is_inside(self, visit: Visit) -> bool:
        return visit.status == "verified" and not visit.is_away

    def leave(self, visit: Visit) -> None:
        self._note(visit, "out")
        visit.assumed_gone = None
        if self.is_inside(visit):
            self._go_out(visit)

    def _go_out(self, visit: Visit) -> None:
        if self._may_return(visit):
            visit.is_away = True
        else:
            self._end(visit)

    def _may_return(self, visit: Visit) -> bool:
        return self.re_entry and self.now < visit.closes

    def complete(self, visit: Visit) -> None:
        self._note(visit, "complete")
        self._end(visit)

    def _end(self, visit: Visit) -> None:
        visit.status, visit.is_away = "completed", False
        visit.drop()

    def _note(self, visit: Visit, kind: str) -> None:
        was = (visit.status, visit.is_away, visit.since, visit.assumed_gone)
        booked = (visit.at, visit.is_moved)
        visit.acts.append(Act(kind, self.now, visit.revision, *was, *booked))

    def refusal_of_undo(self, visit: Visit) -> str | None:
        """Return why nobody undoes what was last done to a visit; None if an admin does."""
        if not visit.acts or visit.status == "expired":
            return "nothing_to_undo"
        act = visit.acts[-1]
        if self.now > act.when + UNDONE_FOR:
            return "undo_expired"
        return None if self._has_seat_after_undo(visit, act) else "seat_gone"

    def _has_seat_after_undo(self, visit: Visit, act: Act) -> bool:
        at = act.at if act.is_entry else visit.at
        has_it = visit.holds_seat and visit.slot == slot_of(at)
        needs_none = act.is_entry and act.status not in HOLDS_SEAT
        return has_it or needs_none or self.has_seats(at, by_stranger=visit.by_stranger)

    def undo(self, visit: Visit) -> None:
        act = visit.acts.pop()
        if act.is_entry:
            self._take_back_entry(visit, act)
        elif act.kind == "cancel":
            self._expect_again(visit)
        elif act.kind == "complete" and act.is_away:
            visit.status, visit.is_away = "verified", True
        else:
            visit.status, visit.is_away = "verified", False
            visit.since, visit.assumed_gone = self.now, None
            while not visit.acts[-1].is_entry:  # corrected by this one
                visit.acts.pop()

    def _expect_again(self, visit: Visit) -> None:
        visit.status, visit.told = "pending", self.now.date()
        visit.revision += 1
        visit.drop()
        visit.mail("confirmation", to_host=False)
        visit.mail("registration", to_visitor=False)

    def _take_back_entry(self, visit: Visit, act: Act) -> None:
        """Have the visit as it was before, but for a walk-in, which is cancelled."""
        visit.revision += 1
        if act.is_first_entry:
            self._withdraw(visit, act)
        visit.status, visit.is_away = act.status, act.is_away
        visit.since, visit.assumed_gone = act.since, act.assumed_gone
        visit.at, visit.is_moved = act.at, act.is_moved
        if act.kind == "walk_in":
            visit.status, visit.never_came = "cancelled", True
            visit.drop(is_to_visitor)
            visit.mail("cancelled", to_host=False)

    def _withdraw(self, visit: Visit, act: Act) -> None:
        """Drop the mail about an arrival; if it has left, tell the host."""
        visit.drop(lambda mail: mail[0] == "host_arrival")
        if any(kind == "host_arrival" and of >= act.revision for kind, _, of in visit.sent):
            visit.mail("arrival_withdrawn", to_visitor=False)

    def confirm_again(self, visit: Visit) -> None:
        visit.told = self.now.date()
        visit.revision += 1
        visit.mail("confirmation", to_host=False)

    def replace_code(self, visit: Visit) -> None:
        visit.drop(is_to_visitor)
        if visit.email:
            self.confirm_again(visit)

    def change_address(self, visit: Visit, email: str | None) -> None:
        visit.email = email
        if visit.holds_seat or email is None:
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
            elif self.is_inside(visit) and visit.since is not None:
                ends = max(visit.since + STAY, visit.at + VISIT)
                if self.now >= ends:
                    self._note(visit, "out" if self._may_return(visit) else "complete")
                    visit.assumed_gone = ends
                    self._go_out(visit)
            elif visit.is_away and self.now >= visit.closes:
                self.complete(visit)

    def remind(self) -> None:
        for visit in self.visits.values():
            tomorrow = visit.at.date() == self.now.date() + timedelta(days=1)
            due = visit.status == "pending" and tomorrow and visit.told < self.now.date()
            if due and visit.email and not visit.reminded and self.now.hour in REMINDERS:
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
