"""Which act on a visit can be undone, by whom, and how long.

The audit log is the record of acts: every road writes an entry in the transaction that changes the
visit, whose row is locked. What undoes one names it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Protocol
from uuid import UUID

from app.audit.models import VisitorAction
from app.auth.caller import Caller
from app.notifications.kinds import NotificationKind
from app.users.roles import rights_of
from app.visitors.errors import NothingToUndo, NotYourAct, UndoExpired
from app.visitors.models import Presence, VisitorStatus

OWN_ACT_FOR = timedelta(minutes=15)
ANY_ACT_FOR = timedelta(hours=24)

A, K = VisitorAction, NotificationKind
# What each act mails.
MAILED: dict[VisitorAction, frozenset[NotificationKind]] = {
    A.CHECKED_IN: frozenset({K.host_arrival}),
    A.CHECKED_OUT: frozenset(),
    A.CANCELLED: frozenset({K.visitor_cancelled, K.host_cancelled}),
    A.COMPLETED: frozenset(),
}
_ENDS = {A.CHECKED_OUT, A.COMPLETED}
# What led to where a visitor is; None is a visit that was cancelled.
_LED_TO: dict[Presence | None, set[VisitorAction]] = {
    Presence.INSIDE: {A.CHECKED_IN},
    Presence.AWAY: {A.CHECKED_OUT},
    Presence.LEFT: {A.CHECKED_OUT, A.COMPLETED},
    None: {A.CANCELLED},
}


class Entry(Protocol):
    """An entry of the audit log."""

    @property
    def id(self) -> UUID: ...
    @property
    def action(self) -> str: ...
    @property
    def actor_id(self) -> UUID | None: ...
    @property
    def actor_name(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def details(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Act:
    """An act that stands, with the entries that it followed, newest last."""

    entry: Entry
    before: Sequence[Entry]

    @property
    def action(self) -> VisitorAction:
        return VisitorAction(self.entry.action)

    @property
    def was_away(self) -> bool:
        """Return whether the visitor had gone out before the visit was completed."""
        previous = next((e for e in reversed(self.before) if e.action in MAILED), None)
        return (
            self.action is A.COMPLETED
            and previous is not None
            and previous.action == (A.CHECKED_OUT)
        )

    @property
    def was_over(self) -> bool:
        """Return whether a check-in overrode that the visit was over."""
        return "already_completed" in (self.entry.details.get("overridden") or ())

    @property
    def is_walk_in(self) -> bool:
        return bool(self.entry.details.get("walk_in"))

    @property
    def move(self) -> "Move | None":
        """Return how a check-in moved the visit."""
        last = self.before[-1] if self.before else None
        if self.action is not A.CHECKED_IN or last is None or not _is_of_entry(last):
            return None
        day, _, at = last.details["before"].partition(" ")
        return Move(
            day=date.fromisoformat(day),
            at=time.fromisoformat(at),
            was=VisitorStatus(last.details["was"]),
            is_first=all(entry.action != A.RESCHEDULED for entry in self.before[:-1]),
        )


@dataclass(frozen=True, slots=True)
class Move:
    """The time and the status of a visit before a check-in moved it; `is_first` of its moves."""

    day: date
    at: time
    was: VisitorStatus
    is_first: bool


def _standing(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries that were not undone."""
    standing: list[Entry] = []
    for entry in entries:
        if entry.action == A.UNDONE:
            _take_back(standing, entry.details.get("entry"))
        else:
            standing.append(entry)
    return standing


def _take_back(standing: list[Entry], entry_id: str | None) -> None:
    """Remove an entry; a check-out takes those with it that it corrected, a check-in its move."""
    at = next((n for n, each in enumerate(standing) if str(each.id) == entry_id), None)
    if at is None:
        return
    action = standing.pop(at).action
    if action == A.CHECKED_OUT:
        entries = [n for n in range(at) if standing[n].action == A.CHECKED_IN]
        of_stay = slice(entries[-1] if entries else 0, at)
        standing[of_stay] = [each for each in standing[of_stay] if each.action not in _ENDS]
    elif action == A.CHECKED_IN and at and _is_of_entry(standing[at - 1]):
        del standing[at - 1]


def _is_of_entry(entry: Entry) -> bool:
    """Return whether an entry tells of a move by the check-in that follows."""
    return "was" in entry.details


def newest_act(presence: Presence | None, entries: Sequence[Entry]) -> Act:
    """Return the newest act that stands, which led to where the visitor is.

    That decides, since the clocks of two processes may differ. Raise `NothingToUndo`.
    """
    standing = _standing(entries)
    fitting = _LED_TO.get(presence, set())
    found = [n for n, entry in enumerate(standing) if entry.action in fitting]
    if not found:
        last = entries[-1] if entries else None
        was_undone = last is not None and last.action == A.UNDONE
        raise NothingToUndo(by=last.actor_name if last and was_undone else None)
    return Act(standing[found[-1]], standing[: found[-1]])


def done_by(presence: Presence | None, entries: Sequence[Entry]) -> str | None:
    """Return the name of whoever brought a visitor where they are, as far as that is known."""
    try:
        return newest_act(presence, entries).entry.actor_name
    except NothingToUndo:
        return None


def require_undoable(act: Act, caller: Caller, now: datetime) -> None:
    """Raise `NotYourAct` or `UndoExpired`."""
    if not rights_of(caller.role).undoes_all and act.entry.actor_id != caller.id:
        raise NotYourAct(by=act.entry.actor_name)
    if now > act.entry.created_at + undone_within(caller):
        raise UndoExpired


def undone_within(caller: Caller) -> timedelta:
    """Return how long a caller may undo acts, of their own or of everybody."""
    return ANY_ACT_FOR if rights_of(caller.role).undoes_all else OWN_ACT_FOR
