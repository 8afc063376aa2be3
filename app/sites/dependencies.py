from uuid import UUID

from app.auth.caller import Caller
from app.auth.condition_dependencies import if_match
from app.core.db.database import ReadSession
from app.core.errors import NotFound
from app.services import Services
from app.sites import models
from app.sites.repository import SiteReader
from app.sites.schemas import Site


async def _shown(session: ReadSession, site_id: UUID, caller: Caller, _: Services) -> Site:
    site = await SiteReader(session).reached(site_id, caller.scope)
    if site is None:
        raise NotFound
    return Site.model_validate(site)


IfCurrent = if_match(models.Site, "site_id", _shown)
