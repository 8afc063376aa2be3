"""SQL of the scan ledger."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select

from app.core.repository import ReadRepository, Repository
from app.scans.models import Scan


class ScanReader(ReadRepository[Scan]):
    """Reads the ledger."""

    model = Scan

    async def of_visitor(self, visitor_id: UUID) -> Sequence[Scan]:
        """Every scan of one visitor's codes, oldest first."""
        found = await self.session.scalars(
            self.statement().where(Scan.visitor_id == visitor_id).order_by(Scan.id)
        )
        return found.all()


class ScanRepository(ScanReader, Repository[Scan]):
    """Writes the ledger."""

    async def earlier(self, caller_id: UUID, scan_id: UUID) -> Scan | None:
        """The scan that this caller sent under this id before.

        Repeats that arrive together wait for each other here, so that the second finds the first.
        """
        key = func.hashtextextended(f"{caller_id}/{scan_id}", 0)
        await self.session.rows(select(func.pg_advisory_xact_lock(key)))
        return await self.session.scalar(
            select(Scan).where(Scan.caller_id == caller_id, Scan.scan_id == scan_id)
        )
