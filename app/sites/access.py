"""Which sites strangers may use. Pure."""

from app.auth.caller import Caller, CallerRole
from app.core.errors import NotAuthenticated
from app.sites.models import Site


def require_open_to(caller: Caller, site: Site) -> None:
    """Raises `NotAuthenticated` for a stranger where the site takes no self-registration."""
    if caller.role is CallerRole.ANONYMOUS and not site.self_registration:
        raise NotAuthenticated("This site takes no registrations from the public: sign in first")
