from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from app.accounts.dependencies import IfCurrent
from app.accounts.rights import managed_roles
from app.accounts.user_service import managed_account
from app.auth.event_repository import AccountEventRepository
from app.auth.guards import UserManager
from app.auth.models import AccountAction
from app.core.db.rollout import UpdateUnderWay
from app.core.errors import NotFound, problems
from app.core.http.dependencies import Now, Writing
from app.core.http.routing import ApiRoute
from app.services import services
from app.users.repository import UserRepository
from app.visitors.hand_over_service import HandOver

router = APIRouter(prefix="/api/auth/users", tags=["users"], route_class=ApiRoute)


class HandOverTo(BaseModel):
    """The new host of the visits."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"to": "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c14"}},
    )

    to: UUID = Field(description="An active account")


class HandedOverVisits(BaseModel):
    """The result of a hand-over."""

    visits: int = Field(description="Number of visits with the new host")
    left: int = Field(description="Number of upcoming visits left with the former host")


@router.post(
    "/{user_id:uuid}/hand-over/",
    operation_id="users_hand_over",
    summary="Hand over a host's visits",
    dependencies=[IfCurrent],
    responses=problems(NotFound, UpdateUnderWay),
)
async def hand_over(
    user_id: UUID, body: HandOverTo, caller: UserManager, unit: Writing, request: Request, now: Now
) -> HandedOverVisits:
    """Give the upcoming visits of an account to another host.

    The new host receives one mail; the former one, if the account is active, a mail for each visit.
    """
    former = await managed_account(unit, caller, user_id)
    if unit.is_conditional:
        await UserRepository(unit).lock_of_roles(user_id, managed_roles(caller), caller.scope)
    done = await HandOver(unit, services(request).wake_outbox, caller, now).run(former, body.to)
    AccountEventRepository(unit, now).record(
        AccountAction.VISITS_HANDED_OVER, former.id, by=caller.id, to=str(body.to)
    )
    return HandedOverVisits(visits=done.visits, left=done.left)
