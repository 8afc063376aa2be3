"""`/api/auth/me/delegates/` and `/api/auth/users/{id}/delegates/`: who acts for a host."""

from uuid import UUID

from fastapi import APIRouter

from app.accounts.delegate_repository import DelegateReader
from app.accounts.delegate_schemas import Delegates
from app.accounts.delegate_service import DelegateService
from app.accounts.user_service import managed_account
from app.auth.guards import DelegateManager, SignedIn, UserViewer
from app.core.errors import BeyondYourRights, NotAuthenticated, NotFound, problems
from app.core.http.dependencies import Now, Reading, Writing
from app.core.http.routing import ApiRoute

router = APIRouter(prefix="/api/auth", tags=["users"], route_class=ApiRoute)


@router.get(
    "/me/delegates/", operation_id="auth_me_delegates", summary="List the caller's delegates"
)
async def list_own_delegates(caller: SignedIn, session: Reading) -> Delegates:
    """Return the accounts that act for the caller."""
    return Delegates(user_ids=list(await DelegateReader(session).of_host(_own(caller))))


@router.put(
    "/me/delegates/",
    operation_id="auth_set_my_delegates",
    summary="Choose the caller's delegates",
    responses=problems(BeyondYourRights),
)
async def set_own_delegates(
    body: Delegates, caller: SignedIn, unit: Writing, now: Now
) -> Delegates:
    """Let exactly these accounts act for the caller.

    They see and change the caller's visits at every site, and register visitors for the caller, but
    erase none and take none over. Mails still go to the caller. Accounts limited to sites
    have no delegates.
    """
    return Delegates(
        user_ids=await DelegateService(unit, caller, now).replace(_own(caller), body.user_ids)
    )


@router.get(
    "/users/{user_id:uuid}/delegates/",
    operation_id="users_delegates",
    summary="List an account's delegates",
    responses=problems(NotFound),
)
async def list_delegates(user_id: UUID, caller: UserViewer, session: Reading) -> Delegates:
    """Return the accounts that act for a host."""
    await managed_account(session, caller, user_id)
    return Delegates(user_ids=list(await DelegateReader(session).of_host(user_id)))


@router.put(
    "/users/{user_id:uuid}/delegates/",
    operation_id="users_set_delegates",
    summary="Choose an account's delegates",
    responses=problems(NotFound, BeyondYourRights),
)
async def set_delegates(
    user_id: UUID, body: Delegates, caller: DelegateManager, unit: Writing, now: Now
) -> Delegates:
    """Let exactly these accounts act for a host.

    The caller must have confirmed the sign-in within the last 10 minutes, and have no `sites`:
    delegates see visits everywhere.
    """
    await managed_account(unit, caller, user_id)
    if caller.scope.sites is not None:
        raise BeyondYourRights("Delegates see every site: an admin of some cannot choose them")
    return Delegates(
        user_ids=await DelegateService(unit, caller, now).replace(user_id, body.user_ids)
    )


def _own(caller: SignedIn) -> UUID:
    if caller.id is None:
        raise NotAuthenticated
    return caller.id
