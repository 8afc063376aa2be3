"""`/api/auth/users/`: the accounts that the caller manages."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from app.accounts.dependencies import IfCurrent, Users
from app.accounts.rights import managed_roles
from app.accounts.user_service import managed_account
from app.auth.errors import ReauthenticationRequired
from app.auth.guards import UserViewer
from app.auth.idempotency_dependencies import Once
from app.core.db.rollout import UpdateUnderWay
from app.core.errors import BeyondYourRights, NotFound, problems
from app.core.http.dependencies import Paging, Reading
from app.core.http.pagination import Page
from app.core.http.responses import CREATED
from app.core.http.routing import ApiRoute
from app.users.errors import (
    EmailTaken,
    LastSuperadmin,
    NameLooksTaken,
    SitesNotForRole,
    SitesRequired,
)
from app.users.repository import UserFilter, UserReader
from app.users.schemas import ChangedUser, DeletedUser, User, UserCreate, UserQuery, UserUpdate

router = APIRouter(prefix="/api/auth/users", tags=["users"], route_class=ApiRoute)


async def _filter(chosen: Annotated[UserQuery, Query()]) -> UserFilter:
    return UserFilter(**chosen.model_dump())


@router.get("/", operation_id="users_list", summary="List accounts")
async def list_users(
    caller: UserViewer,
    session: Reading,
    chosen: Annotated[UserFilter, Depends(_filter)],
    page: Paging,
) -> Page[User]:
    """Return the accounts that the caller manages, newest first.

    Superadmins get all of them, admins those of hosts, and those of receptionists and guards who
    work only at the admin's sites.
    """
    rows, next_cursor, total = await UserReader(session).page(
        chosen, managed_roles(caller), caller.scope, page
    )
    items = [User.model_validate(row) for row in rows]
    return Page(items=items, next_cursor=next_cursor, total=total)


@router.post(
    "/",
    operation_id="users_create",
    summary="Create an account",
    status_code=201,
    dependencies=[Once],
    responses=CREATED
    | problems(
        EmailTaken,
        NameLooksTaken,
        ReauthenticationRequired,
        BeyondYourRights,
        SitesRequired,
        SitesNotForRole,
        UpdateUnderWay,
    ),
)
async def create_user(body: UserCreate, users: Users, response: Response) -> User:
    """Create an account and mail its user a link to set the password, valid for a day.

    With `OIDC_REQUIRED`, only superadmins are mailed a link; others sign in by the directory.
    For any role but `host`, the caller must have confirmed the sign-in within the last 10 minutes.
    Admins, receptionists and guards need `sites`: some of the caller's, or null for all, which only
    a caller without a limit may give.
    """
    user = await users.create(body)
    response.headers["Location"] = f"/api/auth/users/{user.id}/"
    return User.model_validate(user)


@router.get(
    "/{user_id:uuid}/",
    operation_id="users_read",
    summary="Read an account",
    responses=problems(NotFound),
)
async def read_user(user_id: UUID, caller: UserViewer, session: Reading) -> User:
    """Return an account that the caller manages."""
    return User.model_validate(await managed_account(session, caller, user_id))


@router.patch(
    "/{user_id:uuid}/",
    operation_id="users_update",
    summary="Change an account",
    dependencies=[IfCurrent],
    responses=problems(
        NotFound,
        EmailTaken,
        NameLooksTaken,
        LastSuperadmin,
        ReauthenticationRequired,
        BeyondYourRights,
        SitesRequired,
        SitesNotForRole,
        UpdateUnderWay,
    ),
)
async def change_user(user_id: UUID, body: UserUpdate, users: Users) -> ChangedUser:
    """Change the fields that are sent. A deactivated account loses access immediately.

    `email`, `role`, `sites` and `is_active` need a sign-in
    confirmed within the last 10 minutes; a change of
    address is mailed to both addresses.

    A change to another role needs `sites` as a new account does, and to `host` or `superadmin`
    drops them. An admin with `sites` changes neither the address nor the role of a host, nor the
    address of an account that acts for one or has visits at other sites.

    Mails to a deactivated host go to the `reception_email` of the site, if there is one. `POST
    …/hand-over/` gives the visits to another host.
    """
    user, upcoming = await users.change(user_id, body.changes())
    return ChangedUser(**User.model_validate(user).model_dump(), upcoming_visits=upcoming)


@router.delete(
    "/{user_id:uuid}/",
    operation_id="users_delete",
    summary="Delete an account",
    dependencies=[IfCurrent],
    responses=problems(NotFound, BeyondYourRights, LastSuperadmin, ReauthenticationRequired),
)
async def delete_user(user_id: UUID, users: Users) -> DeletedUser:
    """Delete an account. Its visitors remain, with the host's name and address.

    Needs a sign-in confirmed within the last 10 minutes. An admin with `sites` deletes no host.
    Mails to the host go to the site's `reception_email`, if there is one.
    """
    return DeletedUser(upcoming_visits=await users.delete(user_id))
