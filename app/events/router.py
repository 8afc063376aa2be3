"""`/api/events/`: everything that happened, in order."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.auth import guards
from app.core.errors import problems
from app.core.http.dependencies import Reading
from app.core.http.routing import ApiRoute
from app.events.errors import CursorTooOld
from app.events.filters import EventFilter
from app.events.repository import EventReader
from app.events.schemas import Event, EventPage, EventQuery

router = APIRouter(prefix="/api/events", tags=["events"], route_class=ApiRoute)


@router.get(
    "/",
    operation_id="events_list",
    summary="Read what happened",
    responses=problems(CursorTooOld),
)
async def list_events(
    caller: guards.EventViewer, session: Reading, asked: Annotated[EventQuery, Query()]
) -> EventPage:
    """Return events after a number, in order: who goes on at `next_after` never misses one.

    An event is there within a second of its commit, and is kept for at least 90 days. Hosts read
    those of their own visits, others those of their sites; events of no site are for callers
    without a limit to sites. An `after` beyond the `head` is answered like the `head`.
    """
    types = None if asked.types is None else frozenset(asked.types)
    chosen = EventFilter(types=types, site=asked.site, scope=caller.scope)
    found = await EventReader(session).after(asked.after, chosen, asked.limit)
    if 0 < asked.after < found.cut_through:
        raise CursorTooOld(oldest=found.cut_through)
    items = [Event.of(event) for event in found.events]
    return EventPage(items=items, next_after=found.next_after, head=found.head)
