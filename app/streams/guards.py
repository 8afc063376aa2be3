"""Who opens the stream, and how."""

from typing import Annotated

from fastapi import Depends, Query, Request

from app.auth.caller import Caller
from app.auth.guards import CREDENTIALS, Guard
from app.core.errors import NotAuthenticated
from app.core.request_context import CALLER
from app.services import services
from app.streams.ticket_service import redeem
from app.users.roles import Permission

TICKET = Query(
    max_length=200,
    description="In place of the header, which browsers do not send: from "
    "`POST /api/events/stream-ticket/`, good for 30 seconds and one stream",
)


class StreamGuard(Guard):
    """Also admits the holder of a ticket, as the user it was issued to."""

    async def __call__(
        self, request: Request, ticket: Annotated[str | None, TICKET] = None
    ) -> Caller:
        if ticket is not None:
            request.scope[CALLER] = await _redeemed(request, ticket)
        return await super().__call__(request)


async def _redeemed(request: Request, ticket: str) -> Caller:
    if any(name in request.headers for name in CREDENTIALS):
        raise NotAuthenticated("Send only one credential")
    ours = services(request)
    caller = await redeem(ours.database, ticket, ours.clock.now())
    if caller is None:
        raise NotAuthenticated("The ticket is invalid, used or has expired: ask for another")
    return caller


TicketHolder = Annotated[Caller, Depends(Guard(Permission.EVENTS_READ, for_people=True))]
StreamReader = Annotated[Caller, Depends(StreamGuard(Permission.EVENTS_READ))]
