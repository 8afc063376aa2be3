"""`/api/auth/users/`: the accounts that a caller manages. Others are not there for them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from app.accounts.dependencies import Users
from app.accounts.user_service import managed_roles
from app.auth.errors import ReauthenticationRequired
from app.auth.guards import UserManager
from app.auth.idempotency_dependencies import Once
from app.core.db.database import Reading
from app.core.db.rollout import UpdateUnderWay
from app.core.errors import NotFound, problems
from app.core.http.dependencies import Hasher
from app.core.http.pagination import Page, Paging
from app.core.http.responses import CREATED
from app.core.http.routing import ApiRoute
from app.users.errors import EmailTaken, LastSuperadmin, NameLooksTaken
from app.users.repository import UserFilter, UserReader
from app.users.schemas import ChangedUser, DeletedUser, User, UserCreate, UserQuery, UserUpdate

router = APIRouter(prefix="/api/auth/users", tags=["users"], route_class=ApiRoute)


async def _filter(chosen: Annotated[UserQuery, Query()]) -> UserFilter:
    return UserFilter(**chosen.model_dump())


@router.get("/", operation_id="users_list", summary="List accounts")
async def list_users(
    caller: UserManager,
    session: Reading,
    chosen: Annotated[UserFilter, Depends(_filter)],
    page: Paging,
) -> Page[User]:
    """The newest first: all for a superadmin, those of hosts for an admin."""
    rows, next_cursor, total = await UserReader(session).page(chosen, managed_roles(caller), page)
    items = [User.model_validate(row) for row in rows]
    return Page(items=items, next_cursor=next_cursor, total=total)


@router.post(
    "/",
    operation_id="users_create",
    summary="Make an account",
    status_code=201,
    dependencies=[Once],
    responses=CREATED | problems(EmailTaken, NameLooksTaken, ReauthenticationRequired),
)
async def create_user(body: UserCreate, users: Users, hasher: Hasher, response: Response) -> User:
    """Without a password its owner is mailed a link to set one, for a day.

    With a password, and for any role but `host`, the sign-in must be confirmed within the last 10
    minutes.
    """
    user = await users.create(body, hasher)
    response.headers["Location"] = f"/api/auth/users/{user.id}/"
    return User.model_validate(user)


@router.get(
    "/{user_id:uuid}/",
    operation_id="users_read",
    summary="Read an account",
    responses=problems(NotFound),
)
async def read_user(user_id: UUID, caller: UserManager, session: Reading) -> User:
    """Of those that the caller manages; any other is a 404."""
    user = await UserReader(session).of_roles(user_id, managed_roles(caller))
    if user is None:
        raise NotFound
    return User.model_validate(user)


@router.patch(
    "/{user_id:uuid}/",
    operation_id="users_update",
    summary="Change an account",
    responses=problems(
        NotFound,
        EmailTaken,
        NameLooksTaken,
        LastSuperadmin,
        ReauthenticationRequired,
        UpdateUnderWay,
    ),
)
async def change_user(user_id: UUID, body: UserUpdate, users: Users) -> ChangedUser:
    """Change the fields that are sent. An account that is deactivated is out at once.

    Another `email`, `role` or `is_active` needs a sign-in confirmed within the last 10 minutes; a
    new address is told to both mailboxes.

    Nobody writes to a deactivated account: its mails go to the `reception_email` of the site, where
    there is one. `POST …/hand-over/` gives its visits to somebody else.
    """
    user, upcoming = await users.change(user_id, body.changes())
    return ChangedUser(**User.model_validate(user).model_dump(), upcoming_visits=upcoming)


@router.delete(
    "/{user_id:uuid}/",
    operation_id="users_delete",
    summary="Delete an account",
    responses=problems(NotFound, LastSuperadmin, ReauthenticationRequired),
)
async def delete_user(user_id: UUID, users: Users) -> DeletedUser:
    """Delete an account. Visitors of a host stay, with the host's name and address.

    It needs a sign-in confirmed within the last 10 minutes.

    Their mails to the host go to the `reception_email` of the site, where there is one.
    """
    return DeletedUser(upcoming_visits=await users.delete(user_id))
