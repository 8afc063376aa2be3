from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    delete,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from app.core.db.database import ReadSession
from app.core.db.models import Entity
from app.core.db.personal import erasure
from app.core.db.prepared import Query
from app.core.db.repository import ReadRepository, Repository
from app.core.db.scope import Scope
from app.core.http.pagination import Ordering, PageRequest, paginate
from app.musters.models import (
    Muster,
    MusterEntry,
    MusterKind,
    MusterLink,
    MusterMark,
    MusterStatus,
)
from app.musters.passages import OpenMuster
from app.sites.models import Site

NEWEST_FIRST = Ordering("-musters", (Muster.created_at, Muster.id), descending=True)


def open_at(site_id: Any) -> ColumnElement[bool]:
    """Select the open muster of a site; a literal, since a parameter could not use the index."""
    return and_(Muster.site_id == site_id, Muster.status == literal_column("'open'"))


_OPEN = Query(
    select(Site.muster_version, Muster.id, Muster.kind, Muster.started_at)
    .outerjoin(Muster, open_at(Site.id))
    .where(Site.id == bindparam("site_id"))
)


async def open_muster(session: ReadSession, site_id: UUID) -> tuple[int, OpenMuster | None]:
    """Return the version of a site's musters, and the open one."""
    row = await session.row(_OPEN, site_id=site_id)
    if row is None:
        raise LookupError("the site is gone")
    version, id_, kind, started_at = row
    return version, OpenMuster(id_, MusterKind(kind), started_at) if id_ else None


@dataclass(frozen=True, slots=True, kw_only=True)
class MusterFilter:
    """Filters of the list of musters; None does not filter."""

    site: UUID | None = None
    status: MusterStatus | None = None
    kind: MusterKind | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        given = (
            (Muster.site_id, self.site),
            (Muster.status, self.status),
            (Muster.kind, self.kind),
        )
        return [column == value for column, value in given if value is not None]


class MusterReader(ReadRepository[Muster]):
    model = Muster

    async def reached(self, muster_id: UUID, scope: Scope) -> Muster | None:
        """Return a muster of a site in scope."""
        return await self.session.scalar(self._reached(muster_id, scope))

    async def open_at(self, site_id: UUID) -> Muster | None:
        return await self.session.scalar(self.statement().where(open_at(site_id)))

    async def entries_of(self, visitor_id: UUID) -> Sequence[MusterEntry]:
        """Return a visitor's entries on rosters, oldest first."""
        found = await self.session.scalars(
            select(MusterEntry)
            .where(MusterEntry.visitor_id == visitor_id)
            .order_by(MusterEntry.created_at)
        )
        return found.all()

    async def marks_of(self, visitor_id: UUID) -> Sequence[MusterMark]:
        """Return what was said of a visitor, oldest first."""
        found = await self.session.scalars(
            select(MusterMark).where(MusterMark.visitor_id == visitor_id).order_by(MusterMark.id)
        )
        return found.all()

    async def page(
        self, chosen: MusterFilter, scope: Scope, page: PageRequest
    ) -> tuple[list[Muster], str | None, int | None]:
        """Return musters of sites in scope, newest first."""
        within = scope.of_sites(Muster.site_id)
        statement = self.statement().where(*chosen.conditions(), *within)
        return await paginate(self.session, statement, NEWEST_FIRST, page)

    def _reached(self, muster_id: UUID, scope: Scope) -> Select[Muster]:
        return self.statement().where(Muster.id == muster_id, *scope.of_sites(Muster.site_id))


class MusterRepository(MusterReader, Repository[Muster]):
    """Locks musters, always before visitors, entries and sites."""

    async def lock_reached(
        self, muster_id: UUID, scope: Scope, *, shared: bool = False
    ) -> Muster | None:
        """Lock a muster; `shared` locks only keep it from being ended meanwhile."""
        is_shared = shared and not self.unit.is_conditional
        muster = await self.session.scalar(
            self._reached(muster_id, scope)
            .with_for_update(read=is_shared, key_share=not is_shared)
            .execution_options(populate_existing=True)
        )
        await self.unit.decide(muster)
        return muster

    async def hold_sites(self, site_ids: Collection[UUID]) -> None:
        """Keep musters of some sites from being started before the end of this unit."""
        held = select(Site.id).where(Site.id.in_(site_ids)).order_by(Site.id)
        await self.session.rows(held.with_for_update(read=True, key_share=True))

    async def lately_at(self, site_ids: Collection[UUID], since: datetime) -> Sequence[Muster]:
        """Return musters of some sites that are open, or real and ended after an instant."""
        was_real = and_(Muster.real_since.is_not(None), Muster.ended_at > since)
        found = await self.session.scalars(
            self.statement().where(
                Muster.site_id.in_(site_ids), or_(Muster.status == MusterStatus.OPEN, was_real)
            )
        )
        return found.all()

    async def lock_site(self, site_id: UUID, scope: Scope) -> bool:
        """Lock a site against scans and let them be decided again; return whether it is in scope.

        Its scans hold `FOR KEY SHARE`, and so do bookings: only `FOR UPDATE` waits for them.
        """
        chosen = (Site.id == site_id, *scope.of_sites(Site.id))
        if await self.session.scalar(select(Site.id).where(*chosen).with_for_update()) is None:
            return False
        await self.unit.write(
            update(Site)
            .where(Site.id == site_id)
            .values(muster_version=Site.muster_version + 1)
            .execution_options(synchronize_session=False)
        )
        return True

    async def entry(self, entry_id: UUID) -> MusterEntry | None:
        return await self.session.scalar(select(MusterEntry).where(MusterEntry.id == entry_id))

    async def add_person(self, entry: Mapping[str, Any]) -> bool:
        """Store the entry of somebody who was added; return False if its id is known."""
        stored = insert(MusterEntry).values(entry).on_conflict_do_nothing()
        added = await self.unit.returning(stored.returning(MusterEntry.id))
        return added.first() is not None

    async def save(self, muster: Muster) -> None:
        self.add(muster)
        await self.unit.flush()

    async def erase_past(self, before: datetime, now: datetime) -> int:
        """Erase notes, links and added people of musters before an instant; return how many.

        The names of visitors are erased with their visits; the figures stay.
        """
        was_erased = Muster.anonymised_at.is_not(None)
        past = await self.session.scalars(
            select(Muster.id).where(
                Muster.status == MusterStatus.ENDED, Muster.started_at < before, ~was_erased
            )
        )
        ids = past.all()
        for model in (MusterEntry, MusterMark):
            await self._erase(model, model.muster_id.in_(ids), model.visitor_id.is_(None))
        await self.unit.write(
            delete(MusterLink)
            .where(MusterLink.muster_id.in_(ids))
            .execution_options(synchronize_session=False)
        )
        await self._erase(Muster, Muster.id.in_(ids), anonymised_at=now)
        return len(ids)

    async def _erase(self, model: type[Entity], *which: ColumnElement[bool], **values: Any) -> None:
        await self.unit.write(
            update(model)
            .where(*which)
            .values(**erasure(model), **values)
            .execution_options(synchronize_session=False)
        )
