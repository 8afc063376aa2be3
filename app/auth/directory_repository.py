"""SQL of sign-ins by directory."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import String, Uuid, column, delete, select, table

from app.auth.directory_models import DirectoryCode, DirectoryFlow, DirectoryLink
from app.auth.directory_roles import SiteNames
from app.core.db.database import ReadSession
from app.core.db.repository import ReadRepository, Repository
from app.users.models import User

# Columns of a table of a higher package, as in `app/users/repository.py`.
_sites = table("sites", column("id", Uuid), column("name", String))


async def site_names(session: ReadSession, *, locked: bool = False) -> SiteNames:
    """Return the names of all sites by id, `locked` against deletion."""
    all_sites = select(_sites.c.id, _sites.c.name).order_by(_sites.c.id)
    if locked:
        all_sites = all_sites.with_for_update(read=True, key_share=True)
    found = await session.rows(all_sites)
    return {site.id: site.name for site in found}


class DirectoryFlowRepository(Repository[DirectoryFlow]):
    model = DirectoryFlow

    async def lock_by_state(self, state_hash: bytes) -> DirectoryFlow | None:
        return await self.lock(DirectoryFlow.state_hash == state_hash)

    async def purge(self, now: datetime, *, at_most: int) -> int:
        """Delete expired flows, and expired codes with them; return how many flows."""
        await self.unit.write(delete(DirectoryCode).where(DirectoryCode.expires_at <= now))
        old = select(DirectoryFlow.id).where(DirectoryFlow.expires_at <= now).limit(at_most)
        result = await self.unit.write(delete(DirectoryFlow).where(DirectoryFlow.id.in_(old)))
        return result.rowcount


class DirectoryCodeRepository(Repository[DirectoryCode]):
    model = DirectoryCode

    async def take(self, code_hash: bytes) -> DirectoryCode | None:
        """Delete a code and return it; only one of concurrent requests gets it."""
        found = await self.lock(DirectoryCode.code_hash == code_hash)
        if found is not None:
            await self.delete(found)
        return found


class DirectoryLinkReader(ReadRepository[DirectoryLink]):
    model = DirectoryLink

    async def of_person(self, issuer: str, subject: str) -> DirectoryLink | None:
        """Return the link of a person in the directory."""
        return await self.session.scalar(
            self.statement().where(DirectoryLink.issuer == issuer, DirectoryLink.subject == subject)
        )

    async def is_linked(self, user_id: UUID) -> bool:
        return await self.exists(DirectoryLink.user_id == user_id)

    async def user_of(self, issuer: str, subject: str) -> User | None:
        """Return the account of a person in the directory."""
        return await self.session.scalar(
            select(User)
            .join(DirectoryLink, DirectoryLink.user_id == User.id)
            .where(DirectoryLink.issuer == issuer, DirectoryLink.subject == subject)
        )


class DirectoryLinkRepository(DirectoryLinkReader, Repository[DirectoryLink]):
    async def unlink(self, user_id: UUID) -> bool:
        """Delete the link of an account; return whether there was one."""
        gone = await self.unit.write(delete(DirectoryLink).where(DirectoryLink.user_id == user_id))
        return bool(gone.rowcount)
