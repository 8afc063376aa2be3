"""`/api/groups/`: visitors who come to one site together."""

from uuid import UUID

from fastapi import APIRouter, Response

from app.auth.guards import (
    ByHand,
    Cancelling,
    Dismissing,
    Editing,
    GroupEditor,
    VisitorViewer,
)
from app.auth.idempotency_dependencies import Once
from app.core.errors import NotFound, SiteRequired, problems
from app.core.http.dependencies import Paging, Reading
from app.core.http.pagination import Page
from app.core.http.responses import CREATED
from app.core.http.routing import ApiRoute
from app.core.request_context import note_subject
from app.groups.dependencies import Filter, GroupActions, GroupServiceDep, IfCurrent
from app.groups.errors import GroupErased, MembersOfOthers, MembersWithoutSeat
from app.groups.repository import GroupReader, MemberReader
from app.groups.schemas import (
    Chosen,
    ChosenReschedule,
    Group,
    GroupCreate,
    GroupSummary,
    GroupUpdate,
    Results,
)

PATH = "/api/groups/"
MOST_BYTES = 1024 * 1024
EVERYBODY = Chosen()

router = APIRouter(prefix="/api/groups", tags=["groups"], route_class=ApiRoute)


@router.post(
    "/",
    operation_id="groups_create",
    summary="Register a group",
    status_code=201,
    dependencies=[Once],
    responses=CREATED | problems(SiteRequired, MembersOfOthers, MembersWithoutSeat),
)
async def create_group(
    body: GroupCreate, caller: GroupEditor, service: GroupServiceDep, response: Response
) -> Group:
    """Register 1 to 100 visitors of one site, or none of them.

    Every field of a registration but name, e-mail and phone can be given once for all; a member's
    own value takes precedence, and a member who names a host has no other host field of the group.
    The rules are those of a single registration: `errors` names the fields as `visitors.N.field`,
    also where a time cannot be booked or the hour is full. Each visitor is mailed the QR code, each
    host one summary. Each member counts against the limit of a host.
    """
    group, visitors = await service.create(body, caller)
    response.headers["Location"] = f"{PATH}{group.id}/"
    note_subject(group_id=group.id)
    return Group.with_visitors(group, visitors)


@router.get("/", operation_id="groups_list", summary="List groups")
async def list_groups(
    caller: VisitorViewer, session: Reading, chosen: Filter, page: Paging
) -> Page[GroupSummary]:
    """Return groups, newest first.

    Hosts see groups that they made or that include visitors of theirs, others those of their sites.
    Counts are of the visitors that the caller may see.
    """
    reader = GroupReader(session)
    groups, next_cursor, total = await reader.page(chosen, caller, page)
    numbers = await reader.numbers([group.id for group in groups], caller) if groups else {}
    items = [GroupSummary.of(group, numbers.get(group.id, {})) for group in groups]
    return Page(items=items, next_cursor=next_cursor, total=total)


@router.get(
    "/{group_id:uuid}/",
    operation_id="groups_read",
    summary="Read a group",
    responses=problems(NotFound),
)
async def read_group(group_id: UUID, caller: VisitorViewer, session: Reading) -> Group:
    """Return a group with the visitors that the caller may see."""
    group = await GroupReader(session).seen(group_id, caller)
    if group is None:
        raise NotFound
    return Group.with_visitors(group, await MemberReader(session).visible(group_id, caller))


@router.patch(
    "/{group_id:uuid}/",
    operation_id="groups_update",
    summary="Rename a group",
    dependencies=[IfCurrent],
    responses=problems(NotFound, GroupErased),
)
async def rename_group(
    group_id: UUID, body: GroupUpdate, caller: GroupEditor, service: GroupServiceDep
) -> Group:
    """Change the name of a group; hosts change those of groups that they made."""
    group = await service.rename(group_id, body.name, caller)
    members = MemberReader(service.unit)
    return Group.with_visitors(group, await members.visible(group_id, caller))


@router.post(
    "/{group_id:uuid}/check-in/",
    operation_id="groups_check_in",
    summary="Check visitors of a group in",
    dependencies=[ByHand],
    responses=problems(NotFound),
)
async def check_in_visitors(
    group_id: UUID, actions: GroupActions, body: Chosen = EVERYBODY
) -> Results:
    """Check the chosen visitors in by hand, each on its own, as `visitors/{id}/check-in/` does.

    Refusals are those of a gate, and nothing is overruled: a visitor of another day gets
    `wrong_day`, one who is inside `already_inside`. For receptionists, admins and superadmins.
    """
    return Results(results=await actions.check_in(group_id, body))


@router.post(
    "/{group_id:uuid}/check-out/",
    operation_id="groups_check_out",
    summary="Check visitors of a group out",
    dependencies=[Dismissing],
    responses=problems(NotFound),
)
async def check_out_visitors(
    group_id: UUID, actions: GroupActions, body: Chosen = EVERYBODY
) -> Results:
    """Check the chosen visitors out, each on its own, as `visitors/{id}/check-out/` does."""
    return Results(results=await actions.check_out(group_id, body))


@router.post(
    "/{group_id:uuid}/cancel/",
    operation_id="groups_cancel",
    summary="Cancel visits of a group",
    dependencies=[Cancelling],
    responses=problems(NotFound),
)
async def cancel_visits(group_id: UUID, actions: GroupActions, body: Chosen = EVERYBODY) -> Results:
    """Cancel the visits of the chosen visitors, each on its own, as `visitors/{id}/cancel/` does.

    A visitor for whom it is refused stays as they were; the others do not wait for them.
    """
    return Results(results=await actions.cancel(group_id, body))


@router.post(
    "/{group_id:uuid}/reschedule/",
    operation_id="groups_reschedule",
    summary="Reschedule visits of a group",
    dependencies=[Editing],
    responses=problems(NotFound),
)
async def reschedule_visits(
    group_id: UUID, body: ChosenReschedule, actions: GroupActions
) -> Results:
    """Move the visits of the chosen visitors to one time, each on its own.

    Each is moved as by `visitors/{id}/reschedule/`: if the hour has seats for some of them, these
    are moved, in the order of the request, and the others are refused as `slot_full`.
    """
    return Results(results=await actions.reschedule(group_id, body))
