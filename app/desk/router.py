"""`/api/desk/`: what the desk of a site shows."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from app.auth.guards import DeskViewer
from app.auth.reading_dependencies import Browsing
from app.core.errors import SiteRequired, merge_problems
from app.core.http.dependencies import Now
from app.core.http.etags import Revalidated
from app.core.http.routing import ApiRoute
from app.desk import service
from app.desk.schemas import Desk, DeskFound, DeskQuery, DeskSearch

router = APIRouter(prefix="/api/desk", tags=["desk"], route_class=ApiRoute)


@router.get(
    "/",
    operation_id="desk_read",
    summary="Read the desk",
    response_model=Desk,
    dependencies=[Revalidated],
    responses=merge_problems({}, [SiteRequired]),
)
async def read_desk(
    caller: DeskViewer,
    session: Browsing,
    now: Now,
    chosen: Annotated[DeskQuery, Query()],
) -> Response:
    """Return who is due, inside and overdue at a site, the figures, and what needs attention.

    Poll it with `If-None-Match`. `actions` of a card are those of the caller.
    """
    desk = await service.desk(session, caller, chosen.site, chosen.date, now)
    headers = {"ETag": f'"{desk.version}"'}  # without `now`
    return Response(desk.model_dump_json(), headers=headers, media_type="application/json")


@router.get(
    "/search/",
    operation_id="desk_search",
    summary="Search the desk",
    responses=merge_problems({}, [SiteRequired]),
)
async def search_desk(
    caller: DeskViewer, session: Browsing, now: Now, chosen: Annotated[DeskSearch, Query()]
) -> DeskFound:
    """Return up to twenty visitors of today, or who are on site, by time.

    Guards search names and companies alone.
    """
    return DeskFound(items=await service.found(session, caller, chosen.site, chosen.q, now))
