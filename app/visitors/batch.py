"""What many registrations at once refer to. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from app.core.text import address_key
from app.sites.models import Site
from app.visitors.host_service import NamedHost
from app.visitors.schemas import HostFields


@dataclass(frozen=True, slots=True)
class Place:
    """A site and its closures around the days of the visits."""

    site: Site
    closed: set[date]


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """Accounts that can be hosts, by id and by `address_key`."""

    by_id: Mapping[UUID, NamedHost]
    by_address: Mapping[str, NamedHost]

    def of(self, form: HostFields) -> NamedHost | None:
        """Return the account that a registration names; `host_id` takes precedence."""
        if form.host_id is not None:
            return self.by_id.get(form.host_id)
        return self.by_address.get(address_key(form.host_email)) if form.host_email else None


NO_HOSTS = KnownHosts({}, {})
