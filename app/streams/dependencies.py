"""The hub of the process, and what a client of the stream chooses."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request

from app.core.several import Several
from app.events.filters import EventFilter
from app.events.kinds import EventType
from app.services import Services, services
from app.streams.guards import StreamReader
from app.streams.hub_service import Hub

Types = Annotated[
    Annotated[tuple[EventType, ...], Several(EventType)] | None,
    Query(description="One or several, separated by commas: `visit.checked_in,visit.completed`"),
]


class AllServices(Services):
    """The resources of the process, with those of packages above `app/services.py`."""

    hub: Hub


async def _hub(request: Request) -> Hub:
    found = services(request)
    if not isinstance(found, AllServices):
        raise TypeError("app/main.py sets all services")
    return found.hub


async def _chosen(
    caller: StreamReader,
    types: Types = None,
    site: Annotated[UUID | None, Query(description="Events of this site only")] = None,
) -> EventFilter:
    """Return what of the events a client asks for and may read."""
    of_types = None if types is None else frozenset(types)
    return EventFilter(types=of_types, site=site, scope=caller.scope)


TheHub = Annotated[Hub, Depends(_hub)]
Chosen = Annotated[EventFilter, Depends(_chosen)]
