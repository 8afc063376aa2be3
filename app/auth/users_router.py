"""`/api/auth/users/`: the accounts that a caller manages. Others are not there for them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from app.auth.dependencies import Users
from app.auth.guards import UserManager
from app.auth.idempotency import Once
from app.auth.user_management import managed_roles
from app.core.database import Reading
from app.core.dependencies import Hasher
from app.core.errors import NotFound, problems
from app.core.pagination import Page, Paging
from app.core.routing import ApiRoute
from app.users.errors import EmailTaken, LastSuperadmin
from app.users.repository import UserFilter, UserReader
from app.users.schemas import AccountOut, UserChangeIn, UserFilterIn, UserIn

router = APIRouter(prefix="/api/auth/users", tags=["users"], route_class=ApiRoute)


async def _filter(chosen: Annotated[UserFilterIn, Query()]) -> UserFilter:
    return UserFilter(**chosen.model_dump())


@router.get("/")
async def list_users(
    caller: UserManager,
    session: Reading,
    chosen: Annotated[UserFilter, Depends(_filter)],
    page: Paging,
) -> Page[AccountOut]:
    """Accounts, the newest first: all for a superadmin, those of hosts for an admin."""
    rows, next_cursor, total = await UserReader(session).page(chosen, managed_roles(caller), page)
    items = [AccountOut.model_validate(row) for row in rows]
    return Page(items=items, next_cursor=next_cursor, total=total)


@router.post("/", status_code=201, dependencies=[Once], responses=problems(EmailTaken))
async def create_user(body: UserIn, users: Users, hasher: Hasher, response: Response) -> AccountOut:
    """Make an account. Without a password its owner is mailed a link to set one, for a day."""
    user = await users.create(body, hasher)
    response.headers["Location"] = f"/api/auth/users/{user.id}/"
    return AccountOut.model_validate(user)


@router.get("/{user_id:uuid}/", responses=problems(NotFound))
async def read_user(user_id: UUID, caller: UserManager, session: Reading) -> AccountOut:
    """One account."""
    user = await UserReader(session).of_roles(user_id, managed_roles(caller))
    if user is None:
        raise NotFound
    return AccountOut.model_validate(user)


@router.patch("/{user_id:uuid}/", responses=problems(NotFound, EmailTaken, LastSuperadmin))
async def change_user(user_id: UUID, body: UserChangeIn, users: Users) -> AccountOut:
    """Change the fields that are sent. An account that is deactivated is out at once."""
    return AccountOut.model_validate(await users.change(user_id, body.changes()))


@router.delete("/{user_id:uuid}/", status_code=204, responses=problems(NotFound, LastSuperadmin))
async def delete_user(user_id: UUID, users: Users) -> None:
    """Delete an account. Visitors of a host stay, with the host's name and address."""
    await users.delete(user_id)
