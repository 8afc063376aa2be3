from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request

from app.auth.caller import Caller
from app.auth.condition_dependencies import given_condition, if_match
from app.auth.guards import GroupEditor
from app.core.db.database import ReadSession
from app.core.errors import NotFound
from app.core.http.dependencies import Db, Now, Writing
from app.core.http.etags import Condition
from app.groups.action_service import GroupActionService
from app.groups.repository import GroupFilter, GroupReader, MemberReader
from app.groups.schemas import Group, GroupQuery
from app.groups.service import GroupService
from app.services import Services, services
from app.visitors import group_models
from app.visitors.batch_service import BatchService
from app.visitors.budget_limits import Budgeted


async def _shown(session: ReadSession, group_id: UUID, caller: Caller, _: Services) -> Group:
    group = await GroupReader(session).seen(group_id, caller)
    if group is None:
        raise NotFound
    return Group.with_visitors(group, await MemberReader(session).visible(group_id, caller))


OF_GROUP = (group_models.Group, "group_id", _shown)
IfCurrent = if_match(*OF_GROUP)
OnlyIf = Annotated[Condition | None, Depends(given_condition(*OF_GROUP))]


async def _group_service(
    request: Request, unit: Writing, now: Now, budgets: Budgeted
) -> GroupService:
    ours = services(request)
    return GroupService(BatchService(unit, ours.qr_tokens, ours.wake_outbox, now, budgets))


async def _action_service(
    request: Request, database: Db, caller: GroupEditor, budgets: Budgeted, only_if: OnlyIf
) -> GroupActionService:
    ours = services(request)
    return GroupActionService(
        database, ours.qr_tokens, ours.wake_outbox, ours.clock, budgets, caller, only_if
    )


async def _filter(chosen: Annotated[GroupQuery, Query()]) -> GroupFilter:
    return GroupFilter(**chosen.model_dump())


GroupServiceDep = Annotated[GroupService, Depends(_group_service)]
GroupActions = Annotated[GroupActionService, Depends(_action_service)]
Filter = Annotated[GroupFilter, Depends(_filter)]
