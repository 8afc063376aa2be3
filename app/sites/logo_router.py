"""`/api/sites/{id}/logo/`."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.audit.models import AuditAction
from app.audit.repository import record
from app.auth.guards import Public, SiteEditor
from app.core.errors import NotFound, TooLarge, UnsupportedMediaType, problems
from app.core.http.dependencies import Db, Now, Reading
from app.core.http.etags import Revalidated
from app.core.http.responses import BINARY, image
from app.core.http.routing import ApiRoute, refuse_other_media
from app.sites.logo_repository import LogoReader
from app.sites.logo_service import put_logo, read_logo, remove_logo
from app.sites.repository import SiteReader

MOST_BYTES = 256 * 1024
PATH = r"/api/sites/[^/]+/logo/"
TYPES = ("image/png", "image/jpeg")
A_DAY = "public, max-age=86400"

router = APIRouter(prefix="/api/sites/{site_id:uuid}/logo", tags=["sites"], route_class=ApiRoute)

BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": dict.fromkeys(TYPES, BINARY)},
}


class LogoResponse(Response):
    """A logo as PNG, which pages and mails elsewhere may show."""

    media_type = "image/png"


@router.put(
    "/",
    operation_id="sites_set_logo",
    summary="Set a site's logo",
    status_code=204,
    openapi_extra=BODY,
    responses=problems(NotFound, TooLarge, UnsupportedMediaType),
)
async def set_logo(
    site_id: UUID, caller: SiteEditor, database: Db, now: Now, request: Request
) -> None:
    """Set the logo of mails, passes and badges: PNG or JPEG, at most 256 KiB.

    An image has at most 4096 pixels a side. It is made to fit 600 by 300 pixels, and stored as PNG
    without its metadata.
    """
    async with database.read() as session:
        if await SiteReader(session).reached(site_id, caller.scope) is None:
            raise NotFound
    refuse_other_media(request, TYPES)
    data = await request.body()
    if len(data) > MOST_BYTES:
        raise TooLarge(f"The image is larger than {MOST_BYTES} bytes")
    png = await read_logo(data)  # without a connection
    async with database.write() as unit:
        await put_logo(unit, site_id, png, now, caller.scope)
        record(unit, AuditAction.SITE_UPDATED, site_id, caller, now, site=site_id, fields=["logo"])


@router.get(
    "/",
    operation_id="sites_logo",
    summary="Read a site's logo",
    dependencies=[Public, Revalidated],
    response_class=LogoResponse,
    responses=image("image/png") | problems(NotFound),
)
async def read_site_logo(site_id: UUID, session: Reading) -> Response:
    """Return the logo, which pages elsewhere may show, and keep for a day."""
    png = await LogoReader(session).png(site_id)
    if png is None:
        raise NotFound
    headers = {
        "Cache-Control": A_DAY,
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    return LogoResponse(png, headers=headers)


@router.delete(
    "/",
    operation_id="sites_delete_logo",
    summary="Remove a site's logo",
    status_code=204,
    responses=problems(NotFound),
)
async def delete_logo(site_id: UUID, caller: SiteEditor, database: Db, now: Now) -> None:
    """Remove the logo, if there is one."""
    async with database.write() as unit:
        await remove_logo(unit, site_id, now, caller.scope)
        record(unit, AuditAction.SITE_UPDATED, site_id, caller, now, site=site_id, fields=["logo"])
