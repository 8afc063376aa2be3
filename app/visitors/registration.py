"""Registering: what a caller may say and leave out, and what they are told.

People say everything themselves. A kiosk registers at its own site, for now; a stranger where the
site allows it. Neither makes the service write to addresses that are nobody's, and neither is told
a code or an address.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from app.auth.caller import Caller, CallerRole
from app.core.database import WriteSession
from app.core.errors import Invalid
from app.core.localtime import local_now
from app.sites.access import require_open_to
from app.sites.models import Site
from app.sites.repository import SiteReader
from app.slots.service import UnknownSite
from app.users.models import Role
from app.users.repository import UserReader
from app.visitors import schemas
from app.visitors.models import Visitor
from app.visitors.registration_schemas import (
    PublicVisitorCreate,
    VisitorCreate,
    WalkIn,
    facts,
)

Registration = VisitorCreate | WalkIn

FORMS: dict[CallerRole, type[Registration]] = {
    CallerRole.KIOSK: WalkIn,
    CallerRole.ANONYMOUS: PublicVisitorCreate,
}


def form_of(caller: Caller) -> type[Registration]:
    """How this caller registers visitors."""
    return FORMS.get(caller.role, VisitorCreate)


async def complete(
    unit: WriteSession, body: Registration, caller: Caller, now: datetime
) -> schemas.VisitorDetails:
    """The registration with all that was left out: site, time and host.

    Raises `Invalid`, and `NotAuthenticated` where the site takes nobody from outside.
    """
    values = facts(body)
    if caller.is_person:
        values |= {"visit_date": body.visit_date, "visit_time": body.visit_time}
    else:
        site = await _site(unit, body.site, caller)
        values |= {"site": site.id, **_when(body, site, now)}
    values |= await _host(UserReader(unit), body, caller)
    return schemas.VisitorDetails.model_construct(**values)


async def _site(unit: WriteSession, site_id: UUID | None, caller: Caller) -> Site:
    if caller.site_id is not None and site_id not in {None, caller.site_id}:
        raise Invalid.field("site", "other_site", "A kiosk registers at its own site")
    site = await SiteReader(unit).get_or_default(caller.site_id or site_id)
    if site is None:
        raise UnknownSite
    require_open_to(caller, site)
    return site


def _when(body: Registration, site: Site, now: datetime) -> dict[str, Any]:
    if (body.visit_date is None) is not (body.visit_time is None):
        field = "visit_date" if body.visit_date is None else "visit_time"
        raise Invalid.field(field, "missing", "Send visit_date and visit_time, or neither")
    local = local_now(now, site.timezone)
    at = local.time().replace(second=0, microsecond=0)
    return {
        "visit_date": body.visit_date or local.date(),
        "visit_time": at if body.visit_time is None else body.visit_time,
    }


async def _host(users: UserReader, body: Registration, caller: Caller) -> dict[str, str | None]:
    if body.chosen_host is not None and not caller.is_host:
        if body.host_name or body.host_email:
            raise Invalid.field("host_id", "two_hosts", "Send host_id, or host_name and host_email")
        return await _chosen(users, body.chosen_host)
    known = caller.is_person or (
        body.host_email is not None and await users.active_host_id(body.host_email)
    )
    # Dropped in silence: an answer of its own would tell which addresses have an account.
    return {"host_name": body.host_name, "host_email": body.host_email if known else None}


async def _chosen(users: UserReader, host_id: UUID) -> dict[str, str | None]:
    host = await users.of_roles(host_id, {Role.HOST})
    if host is None or not host.is_active:
        raise Invalid.field("host_id", "unknown", "There is no such host")
    return {"host_name": host.name, "host_email": host.email}


def answer(visitor: Visitor, body: Registration, caller: Caller) -> schemas.Visitor:
    """The new visitor as the caller may see it: a stranger gets back what they have sent."""
    shown = schemas.Visitor.of(visitor)
    if caller.is_person:
        return shown
    hidden: dict[str, str | None] = {"qr_code": None, "host_email": None}
    if caller.role is CallerRole.ANONYMOUS:
        hidden["host_name"] = body.host_name
    return shown.model_copy(update=hidden)
