"""Registering: what a caller may say and leave out, and what they are told.

People say everything themselves. A kiosk registers at its own site, for now; a stranger where the
site allows it. Neither makes the service write to addresses that are nobody's, and neither is told
a code or an address.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.auth.caller import Caller, CallerRole
from app.core.db.database import WriteSession
from app.core.errors import Invalid
from app.core.localtime import local_now
from app.sites.access import require_open_to, require_own_site
from app.sites.models import Site
from app.sites.repository import SiteReader
from app.slots.service import UnknownSite
from app.users.models import Role
from app.users.repository import UserReader
from app.visitors import schemas
from app.visitors.host_service import NamedHost, UnknownHost
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


@dataclass(frozen=True, slots=True)
class Ordered:
    """A complete registration; `host_as_sent` is the host in the words of a stranger or a kiosk."""

    body: schemas.VisitorDetails
    host_as_sent: str | None = None


def form_of(caller: Caller) -> type[Registration]:
    """How this caller registers visitors."""
    return FORMS.get(caller.role, VisitorCreate)


async def complete(
    unit: WriteSession, body: Registration, caller: Caller, now: datetime
) -> Ordered:
    """Return the registration with all that was left out: site, time and host.

    Raises `Invalid`, and `NotAuthenticated` where the site takes nobody from outside.
    """
    values = facts(body)
    if caller.is_person:
        values |= {"visit_date": body.visit_date, "visit_time": body.visit_time}
        return Ordered(schemas.VisitorDetails.model_construct(**values))
    site = await _site(unit, body.site, caller)
    host = await _host_of_stranger(UserReader(unit), body)
    values |= {"site": site.id, **_when(body, site, now)}
    values |= {"host_id": host.id, "host_name": host.name, "host_email": host.email}
    as_sent = host.name if caller.is_kiosk and body.host_id else body.host_name
    return Ordered(schemas.VisitorDetails.model_construct(**values), host_as_sent=as_sent or "")


async def _site(unit: WriteSession, site_id: UUID | None, caller: Caller) -> Site:
    require_own_site(caller, site_id)
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


async def _host_of_stranger(users: UserReader, body: Registration) -> NamedHost:
    """Return the host that somebody without an account names.

    An address that is nobody's is dropped in silence: an answer of its own would tell which
    addresses have an account.
    """
    if body.host_id is not None:
        host = await users.of_roles(body.host_id, {Role.HOST})
        if host is None or not host.is_active:
            raise UnknownHost
        return NamedHost.of_account(host)
    account = await users.by_address(body.host_email) if body.host_email is not None else None
    return NamedHost.of_account(account) if account else NamedHost(None, body.host_name, None)


def answer(visitor: Visitor, body: Registration, caller: Caller) -> schemas.Visitor:
    """Return the new visitor as the caller may see it: a stranger gets back what they have sent."""
    shown = schemas.Visitor.of(visitor)
    if caller.is_person:
        return shown
    hidden = {"qr_code": None, "host_email": None, "host_name": visitor.host_as_sent or None}
    return shown.model_copy(update={**hidden, "host_id": body.host_id if caller.is_kiosk else None})
