from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from app.core.db.database import ReadSession, WriteSession
from app.sites.logo_models import SiteLogo
from app.sites.models import Site


class LogoReader:
    def __init__(self, session: ReadSession) -> None:
        self.session = session

    async def png_of(self, site: Site) -> bytes | None:
        """Return the logo of a site; asks only if there is one."""
        return await self.png(site.id) if site.has_logo else None

    async def png(self, site_id: UUID) -> bytes | None:
        return await self.session.scalar(select(SiteLogo.png).where(SiteLogo.site_id == site_id))


class LogoRepository:
    def __init__(self, unit: WriteSession) -> None:
        self.unit = unit

    async def put(self, site: Site, png: bytes, now: datetime) -> None:
        values = {"png": png, "updated_at": now}
        await self.unit.write(
            insert(SiteLogo)
            .values(site_id=site.id, **values)
            .on_conflict_do_update(index_elements=[SiteLogo.site_id], set_=values)
        )

    async def remove(self, site: Site) -> None:
        await self.unit.write(delete(SiteLogo).where(SiteLogo.site_id == site.id))
