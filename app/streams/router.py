"""`/api/events/stream/`: new events as they come."""

from collections.abc import AsyncGenerator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response

from app.core.errors import problems
from app.core.http.dependencies import Limiter, Now, Writing
from app.core.http.event_stream import EventStream, last_number
from app.core.http.limits import TooManyRequests
from app.core.http.routing import ApiRoute
from app.events.schemas import LARGEST
from app.streams import schemas, ticket_service
from app.streams.dependencies import Chosen, TheHub
from app.streams.guards import StreamReader, TicketHolder
from app.streams.limits import TICKETS

router = APIRouter(prefix="/api/events", tags=["events"], route_class=ApiRoute)

EXAMPLE = """: still there

id: 4711
event: visit.checked_in
data: {"id":"019ac5e2-8a00-7000-8000-000000000000","seq":4711,"type":"visit.checked_in"}

"""
OPENED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-Sent Events, until either side ends the stream",
        "content": {
            "text/event-stream": {
                "schema": {
                    "type": "string",
                    "description": "`id` is the `seq` and `event` the `type` of an event, `data` "
                    "the event as an item of `GET /api/events/`, in one line",
                    "examples": [EXAMPLE],
                },
            }
        },
    }
}
After = Annotated[
    int | None,
    Query(
        ge=0,
        le=LARGEST,
        description="Continue after this `seq`; 0 is the oldest event that is kept. By default "
        "with the next one",
    ),
]
LastEventId = Annotated[
    str | None,
    Header(
        description="The `id` that was read last; browsers send it when they connect again. "
        "Before `after`; anything but a number is ignored"
    ),
]


@router.get(
    "/stream/",
    operation_id="events_stream",
    summary="Follow the events",
    response_class=Response,
    responses=OPENED | problems(TooManyRequests),
)
async def follow_events(
    caller: StreamReader,
    hub: TheHub,
    chosen: Chosen,
    after: After = None,
    last_event_id: LastEventId = None,
) -> Response:
    """Send new events within a second of their commit, as Server-Sent Events.

    The types are those of `GET /api/events/`, and two more: `reset` (the log has no such position;
    the oldest event that is kept follows) and `end` (the sign-in has ended, or its rights have
    changed: ask for a ticket again, or sign in). Comments every 15 seconds keep the connection
    open. A client that is disconnected without `end` connects again, with the last `id`. An
    account has at most 20 streams at a process (`EVENT_STREAMS_PER_ACCOUNT`).
    """
    seen = last_number(last_event_id)
    listener = await hub.admit(caller, chosen, after if seen is None else seen)
    return EventStream(hub.parts(listener))


@router.head("/stream/", include_in_schema=False)
async def describe_stream(_: StreamReader, chosen: Chosen, after: After = None) -> Response:  # noqa: ARG001 - checked
    """Answer with the headers of a stream."""
    return EventStream(_nothing())


async def _nothing() -> AsyncGenerator[bytes, None]:
    parts: tuple[bytes, ...] = ()
    for part in parts:
        yield part


@router.post("/stream-ticket/", operation_id="events_create_stream_ticket", summary="Get a ticket")
async def create_ticket(
    caller: TicketHolder, unit: Writing, limiter: Limiter, now: Now
) -> schemas.StreamTicket:
    """Return a ticket for a browser's `EventSource`, which sends no header.

    It is good for 30 seconds and one stream, as the caller. The stream goes on when the access
    token expires, and ends with the session.
    """
    await limiter.hit(TICKETS, str(caller.id))
    return schemas.StreamTicket(ticket=ticket_service.issue(unit, caller, now))
