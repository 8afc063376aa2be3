"""`/api/auth/sessions/`: the caller's sessions."""

from uuid import UUID

from fastapi import APIRouter

from app.auth.event_repository import AccountEventRepository
from app.auth.guards import SignedIn
from app.auth.models import AccountAction
from app.auth.repository import AuthSessionReader, AuthSessionRepository
from app.auth.schemas import Session
from app.core.errors import NotFound, problems
from app.core.http.dependencies import Now, Paging, Reading, Writing
from app.core.http.pagination import Page
from app.core.http.routing import ApiRoute

router = APIRouter(prefix="/api/auth/sessions", tags=["auth"], route_class=ApiRoute)


@router.get("/", operation_id="sessions_list", summary="List the caller's sessions")
async def list_sessions(
    caller: SignedIn, session: Reading, now: Now, page: Paging
) -> Page[Session]:
    """Return the caller's live sessions, newest first."""
    sessions = AuthSessionReader(session)
    rows, next_cursor, total = await sessions.page_of(_own(caller), now, page)
    items = [Session.model_validate(row) for row in rows]
    for item in items:
        item.current = item.id == caller.session_id
    return Page(items=items, next_cursor=next_cursor, total=total)


@router.delete(
    "/", operation_id="sessions_end_others", summary="Sign out everywhere else", status_code=204
)
async def end_other_sessions(caller: SignedIn, unit: Writing, now: Now) -> None:
    """End the caller's other sessions, from their next request on."""
    account = _own(caller)
    await AuthSessionRepository(unit).revoke_all(account, now, but=caller.session_id)
    audit_log = AccountEventRepository(unit, now)
    audit_log.record(AccountAction.OTHER_SESSIONS_ENDED, account, by=account)


@router.delete(
    "/{session_id:uuid}/",
    operation_id="sessions_end",
    summary="End a session",
    status_code=204,
    responses=problems(NotFound),
)
async def end_session(session_id: UUID, caller: SignedIn, unit: Writing, now: Now) -> None:
    """End a session of the caller, possibly the current one, from its next request on."""
    account = _own(caller)
    session = await AuthSessionRepository(unit).lock_live(session_id, now)
    if session is None or session.user_id != account:
        raise NotFound
    session.revoked_at = now
    AccountEventRepository(unit, now).record(AccountAction.SESSION_ENDED, account, by=account)


def _own(caller: SignedIn) -> UUID:
    if caller.id is None:
        raise NotFound
    return caller.id
