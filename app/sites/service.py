"""Making and changing a site's own record; what that does to its slots is decided in slots/."""

from dataclasses import dataclass
from datetime import datetime, time
from typing import Any
from uuid import UUID

from app.core.errors import Invalid, NotFound
from app.sites.models import Site
from app.sites.repository import SiteRepository

MIDNIGHT = time(0)
# What every invitation to a site says of it.
INVITATION_FACTS = ("name", "address", "timezone")


@dataclass(frozen=True, slots=True)
class ChangedFacts:
    """A site after a change; `former` has what invitations said of it before, where it differs."""

    site: Site
    former: dict[str, str]


async def create_site(sites: SiteRepository, values: dict[str, Any], now: datetime) -> Site:
    """A new site. Raises `Invalid` and `NameTaken`."""
    await _require_timezone(sites, values)
    if values.get("is_default"):
        await sites.clear_default()
    site = Site(**values, created_at=now, updated_at=now)
    _require_hours(site)
    return await sites.save(site)


async def change_site(
    sites: SiteRepository, site_id: UUID, values: dict[str, Any], now: datetime
) -> ChangedFacts:
    """Set fields of a site and keep it locked. Raises `NotFound`, `Invalid` and `NameTaken`."""
    await _require_timezone(sites, values)
    if values.get("is_default"):
        await sites.clear_default()
    site = await locked_site(sites, site_id)
    if site.is_default and values.get("is_default") is False:
        raise Invalid.field(
            "is_default", "default_needed", "Make another site the default one instead"
        )
    before = {name: value for name in values if (value := getattr(site, name)) != values[name]}
    for name in before:
        setattr(site, name, values[name])
    if before:
        site.updated_at = now
    _require_hours(site)
    former = {name: before[name] for name in INVITATION_FACTS if name in before}
    return ChangedFacts(await sites.save(site), former)


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


def _require_hours(site: Site) -> None:
    if site.closes_at != MIDNIGHT and site.opens_at >= site.closes_at:
        raise Invalid.field(
            "closes_at",
            "not_after_opening",
            "A site closes after it opens; 00:00 is the end of the day",
        )
