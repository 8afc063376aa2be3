"""The state that marks give a person, in whatever order they arrive. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.musters.models import ALARMS, MarkState

MOST_AHEAD = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark as stored; an exit has seen every alarm that was marked by then."""

    id: UUID
    state: MarkState
    marked_at: datetime
    by: str = ""
    seen: frozenset[UUID] = frozenset()
    note: str | None = None
    is_exit: bool = False
    is_late: bool = False

    @property
    def is_alarm(self) -> bool:
        return self.state in ALARMS

    @property
    def place(self) -> tuple[datetime, UUID]:
        return self.marked_at, self.id


@dataclass(frozen=True, slots=True)
class Standing:
    """What the marks of a person say: the one that decides, and the alarms that are not lifted."""

    mark: Mark | None
    alarms: tuple[UUID, ...] = ()


def standing(marks: Iterable[Mark]) -> Standing:
    """Let the latest alarm decide that is not lifted, or else the latest other mark."""
    known = {mark.id: mark for mark in marks}
    lifted = _lifted(known)
    alarms = [mark for mark in known.values() if mark.is_alarm and mark.id not in lifted]
    others = [mark for mark in known.values() if not mark.is_alarm]
    latest = max(alarms or others, key=lambda mark: mark.place, default=None)
    return Standing(latest, tuple(sorted(mark.id for mark in alarms)))


def clamped(marked_at: datetime, started_at: datetime, now: datetime) -> datetime:
    """Return the time of a mark, not before the start and at most five minutes ahead."""
    return max(started_at, min(marked_at, now + MOST_AHEAD))


def _lifted(known: Mapping[UUID, Mark]) -> set[UUID]:
    alarms = {id_ for id_, mark in known.items() if mark.is_alarm}
    if not alarms:
        return set()
    exits = [mark.marked_at for mark in known.values() if mark.is_exit]
    left_at = max(exits, default=None)
    names = {id_: mark.seen & known.keys() for id_, mark in known.items()}
    circle = _circles(names)
    by_name = {
        seen
        for id_, all_seen in names.items()
        for seen in all_seen & alarms
        if circle[seen] != circle[id_]
    }
    by_exit = {id_ for id_ in alarms if left_at is not None and known[id_].marked_at <= left_at}
    return by_name | by_exit


def _circles(names: Mapping[UUID, Collection[UUID]]) -> dict[UUID, UUID]:
    """Return one of the marks that name each other, even by way of others, for each mark.

    These are the strongly connected components (Kosaraju), in linear time, since a client may send
    anything.
    """
    order, visited = list[UUID](), set[UUID]()
    for id_ in names:
        order += _reached(id_, names, visited)
    named_by = defaultdict[UUID, list[UUID]](list)
    for id_, others in names.items():
        for other in others:
            named_by[other].append(id_)
    circle, visited = dict[UUID, UUID](), set[UUID]()
    for id_ in reversed(order):
        circle |= dict.fromkeys(_reached(id_, named_by, visited), id_)
    return circle


def _reached(
    start: UUID, edges: Mapping[UUID, Collection[UUID]], visited: set[UUID]
) -> Iterator[UUID]:
    """Yield what is reached from a mark and not yet visited, each after what it leads to."""
    if start in visited:
        return
    visited.add(start)
    path = [(start, iter(edges.get(start, ())))]
    while path:
        id_, ahead = path[-1]
        following = next((other for other in ahead if other not in visited), None)
        if following is None:
            path.pop()
            yield id_
        else:
            visited.add(following)
            path.append((following, iter(edges.get(following, ()))))
