"""The worker applies all changes of a site together, so that a visit gets one mail."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from app.audit.repository import Actor
from app.core.db.batches import BATCH, Batch, in_batches
from app.core.db.database import AfterCommit, Database, WriteSession
from app.core.db.rollout import require_finished
from app.core.db.scope import Scope
from app.core.request_context import current_request_id, on_behalf_of
from app.events.shown_repository import note_shown
from app.notifications.kinds import NotificationKind
from app.notifications.repository import Outbox
from app.sites.models import Site, SiteChange
from app.sites.repository import SiteChangeRepository, SiteReader
from app.slots.capacity_service import SiteRules, today_at
from app.visitors import mails
from app.visitors.models import Visitor
from app.visitors.repository import VisitorReader, VisitorRepository

BEFORE_ALL = UUID(int=0)
SHOWN = {"name": "site_name", "timezone": "ends_at"}
"""What visits show of a site, by its fields."""


async def change_site(
    unit: WriteSession,
    wake: AfterCommit,
    site_id: UUID,
    values: dict[str, Any],
    now: datetime,
    scope: Scope,
    by: Actor,
    *,
    notify: bool,
    dry_run: bool,
) -> tuple[Site, int]:
    """Change a site; return it with the number of affected visitors.

    Raise `NotFound`, `Invalid`, `NameTaken` or `UpdateUnderWay`.
    """
    changed, out_of_rules = await SiteRules(unit, now, scope).change(site_id, values)
    if dry_run:
        unit.dry_run()
    if not changed.former:
        return changed.site, out_of_rules
    if notify and not dry_run:
        await require_finished(unit)
    if fields := [shown for name, shown in SHOWN.items() if name in changed.former]:
        note_shown(unit, "site_id", site_id, fields, by, now)
    unit.add(_row(site_id, changed.former, now, notify=notify))
    unit.after_commit(wake)
    today = today_at(changed.site, now)
    return changed.site, await VisitorReader(unit).count_ahead(site_id, today)


def _row(site_id: UUID, former: dict[str, str], now: datetime, *, notify: bool) -> SiteChange:
    return SiteChange(
        site_id=site_id,
        before=former,
        notify=notify,
        request_id=current_request_id(),
        created_at=now,
    )


async def bring_to_visits(database: Database, wake: AfterCommit, now: datetime) -> int:
    """Apply changes of sites to their visits; return the number of visits.

    Safe concurrently and after a crash: each batch commits its progress.
    """
    async with database.write() as unit:
        sites = await SiteChangeRepository(unit).sites()
    total = 0
    for site_id in sites:
        total += await in_batches(
            database, partial(next_batch, wake=wake, site_id=site_id, now=now)
        )
    return total


async def next_batch(unit: WriteSession, wake: AfterCommit, site_id: UUID, now: datetime) -> Batch:
    """Apply the changes of a site to its next visits, unless another worker does so."""
    changes = await SiteChangeRepository(unit).lock_of_site(site_id)
    site = await SiteReader(unit).get(site_id)
    if not changes or site is None:
        return Batch(0, more=False)
    done = await _NextVisits(unit, Outbox(unit, wake), site, changes, now).notify()
    return Batch(done, more=True)


class _NextVisits:
    def __init__(
        self,
        unit: WriteSession,
        outbox: Outbox,
        site: Site,
        changes: Sequence[SiteChange],
        now: datetime,
    ) -> None:
        self.unit = unit
        self.outbox = outbox
        self.site = site
        self.changes = changes
        self.now = now
        self.visitors = VisitorRepository(unit)

    async def notify(self) -> int:
        """Apply the changes to the next visits; delete them if none are left."""
        today = today_at(self.site, self.now)
        after, before = min(map(_done_through, self.changes)), self.changes[-1].id
        ids = await self.visitors.ids_ahead(self.site.id, today, after, before, at_most=BATCH)
        if not ids:
            await SiteChangeRepository(self.unit).delete_all(self.changes)
            return 0
        locked = await self.visitors.lock_ahead(self.site.id, today, ids)
        moves = await self.visitors.last_moves(ids)
        news = {
            visitor: changes
            for visitor in locked
            if (changes := self._new_to(visitor.id, moves.get(visitor.id, visitor.id)))
        }
        await self._update(news)
        for change in self.changes:
            change.done_through = max(_done_through(change), ids[-1])
        return len(news)

    def _new_to(self, visitor_id: UUID, informed: UUID) -> list[SiteChange]:
        """Return the changes that are new to a visit.

        Ids sort by time; at `informed`, the visit already had earlier changes.
        """
        return [
            change
            for change in self.changes
            if change.id > informed and _done_through(change) < visitor_id
        ]

    async def _update(self, news: dict[Visitor, list[SiteChange]]) -> None:
        for visitor, changes in news.items():
            visitor.revision += 1
            visitor.updated_at = self.now
            self._notify(visitor, [change for change in changes if change.notify])
        await self.visitors.save_revisions(news)

    def _notify(self, visitor: Visitor, changes: Sequence[SiteChange]) -> None:
        former = self._former(changes)
        if not former:
            return
        payload = mails.updated_payload(
            visitor,
            self.site,
            previous_site_name=former.get("name"),
            previous_site_address=former.get("address"),
            previous_timezone=former.get("timezone"),
        )
        facts = (visitor, self.site, payload, visitor.revision)
        with on_behalf_of(changes[-1].request_id or "-"):
            to_visitor = mails.to_visitor(NotificationKind.visitor_updated, *facts)
            for mail in (*to_visitor, *mails.to_host(NotificationKind.host_updated, *facts)):
                self.outbox.put(mail, self.now)

    def _former(self, changes: Sequence[SiteChange]) -> dict[str, str]:
        """Return the oldest value of each fact that differs from the current one."""
        oldest: dict[str, str] = {}
        for change in changes:
            oldest = change.before | oldest
        return {name: was for name, was in oldest.items() if getattr(self.site, name) != was}


def _done_through(change: SiteChange) -> UUID:
    return change.done_through or BEFORE_ALL
