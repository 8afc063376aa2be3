"""Which sites strangers and devices may use. Pure."""

from uuid import UUID

from app.auth.caller import Caller
from app.core.errors import Invalid, NotAuthenticated
from app.sites.models import Site


def require_open_to(caller: Caller, site: Site) -> None:
    """Raises `NotAuthenticated` for a stranger where the site takes no self-registration."""
    if caller.is_stranger and not site.self_registration:
        raise NotAuthenticated("This site takes no registrations from the public: sign in first")


def require_own_site(caller: Caller, site_id: UUID | None) -> None:
    """Raise `Invalid` where a kiosk names a site at which it does not stand."""
    if caller.site_id is not None and site_id not in {None, caller.site_id}:
        raise Invalid.field("site", "other_site", "A kiosk is bound to its own site")
