"""`/muster/{link}/`: what a warden with a link reads and sends; the link authorizes it."""

from fastapi import APIRouter

from app.auth.guards import Public
from app.core.db.scope import EVERYTHING
from app.core.errors import problems
from app.core.http.dependencies import Now, Reading, Writing
from app.core.http.routing import ApiRoute
from app.musters import schemas
from app.musters.dependencies import OfWarden
from app.musters.errors import MusterTransition, PersonIdReused
from app.musters.mark_service import MarkService
from app.musters.router import MarksRoute
from app.musters.statements import roster
from app.sites.repository import SiteReader

PREFIX = "/muster/{link}"
MARKS_PATH = r"/muster/[^/]+/marks/"
router = APIRouter(prefix=PREFIX, tags=["musters"], route_class=ApiRoute, dependencies=[Public])
marks_router = APIRouter(
    prefix=PREFIX, tags=["musters"], route_class=MarksRoute, dependencies=[Public]
)


@router.get(
    "/roster/", operation_id="muster_links_read_roster", summary="Read the roster with a link"
)
async def read_roster(warden: OfWarden, session: Reading) -> schemas.WardenRoster:
    """Return a muster with its roster, with phones if the maker of the link saw them."""
    muster = warden.muster
    site = (await SiteReader(session).by_id([muster.site_id]))[muster.site_id]
    entries = await roster(session, muster.id, with_phones=warden.link.shows_phones)
    shown = schemas.Muster.of_entries(muster, entries)
    return schemas.WardenRoster(
        **dict(shown),
        warden=warden.name,
        site_name=site.name,
        language=site.language,
        timezone=site.timezone,
    )


@marks_router.post(
    "/marks/",
    operation_id="muster_links_mark",
    summary="Mark people with a link",
    responses=problems(MusterTransition),
)
async def mark_people(
    body: schemas.Marks, warden: OfWarden, unit: Writing, now: Now
) -> schemas.MarkResults:
    """Take marks as `POST /api/musters/{id}/marks/` does; they bear the name of the link."""
    service = MarkService(unit, warden, EVERYTHING, now)
    return await service.mark(warden.muster.id, body.root)


@router.post(
    "/people/",
    operation_id="muster_links_add_person",
    summary="Add somebody with a link",
    status_code=201,
    responses=problems(MusterTransition, PersonIdReused),
)
async def add_person(
    body: schemas.PersonCreate, warden: OfWarden, unit: Writing, now: Now
) -> schemas.MusterEntry:
    """Add somebody who is not on the roster; a repeat with the same `person_id` changes nothing."""
    muster_id = warden.muster.id
    entry_id = await MarkService(unit, warden, EVERYTHING, now).add_person(muster_id, body)
    phones = warden.link.shows_phones
    [entry] = await roster(unit, muster_id, with_phones=phones, entry_id=entry_id)
    return schemas.MusterEntry.model_validate(entry)
