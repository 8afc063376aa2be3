from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import eq, ge, lt
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Uuid,
    and_,
    any_,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import joinedload

from app.core.db.inserting import values_of
from app.core.db.repository import ReadRepository, Repository
from app.core.db.scope import Scope
from app.core.http.pagination import Ordering, PageRequest, paginate
from app.scans.errors import NotInside
from app.scans.models import Scan, ScanVerdict
from app.visitors.models import Visitor

NEWEST_FIRST = Ordering("-scans", (Scan.created_at, Scan.id), descending=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanFilter:
    """Filters of the list of scans; None does not filter."""

    verdict: ScanVerdict | None = None
    site: UUID | None = None
    scanned_by: UUID | None = None
    gate: str | None = None
    visitor: UUID | None = None
    received_from: datetime | None = None
    received_before: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        compared = (
            (Scan.site_id, eq, self.site),
            (Scan.caller_id, eq, self.scanned_by),
            (Scan.gate, eq, self.gate),
            (Scan.visitor_id, eq, self.visitor),
            (Scan.created_at, ge, self.received_from),
            (Scan.created_at, lt, self.received_before),
        )
        found: list[ColumnElement[bool]] = [
            compare(column, value) for column, compare, value in compared if value is not None
        ]
        if self.verdict is not None:
            # A literal, since the planner cannot use the partial index for a parameter.
            found.append(Scan.verdict == literal_column(f"'{self.verdict.value}'"))
        return found


class ScanReader(ReadRepository[Scan]):
    model = Scan

    async def page(
        self, chosen: ScanFilter, scope: Scope, page: PageRequest
    ) -> tuple[list[Scan], str | None, int | None]:
        """Return scans in scope with their visitor and device, newest first."""
        found = self.statement().options(joinedload(Scan.visitor), joinedload(Scan.device))
        conditions = [*chosen.conditions(), *_within(scope, visitor=chosen.visitor)]
        return await paginate(self.session, found.where(*conditions), NEWEST_FIRST, page)

    async def of_visitor(self, visitor_id: UUID) -> Sequence[Scan]:
        found = await self.session.scalars(
            self.statement().where(Scan.visitor_id == visitor_id).order_by(Scan.id)
        )
        return found.all()


class ScanRepository(ScanReader, Repository[Scan]):
    async def all_earlier(self, caller_id: UUID, scan_ids: Collection[UUID]) -> dict[UUID, Scan]:
        """Return the scans that this caller already sent under these ids, with their visitors.

        The lock makes a batch wait for the caller's other batches and single scans.
        """
        await self.session.rows(select(turn_of_batches(literal(str(caller_id)))))
        found = await self.session.scalars(
            select(Scan)
            .where(
                Scan.caller_id == caller_id, Scan.scan_id == any_(literal(scan_ids, ARRAY(Uuid)))
            )
            .options(joinedload(Scan.visitor))
        )
        return {scan.scan_id: scan for scan in found if scan.scan_id is not None}

    async def unmatched_exits(self, visitor_ids: Collection[UUID]) -> Sequence[Scan]:
        """Return check-outs that were reported without a check-in."""
        found = await self.session.scalars(
            select(Scan)
            .where(
                Scan.visitor_id == any_(literal(list(visitor_ids), ARRAY(Uuid))),
                Scan.verdict == ScanVerdict.CONFLICT,
                Scan.code == NotInside.code,
            )
            .order_by(Scan.id)
        )
        return found.all()

    def add_new(self, scans: Sequence[Scan]) -> None:
        for scan in scans:
            self.unit.append(Scan, values_of(scan))


def _within(scope: Scope, *, visitor: UUID | None) -> list[ColumnElement[bool]]:
    """Return the conditions of scans in scope: at a gate of its sites, or by a person there.

    Those of one `visitor` only if the visitor is in scope, too.
    """
    if scope.sites is None:
        return []
    of_visitor = exists().where(Visitor.id == Scan.visitor_id, *scope.of_sites(Visitor.site_id))
    at_gate = and_(*scope.of_sites(Scan.site_id))
    within = or_(at_gate, and_(Scan.site_id.is_(None), of_visitor))
    return [within] if visitor is None else [within, of_visitor]


def turn_of_batches(caller_id: ColumnElement[str], *, shared: bool = False) -> ColumnElement[Any]:
    """Return the lock of a caller's batches, which single scans take `shared`."""
    take = func.pg_advisory_xact_lock_shared if shared else func.pg_advisory_xact_lock
    return take(func.hashtextextended(func.concat("offline scans of ", caller_id), 0))
