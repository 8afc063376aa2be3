"""`/api/musters/`: evacuations, their rosters and the marks of wardens."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from app.auth.caller import Caller
from app.auth.condition_dependencies import if_match
from app.auth.guards import MusterKeeper, MusterViewer
from app.auth.idempotency_dependencies import Once
from app.core.db.database import ReadSession
from app.core.errors import NotFound, problems
from app.core.http.dependencies import Now, Paging, Reading, Writing
from app.core.http.pagination import Page
from app.core.http.responses import CREATED
from app.core.http.routing import ApiRoute
from app.musters import models, schemas
from app.musters.errors import (
    MusterOpen,
    MusterTransition,
    PersonIdReused,
    ReopenExpired,
    UnaccountedChanged,
)
from app.musters.mark_service import MarkService
from app.musters.repository import MusterFilter, MusterReader
from app.musters.service import MusterService
from app.musters.statements import roster, states
from app.services import Services

MOST_BYTES = 1024 * 1024
MARKS_PATH = r"/api/musters/[^/]+/marks/"
router = APIRouter(prefix="/api", tags=["musters"], route_class=ApiRoute)


class MarksRoute(ApiRoute):
    """A route for 500 marks with what they have seen."""

    most_values = 60_000


marks_router = APIRouter(prefix="/api", tags=["musters"], route_class=MarksRoute)


async def _musters(unit: Writing, caller: MusterKeeper, now: Now) -> MusterService:
    return MusterService(unit, caller, caller.scope, now)


async def _marks(unit: Writing, caller: MusterKeeper, now: Now) -> MarkService:
    return MarkService(unit, caller, caller.scope, now)


async def _read(
    session: ReadSession, muster_id: UUID, caller: Caller, _: Services
) -> schemas.Muster:
    muster = await MusterReader(session).reached(muster_id, caller.scope)
    if muster is None:
        raise NotFound
    return await shown(session, muster, caller)


IfCurrent = if_match(models.Muster, "muster_id", _read)
MusterServiceDep = Annotated[MusterService, Depends(_musters)]
MarkServiceDep = Annotated[MarkService, Depends(_marks)]


@router.post(
    "/sites/{site_id:uuid}/musters/",
    operation_id="musters_start",
    summary="Start a muster",
    status_code=201,
    dependencies=[Once],
    responses=CREATED | problems(NotFound, MusterOpen),
)
async def start_muster(
    site_id: UUID,
    body: schemas.MusterStart,
    caller: MusterKeeper,
    service: MusterServiceDep,
    response: Response,
) -> schemas.Muster:
    """Return the roster of everybody on site.

    Those are on it whose stay was closed automatically in the last 12 hours, too, as `unconfirmed`.
    While a `real` one is open, the gates of the site refuse entries with `emergency` and open for
    every exit.
    """
    muster = await service.start(site_id, body)
    response.headers["Location"] = f"/api/musters/{muster.id}/"
    return await shown(service.unit, muster, caller)


@router.get("/musters/", operation_id="musters_list", summary="List musters")
async def list_musters(
    caller: MusterViewer,
    session: Reading,
    chosen: Annotated[schemas.MusterQuery, Query()],
    page: Paging,
) -> Page[schemas.MusterSummary]:
    """Return the musters of the caller's sites, newest first, without rosters."""
    rows, next_cursor, total = await MusterReader(session).page(
        MusterFilter(**chosen.model_dump()), caller.scope, page
    )
    by_muster = await states(session, [row.id for row in rows])
    items = [schemas.MusterSummary.of(row, schemas.Counts.of(by_muster[row.id])) for row in rows]
    return Page(items=items, next_cursor=next_cursor, total=total)


@router.get(
    "/musters/{muster_id:uuid}/",
    operation_id="musters_read",
    summary="Read a muster",
    responses=problems(NotFound),
)
async def read_muster(muster_id: UUID, caller: MusterViewer, session: Reading) -> schemas.Muster:
    """Return a muster with its roster; guards see no phones."""
    muster = await MusterReader(session).reached(muster_id, caller.scope)
    if muster is None:
        raise NotFound
    return await shown(session, muster, caller)


@router.patch(
    "/musters/{muster_id:uuid}/",
    operation_id="musters_update",
    summary="Turn a drill into a real muster",
    dependencies=[IfCurrent],
    responses=problems(NotFound, MusterTransition),
)
async def change_muster(
    muster_id: UUID,
    body: schemas.MusterChange,
    caller: MusterKeeper,
    service: MusterServiceDep,
) -> schemas.Muster:
    """Change the kind to `real`; the marks stay."""
    return await shown(service.unit, await service.change(muster_id, body.kind), caller)


@marks_router.post(
    "/musters/{muster_id:uuid}/marks/",
    operation_id="musters_mark",
    summary="Mark people",
    dependencies=[IfCurrent],
    responses=problems(NotFound, MusterTransition),
)
async def mark_people(
    muster_id: UUID, body: schemas.Marks, service: MarkServiceDep
) -> schemas.MarkResults:
    """Say who is safe; the same marks give the same state in any order, however often sent.

    The latest mark holds, except that a mark `needs_help` or `missing` holds until another one
    names it in `seen`. Times before the start or more than five minutes ahead are moved to there.
    Marks are taken until an hour after the end.
    """
    return await service.mark(muster_id, body.root)


@router.post(
    "/musters/{muster_id:uuid}/people/",
    operation_id="musters_add_person",
    summary="Add a person to the roster",
    status_code=201,
    dependencies=[Once, IfCurrent],
    responses=problems(NotFound, MusterTransition, PersonIdReused),
)
async def add_person(
    muster_id: UUID,
    body: schemas.PersonCreate,
    caller: MusterKeeper,
    service: MarkServiceDep,
) -> schemas.MusterEntry:
    """Add somebody who is not on the roster; a repeat with the same `person_id` changes nothing."""
    entry_id = await service.add_person(muster_id, body)
    phones = may_see_phones(caller)
    [entry] = await roster(service.unit, muster_id, with_phones=phones, entry_id=entry_id)
    return schemas.MusterEntry.model_validate(entry)


@router.post(
    "/musters/{muster_id:uuid}/end/",
    operation_id="musters_end",
    summary="End a muster",
    dependencies=[IfCurrent],
    responses=problems(NotFound, MusterTransition, UnaccountedChanged),
)
async def end_muster(
    muster_id: UUID, body: schemas.MusterEnd, caller: MusterKeeper, service: MusterServiceDep
) -> schemas.Muster:
    """End a muster if as many people are unaccounted for as the caller was shown.

    Those whom a warden marked as `left_earlier` are checked out.
    """
    return await shown(service.unit, await service.end(muster_id, body.unaccounted), caller)


@router.post(
    "/musters/{muster_id:uuid}/reopen/",
    operation_id="musters_reopen",
    summary="Reopen a muster",
    dependencies=[IfCurrent],
    responses=problems(NotFound, MusterTransition, ReopenExpired, MusterOpen),
)
async def reopen_muster(
    muster_id: UUID, caller: MusterKeeper, service: MusterServiceDep
) -> schemas.Muster:
    """Go on with a muster within 24 hours of its end."""
    return await shown(service.unit, await service.reopen(muster_id), caller)


async def shown(session: ReadSession, muster: models.Muster, caller: Caller) -> schemas.Muster:
    """Return a muster with its roster, as the caller may see it."""
    entries = await roster(session, muster.id, with_phones=may_see_phones(caller))
    return schemas.Muster.of_entries(muster, entries)


def may_see_phones(caller: Caller) -> bool:
    return not caller.is_guard
