"""`/api/visitors/{id}/badge.pdf`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.auth.guards import VisitorViewer
from app.badges.layout import BadgeSize
from app.badges.service import badge_of, draw
from app.core.errors import NotFound, problems
from app.core.http.dependencies import Now, Reading
from app.core.http.responses import download
from app.core.http.routing import ApiRoute
from app.sites.logo_repository import LogoReader
from app.visitors.lifecycle import InvalidTransition
from app.visitors.repository import VisitorReader

router = APIRouter(prefix="/api/visitors", tags=["visitors"], route_class=ApiRoute)
PDF = "application/pdf"


class PdfResponse(Response):
    media_type = PDF


@router.get(
    "/{visitor_id:uuid}/badge.pdf",
    operation_id="visitors_badge",
    summary="Print a badge",
    response_class=PdfResponse,
    responses=download("The badge", PDF) | problems(NotFound, InvalidTransition),
)
async def badge(
    visitor_id: UUID,
    caller: VisitorViewer,
    session: Reading,
    now: Now,
    size: Annotated[
        BadgeSize, Query(description="Width by height in millimetres, or ISO 216")
    ] = BadgeSize.LABEL,
) -> Response:
    """Return a page to print: name, company, host, date, logo and QR code.

    Long texts are shrunk, then cut. With `a4` it is a badge of A6 to be cut out. The badge opens
    the gate like the pass.
    """
    visitor = await VisitorReader(session).visible(visitor_id, caller)
    if visitor is None:
        raise NotFound
    found = badge_of(visitor, await LogoReader(session).png_of(visitor.site), now)
    await session.aclose()  # wait for a turn without a connection
    headers = {"Content-Disposition": 'inline; filename="badge.pdf"'}
    return PdfResponse(await draw(found, size), headers=headers)
