"""What people who pass a gate do to an open muster. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.core.ids import new_id
from app.musters.merging import Mark, Standing, clamped, standing
from app.musters.models import Confidence, MarkState, Muster, MusterKind

KNOWN_BEFORE = timedelta(hours=12)
"""An entry that was longer before the start, and was not permitted, adds nobody."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Somebody who came in or went out; `by` is who saw it.

    A way in that was not permitted makes an entry `unconfirmed`. `since` is when somebody had come
    in of whom it turns out only now, `at`, that they are inside.
    """

    visitor_id: UUID
    site_id: UUID
    is_entry: bool
    at: datetime
    gate: str | None
    by: str
    is_permitted: bool = True
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class OpenMuster:
    """The open muster of a site."""

    id: UUID
    kind: MusterKind
    started_at: datetime

    @property
    def is_real(self) -> bool:
        return self.kind is MusterKind.REAL


@dataclass(slots=True)
class Rostered:
    """A visitor on a roster, with the marks so far; `revision` is that of the stored entry."""

    entry_id: UUID
    revision: int = 0
    marks: list[Mark] = field(default_factory=list)


@dataclass(slots=True)
class Followed:
    """What passages of one visitor change: an entry to be added, or marks of the one known."""

    muster_id: UUID
    visitor_id: UUID
    known: Rostered | None
    added: dict[str, Any] | None = None
    marks: list[Mark] = field(default_factory=list)

    @property
    def entry_id(self) -> UUID | None:
        if self.known is not None:
            return self.known.entry_id
        return None if self.added is None else self.added["id"]

    @property
    def on_roster(self) -> bool | None:
        """Return whether the visitor is on the roster already; None if nothing changes."""
        if self.added is not None:
            return False
        return True if self.marks else None

    @property
    def standing(self) -> Standing:
        return standing([*(self.known.marks if self.known else ()), *self.marks])


def follow(
    muster: OpenMuster,
    visitor_id: UUID,
    known: Rostered | None,
    passages: Sequence[Passage],
    now: datetime,
) -> Followed:
    """Return what passages of one visitor, in the order of their times, do to an open muster."""
    followed = Followed(muster.id, visitor_id, known)
    for passage in passages:
        if passage.is_entry:
            _come_in(followed, muster, passage, now)
        else:
            _go_out(followed, muster, passage, now)
    return followed


def was_emergency(musters: Iterable[Muster], at: datetime) -> bool:
    """Return whether a real muster was open at an instant."""
    return any(
        muster.real_since is not None
        and muster.real_since <= at
        and (muster.ended_at is None or at < muster.ended_at)
        for muster in musters
    )


def _come_in(followed: Followed, muster: OpenMuster, passage: Passage, now: datetime) -> None:
    if followed.entry_id is not None:
        if passage.at > muster.started_at:  # they are back
            followed.marks.append(_mark(muster, passage, MarkState.UNKNOWN, now))
    elif passage.is_permitted or passage.at >= muster.started_at - KNOWN_BEFORE:
        inside = Confidence.INSIDE if passage.is_permitted else Confidence.UNCONFIRMED
        followed.added = {
            "id": new_id(),
            "created_at": now,
            "muster_id": muster.id,
            "visitor_id": passage.visitor_id,
            "gate": passage.gate,
            "in_at": passage.since or passage.at,
            "confidence": inside,
        }


def _go_out(followed: Followed, muster: OpenMuster, passage: Passage, now: datetime) -> None:
    if followed.added is not None and passage.at < muster.started_at:
        followed.added = None
    elif followed.entry_id is not None:
        followed.marks.append(_mark(muster, passage, MarkState.LEFT_EARLIER, now))


def _mark(muster: OpenMuster, passage: Passage, state: MarkState, now: datetime) -> Mark:
    return Mark(
        id=new_id(),
        state=state,
        # What was seen is never ahead, so that whoever comes back stands as inside.
        marked_at=clamped(min(passage.at, now), muster.started_at, now),
        by=passage.by,
        is_exit=not passage.is_entry,
    )
