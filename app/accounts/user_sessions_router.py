"""`/api/auth/users/{id}/sessions/`: staff list and end the sessions of accounts they manage."""

from uuid import UUID

from fastapi import APIRouter

from app.accounts.user_service import managed_account
from app.auth.event_repository import AccountEventRepository
from app.auth.guards import SessionEnder, UserViewer
from app.auth.models import AccountAction
from app.auth.repository import AuthSessionReader, AuthSessionRepository
from app.auth.schemas import Session
from app.core.errors import NotFound, problems
from app.core.http.dependencies import Now, Paging, Reading, Writing
from app.core.http.pagination import Page
from app.core.http.routing import ApiRoute

router = APIRouter(
    prefix="/api/auth/users/{user_id:uuid}/sessions",
    tags=["users"],
    route_class=ApiRoute,
    responses=problems(NotFound),
)


@router.get("/", operation_id="users_sessions_list", summary="List an account's sessions")
async def list_sessions(
    user_id: UUID, caller: UserViewer, session: Reading, now: Now, page: Paging
) -> Page[Session]:
    """Return the live sessions of an account, newest first."""
    await managed_account(session, caller, user_id)
    rows, next_cursor, total = await AuthSessionReader(session).page_of(user_id, now, page)
    items = [Session.model_validate(row) for row in rows]
    for item in items:
        item.current = item.id == caller.session_id
    return Page(items=items, next_cursor=next_cursor, total=total)


@router.delete(
    "/",
    operation_id="users_sessions_end_all",
    summary="Sign an account out everywhere",
    status_code=204,
)
async def end_sessions(user_id: UUID, caller: SessionEnder, unit: Writing, now: Now) -> None:
    """End all sessions of an account, from their next request on.

    The caller must have confirmed the sign-in within the last 10 minutes.
    """
    await managed_account(unit, caller, user_id)
    await AuthSessionRepository(unit).revoke_all(user_id, now)
    log = AccountEventRepository(unit, now)
    log.record(AccountAction.SESSION_ENDED, user_id, by=caller.id, all=True)


@router.delete(
    "/{session_id:uuid}/",
    operation_id="users_sessions_end",
    summary="End a session of an account",
    status_code=204,
)
async def end_session(
    user_id: UUID, session_id: UUID, caller: SessionEnder, unit: Writing, now: Now
) -> None:
    """End a session of an account, from its next request on.

    The caller must have confirmed the sign-in within the last 10 minutes.
    """
    await managed_account(unit, caller, user_id)
    session = await AuthSessionRepository(unit).lock_live(session_id, now)
    if session is None or session.user_id != user_id:
        raise NotFound
    session.revoked_at = now
    AccountEventRepository(unit, now).record(AccountAction.SESSION_ENDED, user_id, by=caller.id)
