"""Create and change sites; `slots/` has the effects on slots."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.core.db.rollout import require_finished
from app.core.db.scope import EVERYTHING, Scope
from app.core.errors import Invalid, NotFound
from app.sites.models import USUAL_MINUTES, ReEntry, Site
from app.sites.repository import SiteRepository

# Facts that invitations state.
INVITATION_FACTS = ("name", "address", "timezone")


@dataclass(frozen=True, slots=True)
class ChangedFacts:
    """A changed site; `former` has the previous values of changed invitation facts."""

    site: Site
    former: dict[str, str]


async def create_site(sites: SiteRepository, values: dict[str, Any], now: datetime) -> Site:
    """Create a site; raise `Invalid`, `NameTaken` or `UpdateUnderWay`."""
    await _require_timezone(sites, values)
    if values.get("visit_minutes", USUAL_MINUTES) != USUAL_MINUTES:
        await require_finished(sites.unit)
    await _require_re_entry(sites, values)
    if values.get("is_default"):
        await sites.clear_default()
    return await sites.save(Site(**values, created_at=now, updated_at=now))


async def change_site(
    sites: SiteRepository, site_id: UUID, values: dict[str, Any], now: datetime, scope: Scope
) -> ChangedFacts:
    """Change and lock a site; raise `NotFound`, `Invalid`, `NameTaken` or `UpdateUnderWay`."""
    await _require_timezone(sites, values)
    if values.get("is_default"):
        await sites.clear_default()
    site = await locked_site(sites, site_id, scope)
    if site.is_default and values.get("is_default") is False:
        raise Invalid.field("is_default", "default_needed", "Make another site the default instead")
    before = {name: value for name in values if (value := getattr(site, name)) != values[name]}
    if "visit_minutes" in before:
        await require_finished(sites.unit)
    if "re_entry" in before:
        await _require_re_entry(sites, values)
    for name in before:
        setattr(site, name, values[name])
    if before:
        site.updated_at = now
    former = {name: before[name] for name in INVITATION_FACTS if name in before}
    return ChangedFacts(await sites.save(site), former)


async def locked_site(sites: SiteRepository, site_id: UUID, scope: Scope = EVERYTHING) -> Site:
    """Return a site in scope, locked against other changes of its rules but not against bookings.

    Raise `NotFound`.
    """
    site = await sites.lock(Site.id == site_id, *scope.of_sites(Site.id), key_share=True)
    if site is None:
        raise NotFound
    return site


async def _require_re_entry(sites: SiteRepository, values: dict[str, Any]) -> None:
    """Raise `UpdateUnderWay` while gates of the previous release would complete the visits."""
    if values.get("re_entry") is ReEntry.SAME_DAY:
        await require_finished(sites.unit)


async def _require_timezone(sites: SiteRepository, values: dict[str, Any]) -> None:
    name = values.get("timezone")
    if name is not None and not await sites.knows_timezone(name):
        raise Invalid.field(
            "timezone", "unknown_timezone", f"The time zone {name} is not supported"
        )
