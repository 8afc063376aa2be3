"""`/api/musters/{id}/links/`: links for wardens without an account."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request

from app.auth.guards import MusterKeeper, MusterViewer
from app.core.db.rollout import UpdateUnderWay
from app.core.errors import NotFound, problems
from app.core.http.dependencies import Now, Reading, Writing
from app.core.http.routing import ApiRoute
from app.musters import schemas
from app.musters.errors import MusterTransition
from app.musters.link_repository import LinkReader
from app.musters.link_service import LinkService
from app.musters.mails import MusterMails
from app.musters.repository import MusterReader
from app.musters.router import may_see_phones
from app.notifications.links import Links
from app.services import services

router = APIRouter(
    prefix="/api/musters/{muster_id:uuid}/links", tags=["musters"], route_class=ApiRoute
)


async def _links(request: Request, unit: Writing, caller: MusterKeeper, now: Now) -> LinkService:
    ours = services(request)
    links = Links(ours.settings.service_url, ours.settings.map_url)
    return LinkService(unit, caller, caller.scope, now, MusterMails(ours.wake_outbox, links))


LinkServiceDep = Annotated[LinkService, Depends(_links)]


@router.post(
    "/",
    operation_id="muster_links_create",
    summary="Make a link for a warden",
    status_code=201,
    responses=problems(NotFound, MusterTransition, UpdateUnderWay),
)
async def create_link(
    muster_id: UUID, body: schemas.LinkCreate, caller: MusterKeeper, service: LinkServiceDep
) -> schemas.NewMusterLink:
    """Return the link of a page for somebody without an account; only this response has it.

    It shows what the caller may see now. It works until it is deleted, for 24 hours after the
    start, and for an hour after the end. With `email` it is mailed, too, unless the caller is a
    guard.
    """
    phones = may_see_phones(caller)
    link, url = await service.create(muster_id, body, caller, shows_phones=phones)
    return schemas.NewMusterLink(id=link.id, name=link.name, created_at=link.created_at, url=url)


@router.get(
    "/",
    operation_id="muster_links_list",
    summary="List the links of a muster",
    responses=problems(NotFound),
)
async def list_links(
    muster_id: UUID, caller: MusterViewer, session: Reading
) -> list[schemas.MusterLink]:
    """Return the links that were not deleted, oldest first, without their URLs."""
    if await MusterReader(session).reached(muster_id, caller.scope) is None:
        raise NotFound
    links = await LinkReader(session).of_muster(muster_id)
    return [schemas.MusterLink.model_validate(link) for link in links]


@router.delete(
    "/{link_id:uuid}/",
    operation_id="muster_links_delete",
    summary="Delete a link",
    status_code=204,
    responses=problems(NotFound),
)
async def delete_link(
    muster_id: UUID, link_id: UUID, _: MusterKeeper, service: LinkServiceDep
) -> None:
    """Let a link be dead for ever; the marks stay."""
    await service.delete(muster_id, link_id)
