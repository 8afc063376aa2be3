"""Keep rosters up with those who come in and go out, in units of work of several statements."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.audit.repository import Actor
from app.core.db.database import WriteSession
from app.events.models import PendingEvent
from app.musters.mark_statements import save_standings, store_marks
from app.musters.models import Muster, MusterStatus
from app.musters.passages import (
    Followed,
    OpenMuster,
    Passage,
    follow,
    was_emergency,
)
from app.musters.repository import MusterRepository
from app.musters.statements import add_entries, lock_rostered, mark_rows
from app.musters.telling import event_of


@dataclass(frozen=True, slots=True)
class SiteMusters:
    """The musters of some sites at which none begins before the end of the unit of work."""

    by_site: Mapping[UUID, Sequence[Muster]]

    def is_emergency(self, site_id: UUID, at: datetime) -> bool:
        """Return whether all ways in were closed at an instant."""
        return was_emergency(self.by_site.get(site_id, ()), at)

    def open_at(self, site_id: UUID) -> OpenMuster | None:
        for muster in self.by_site.get(site_id, ()):
            if muster.status is MusterStatus.OPEN:
                return OpenMuster(muster.id, muster.kind, muster.started_at)
        return None


class PassageService:
    def __init__(self, unit: WriteSession, by: Actor, now: datetime) -> None:
        self.unit = unit
        self.by = by
        self.now = now

    async def musters(self, site_ids: Collection[UUID], since: datetime) -> SiteMusters:
        """Return musters that are open, and real ones that ended after `since`.

        A start meanwhile waits for the end of this unit, and finds what it writes.
        """
        musters = MusterRepository(self.unit)
        await musters.hold_sites(site_ids)
        by_site = defaultdict[UUID, list[Muster]](list)
        for muster in await musters.lately_at(site_ids, since):
            by_site[muster.site_id].append(muster)
        return SiteMusters(by_site)

    async def follow(self, passages: Iterable[Passage], musters: SiteMusters) -> None:
        """Add those who came in to the rosters, and mark those who went out."""
        by_site = defaultdict[UUID, list[Passage]](list)
        for passage in sorted(passages, key=lambda each: each.at):
            by_site[passage.site_id].append(passage)
        for site_id, of_site in sorted(by_site.items()):
            if muster := musters.open_at(site_id):
                await self._follow(muster, of_site)

    async def _follow(self, muster: OpenMuster, passages: Sequence[Passage]) -> None:
        by_visitor = defaultdict[UUID, list[Passage]](list)
        for passage in passages:
            by_visitor[passage.visitor_id].append(passage)
        known = await lock_rostered(self.unit, muster.id, by_visitor)
        followed = [
            follow(muster, visitor_id, known.get(visitor_id), of_visitor, self.now)
            for visitor_id, of_visitor in by_visitor.items()
        ]
        await self._save(followed)
        changed = next((each for each in followed if each.on_roster is not None), None)
        if changed is not None:
            told = event_of(changed, passages[0].site_id, self.by, self.now)
            self.unit.append(PendingEvent, told)

    async def _save(self, followed: Sequence[Followed]) -> None:
        if added := [each.added for each in followed if each.added is not None]:
            await add_entries(self.unit, added)
        marked = [each for each in followed if each.marks]
        if marked:
            rows = [row for each in marked for row in mark_rows(each, self.now)]
            await store_marks(self.unit, rows)
            standings = {each.entry_id: each.standing for each in marked if each.entry_id}
            await save_standings(self.unit, standings)
