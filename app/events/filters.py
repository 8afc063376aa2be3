"""Which events a reader asks for, as parameters of the query and as a predicate."""

from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from app.core.db.scope import EVERYTHING, Scope
from app.events.kinds import EventType


class Placed(Protocol):
    """An event, as far as filters and scope ask."""

    @property
    def type(self) -> str: ...
    @property
    def site_id(self) -> UUID | None: ...
    @property
    def host_id(self) -> UUID | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """The types and the site that are asked for (None for all), within a scope."""

    types: frozenset[EventType] | None = None
    site: UUID | None = None
    scope: Scope = EVERYTHING

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of the query by name; their names are its shape."""
        chosen: dict[str, Any] = {}
        if self.types is not None:
            chosen["types"] = sorted(self.types)
        if self.site is not None:
            chosen["site"] = self.site
        return chosen | self.scope.parameters()

    def allows(self, event: Placed) -> bool:
        """Return whether an event is among those of the query."""
        if self.types is not None and event.type not in self.types:
            return False
        if self.site is not None and event.site_id != self.site:
            return False
        return self.scope.has_visit(event.site_id, event.host_id)
