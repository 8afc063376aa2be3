"""The sites that strangers and devices may use. Pure."""

from uuid import UUID

from app.auth.caller import Caller
from app.core.errors import Invalid, NotAuthenticated
from app.sites.models import Site


def require_open_to(caller: Caller, site: Site) -> None:
    """Raise `NotAuthenticated` for strangers unless the site has self-registration."""
    if caller.is_stranger and not site.self_registration:
        raise NotAuthenticated("This site does not accept self-registration: sign in first")


def require_own_site(caller: Caller, site_id: UUID | None) -> None:
    """Raise `Invalid` if a kiosk names another site."""
    if caller.site_id is not None and site_id not in {None, caller.site_id}:
        raise Invalid.field("site", "other_site", "A kiosk can use only its own site")
