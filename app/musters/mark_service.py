import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.audit.models import AuditAction
from app.audit.repository import Actor, record
from app.core.db.database import WriteSession
from app.core.db.scope import Scope
from app.core.errors import NotFound
from app.core.ids import new_id
from app.musters.errors import PersonIdReused
from app.musters.mark_statements import (
    body_hashes,
    deciding_marks,
    lock_entries,
    mark_row,
    save_standings,
    store_marks,
)
from app.musters.merging import Mark, clamped, standing
from app.musters.models import Confidence, Muster
from app.musters.repository import MusterRepository
from app.musters.schemas import (
    Counts,
    MarkCreate,
    MarkOutcome,
    MarkResult,
    MarkResults,
    PersonCreate,
)
from app.musters.service import require_markable
from app.musters.statements import states


@dataclass(frozen=True, slots=True)
class MarkService:
    """Takes the marks of a warden, who is a user or has a link; `by` bears the name."""

    unit: WriteSession
    by: Actor
    scope: Scope
    now: datetime

    async def mark(self, muster_id: UUID, bodies: Sequence[MarkCreate]) -> MarkResults:
        """Store marks and what they say of people; raise `NotFound` or `MusterTransition`."""
        muster, is_late = await self._locked(muster_id)
        entries = await lock_entries(self.unit, muster.id, {body.entry for body in bodies})
        results = await self._taken(muster, bodies, entries, is_late=is_late)
        taken = sum(result.result is MarkOutcome.TAKEN for result in results)
        if taken:
            self._record(AuditAction.MUSTER_MARKED, muster, marks=taken)
        counts = Counts.of((await states(self.unit, [muster.id]))[muster.id])
        return MarkResults(results=results, counts=counts)

    async def add_person(self, muster_id: UUID, form: PersonCreate) -> UUID:
        """Add somebody to the roster unless they were added already; return the id of the entry.

        Raise `NotFound`, `MusterTransition` or `PersonIdReused`.
        """
        muster, is_late = await self._locked(muster_id)
        id_ = form.person_id or new_id()
        entry = {
            "id": id_,
            "muster_id": muster.id,
            "name": form.name,
            "company": form.company,
            "note": form.note,
            "confidence": Confidence.ADDED,
            "created_at": self.now,
        }
        musters = MusterRepository(self.unit)
        if not await musters.add_person(entry):
            await self._require_added(id_, muster)
            return id_
        if form.state is not None:
            body = MarkCreate(
                mark_id=id_, entry=id_, state=form.state, marked_at=form.marked_at or self.now
            )
            [mark] = await self._taken(muster, [body], {id_: None}, is_late=is_late)
            if mark.result is not MarkOutcome.TAKEN:  # of somebody else: the state would be lost
                raise PersonIdReused
        self._record(AuditAction.MUSTER_PERSON_ADDED, muster)
        return id_

    async def _locked(self, muster_id: UUID) -> tuple[Muster, bool]:
        musters = MusterRepository(self.unit)
        muster = await musters.lock_reached(muster_id, self.scope, shared=True)
        if muster is None:
            raise NotFound
        return muster, require_markable(muster, self.now)

    async def _require_added(self, entry_id: UUID, muster: Muster) -> None:
        earlier = await MusterRepository(self.unit).entry(entry_id)
        is_of_muster = earlier is not None and earlier.muster_id == muster.id
        if earlier is None or not is_of_muster or earlier.confidence is not Confidence.ADDED:
            raise PersonIdReused

    async def _taken(
        self,
        muster: Muster,
        bodies: Sequence[MarkCreate],
        entries: Mapping[UUID, UUID | None],
        *,
        is_late: bool,
    ) -> list[MarkResult]:
        """Store marks of locked entries; return the results."""
        hashes = [body_hash(body) for body in bodies]
        first: dict[UUID, tuple[MarkCreate, bytes]] = {}
        for body, hash_ in zip(bodies, hashes, strict=True):
            if body.entry in entries:
                first.setdefault(body.mark_id, (body, hash_))
        said = {id_: self._mark(muster, body, is_late=is_late) for id_, (body, _) in first.items()}
        rows = [
            mark_row(muster.id, body.entry, entries[body.entry], said[id_], self.now, hash_)
            for id_, (body, hash_) in first.items()
        ]
        marks = await deciding_marks(self.unit, {body.entry for body, _ in first.values()})
        new = await store_marks(self.unit, rows)
        for id_ in new:
            marks[first[id_][0].entry].append(said[id_])
        changed = {first[id_][0].entry for id_ in new}
        await save_standings(self.unit, {id_: standing(marks[id_]) for id_ in changed})
        stored = {id_: hash_ for id_, (_, hash_) in first.items()}
        if known := first.keys() - new:
            stored |= await body_hashes(self.unit, muster.id, known)
        return [
            _result(body, hash_, entries, stored, new)
            for body, hash_ in zip(bodies, hashes, strict=True)
        ]

    def _mark(self, muster: Muster, body: MarkCreate, *, is_late: bool) -> Mark:
        return Mark(
            id=body.mark_id,
            state=body.state,
            marked_at=clamped(body.marked_at, muster.started_at, self.now),
            by=self.by.name,
            seen=frozenset(body.seen),
            note=body.note,
            is_late=is_late,
        )

    def _record(self, action: AuditAction, muster: Muster, **details: Any) -> None:
        site = muster.site_id
        record(self.unit, action, muster.id, self.by, self.now, site=site, **details)


def body_hash(body: MarkCreate) -> bytes:
    """Hash everything that marks with the same `mark_id` must share."""
    seen = sorted(map(str, body.seen))
    said = (str(body.entry), body.state.value, body.marked_at.isoformat(), seen, body.note)
    return hashlib.sha256(repr(said).encode()).digest()


def _result(
    body: MarkCreate,
    hash_: bytes,
    entries: Collection[UUID],
    stored: Mapping[UUID, bytes],
    new: set[UUID],
) -> MarkResult:
    """Return the result of a mark; of equal ones in a request, the first is the new one."""
    if body.entry not in entries:
        return MarkResult(mark_id=body.mark_id, result=MarkOutcome.REFUSED, code="unknown_entry")
    if stored[body.mark_id] != hash_:
        return MarkResult(mark_id=body.mark_id, result=MarkOutcome.REFUSED, code="mark_id_reused")
    is_new = body.mark_id in new
    new.discard(body.mark_id)
    result = MarkOutcome.TAKEN if is_new else MarkOutcome.KNOWN
    return MarkResult(mark_id=body.mark_id, result=result)
