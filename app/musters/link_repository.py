from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from app.core.db.repository import ReadRepository, Repository
from app.musters.models import Muster, MusterLink


class LinkReader(ReadRepository[MusterLink]):
    model = MusterLink

    async def of_muster(self, muster_id: UUID) -> Sequence[MusterLink]:
        """Return the links of a muster that were not deleted, oldest first."""
        found = await self.session.scalars(
            self.statement()
            .where(MusterLink.muster_id == muster_id, MusterLink.deleted_at.is_(None))
            .order_by(MusterLink.id)
        )
        return found.all()

    async def by_hash(self, token_hash: bytes) -> tuple[MusterLink, Muster] | None:
        """Return a link, even a deleted one, with its muster."""
        found = await self.session.rows(
            select(MusterLink, Muster)
            .join(Muster, Muster.id == MusterLink.muster_id)
            .where(MusterLink.token_hash == token_hash)
        )
        row = found.first()
        return None if row is None else (row[0], row[1])


class LinkRepository(LinkReader, Repository[MusterLink]):
    async def lock_known(self, link_id: UUID, muster_id: UUID) -> MusterLink | None:
        """Lock a link that was not deleted."""
        return await self.lock(
            MusterLink.id == link_id,
            MusterLink.muster_id == muster_id,
            MusterLink.deleted_at.is_(None),
        )

    async def store(
        self, muster_id: UUID, name: str, token_hash: bytes, now: datetime, *, shows_phones: bool
    ) -> MusterLink:
        link = MusterLink(
            muster_id=muster_id,
            name=name,
            token_hash=token_hash,
            shows_phones=shows_phones,
            created_at=now,
        )
        self.add(link)
        await self.unit.flush()
        return link
