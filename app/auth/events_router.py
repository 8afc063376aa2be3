"""`/api/auth/events/`: account events."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from app.auth.event_repository import AccountEventReader, EventFilter
from app.auth.guards import SignedIn
from app.auth.schemas import AccountEvent, AccountEventQuery
from app.core.http.dependencies import Paging, Reading
from app.core.http.pagination import Page
from app.core.http.routing import ApiRoute
from app.users.roles import manages_everybody

router = APIRouter(prefix="/api/auth/events", tags=["auth"], route_class=ApiRoute)


async def _filter(chosen: Annotated[AccountEventQuery, Query()]) -> EventFilter:
    return EventFilter(**chosen.model_dump())


@router.get("/", operation_id="account_events_list", summary="List account events")
async def list_events(
    caller: SignedIn,
    session: Reading,
    chosen: Annotated[EventFilter, Depends(_filter)],
    page: Paging,
) -> Page[AccountEvent]:
    """Return sign-ins, failed attempts and changes, newest first.

    Superadmins see all accounts, others their own; events are kept for `ACCOUNT_EVENT_DAYS`.
    """
    own = None if manages_everybody(caller.role) else caller.id
    rows, next_cursor, total = await AccountEventReader(session).page(chosen, own, page)
    items = [AccountEvent.model_validate(row) for row in rows]
    return Page(items=items, next_cursor=next_cursor, total=total)
