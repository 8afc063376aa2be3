"""Making and changing a site's own record; what that does to its slots is decided in slots/."""

from datetime import datetime
from typing import Any
from uuid import UUID

from app.core.errors import Invalid, NotFound
from app.sites.models import Site
from app.sites.repository import SiteRepository


async def create_site(sites: SiteRepository, values: dict[str, Any], now: datetime) -> Site:
    """A new site. Raises `Invalid` and `NameTaken`."""
    await _require_timezone(sites, values)
    if values.get("is_default"):
        await sites.clear_default()
    return await sites.save(Site(**values, created_at=now, updated_at=now))


async def change_site(
    sites: SiteRepository, site_id: UUID, values: dict[str, Any], now: datetime
) -> Site:
    """Set fields of a site and keep it locked. Raises `NotFound`, `Invalid` and `NameTaken`."""
    await _require_timezone(sites, values)
    if values.get("is_default"):
        await sites.clear_default()
    site = await locked_site(sites, site_id)
    if site.is_default and values.get("is_default") is False:
        raise Invalid.field(
            "is_default", "default_needed", "Make another site the default one instead"
        )
    for name, value in values.items():
        setattr(site, name, value)
    site.updated_at = now
    return await sites.save(site)


async def locked_site(sites: SiteRepository, site_id: UUID) -> Site:
    """A site, locked against every other change of its rules but not against bookings."""
    site = await sites.lock(Site.id == site_id, key_share=True)
    if site is None:
        raise NotFound
    return site


async def _require_timezone(sites: SiteRepository, values: dict[str, Any]) -> None:
    name = values.get("timezone")
    if name is not None and not await sites.knows_timezone(name):
        raise Invalid.field("timezone", "unknown_timezone", f"The database does not know {name}")
