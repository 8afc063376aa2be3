"""Which sites callers may use. Pure."""

from uuid import UUID

from app.auth.caller import Caller
from app.core.errors import Invalid, NotAuthenticated, SiteRequired
from app.devices.errors import UnknownSite
from app.sites.models import Site


def require_open_to(caller: Caller, site: Site) -> None:
    """Raise `NotAuthenticated` for strangers unless the site has self-registration."""
    if caller.is_stranger and not site.self_registration:
        raise NotAuthenticated("This site does not accept self-registration: sign in first")


def require_own_site(caller: Caller, site_id: UUID | None) -> None:
    """Raise `Invalid` if a kiosk names another site."""
    if caller.site_id is not None and site_id not in {None, caller.site_id}:
        raise Invalid.field("site", "other_site", "A kiosk can use only its own site")


def asked_site(caller: Caller, named: UUID | None) -> UUID | None:
    """Return the site that a request is about: the one named, or the caller's only one.

    None stands for the default site.
    """
    return named or caller.site_id or caller.scope.only_site


def reached_site(caller: Caller, found: Site | None, named: UUID | None) -> Site:
    """Return the site that was found for `asked_site`.

    Raise `UnknownSite` for one that is unknown or out of scope, and `SiteRequired` if the default
    is out of scope and none was named.
    """
    if found is None:
        raise UnknownSite
    if caller.scope.has_site(found.id):
        return found
    raise SiteRequired if named is None else UnknownSite
