"""`/api/auth/oidc/`: sign-in by the company's directory (OpenID Connect)."""

from collections import Counter
from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse

from app.auth.directory_dependencies import (
    Beginning,
    CheckedReturnTo,
    Flows,
    SignIns,
    require_return_to,
)
from app.auth.directory_errors import (
    ConfirmedElsewhere,
    DirectoryUnavailable,
    InvalidDirectoryCode,
    InvalidReturnTo,
)
from app.auth.directory_flow_service import FLOW_LIFETIME, Answer, Begun, Wish
from app.auth.directory_repository import DirectoryLinkRepository
from app.auth.directory_schemas import (
    Challenge,
    DirectoryAddress,
    DirectoryConfirmation,
    DirectoryRedemption,
)
from app.auth.errors import SecondFactorMissing, SecondFactorRequired
from app.auth.event_repository import AccountEventRepository
from app.auth.guards import AccountLinkManager, Enrolling, Public
from app.auth.models import AccountAction
from app.auth.repository import AuthSessionRepository
from app.auth.router import signed_in
from app.auth.schemas import SignIn
from app.core.errors import Invalid, NotFound, problems
from app.core.http.dependencies import Now, Writing
from app.core.http.routing import ApiRoute, OpenRoute
from app.core.security.openid import ProviderUnavailable

PREFIX = "/api/auth/oidc"
NO_STORE = {"Cache-Control": "no-store"}
GONE: dict[int | str, dict[str, Any]] = {
    302: {"description": "To the directory, or back to the page"}
}
router = APIRouter(prefix=PREFIX, tags=["auth"], route_class=ApiRoute)
# Directories add parameters of their own.
lenient = APIRouter(prefix=PREFIX, tags=["auth"], route_class=OpenRoute)
links = APIRouter(prefix="/api/auth/users", tags=["users"], route_class=ApiRoute)


@router.get(
    "/start/",
    operation_id="auth_directory_start",
    summary="Go to the company's directory",
    status_code=302,
    response_class=RedirectResponse,
    dependencies=[Public],
    responses=GONE | problems(DirectoryUnavailable),
)
async def start(
    _: Beginning,
    flows: Flows,
    return_to: CheckedReturnTo,
    challenge: Annotated[Challenge | None, Query()] = None,
    ticket: Annotated[
        str | None, Query(max_length=6000, description="In the address of `confirm/` only")
    ] = None,
) -> RedirectResponse:
    """Redirect the browser to the directory's page; open this address, don't fetch it.

    It counts once, within 10 minutes, in this browser. `callback/` then leads to `return_to` with
    `#code=…` for `token/`, or to `/` with `#error=…`.
    """
    wish = None if ticket is None else flows.read_ticket(ticket)
    if wish is None and challenge is not None:
        wish = Wish(return_to, challenge)
    if wish is None:
        raise Invalid.field("challenge", "missing", "Field required")
    try:
        begun = await flows.open(wish)
    except ProviderUnavailable:
        raise DirectoryUnavailable from None
    answer = RedirectResponse(begun.url, status_code=302, headers=NO_STORE)
    _bind(answer, begun, flows.provider.client.redirect_uri)
    return answer


def _bind(answer: RedirectResponse, begun: Begun, callback: str) -> None:
    """Set the cookie that only the callback gets."""
    parts = urlsplit(callback)
    answer.set_cookie(
        begun.cookie,
        begun.secret,
        max_age=int(FLOW_LIFETIME.total_seconds()),
        path=parts.path,
        secure=parts.scheme == "https",
        httponly=True,
        samesite="lax",
    )


@lenient.get(
    "/callback/",
    operation_id="auth_directory_callback",
    summary="Come back from the company's directory",
    status_code=302,
    response_class=RedirectResponse,
    dependencies=[Public],
    responses=GONE,
)
async def callback(request: Request, flows: Flows) -> RedirectResponse:
    """Check the directory's answer, and redirect to the page.

    The address has `#code=…` (one use, 60 seconds) or `#error=`: `state_invalid`, `token_invalid`,
    `email_unverified`, `domain_not_allowed`, `account_disabled`, `already_linked`,
    `provider_refused` or `provider_unavailable`.
    """
    address = await flows.finish(_answer(request), request.cookies)
    return RedirectResponse(address, status_code=302, headers=NO_STORE)


def _answer(request: Request) -> Answer:
    """Return the parameters of the directory; a repeated one counts as missing (RFC 6749, 3.1)."""
    given = request.query_params.multi_items()
    times = Counter(name for name, _ in given)
    said = {name: value for name, value in given if times[name] == 1}
    return Answer(said.get("state"), said.get("code"), said.get("iss"), said.get("error"))


@router.post(
    "/token/",
    operation_id="auth_directory_token",
    summary="Sign in with the code of the directory's answer",
    dependencies=[Public],
    responses=problems(InvalidDirectoryCode, SecondFactorRequired, SecondFactorMissing),
)
async def token(body: DirectoryRedemption, flows: Flows, sign_ins: SignIns) -> SignIn:
    """Return a pair of tokens, as `login/`; of a confirmation, for the session that it confirms.

    The code is spent, also if the verifier does not fit. An account with a second factor gets
    `second_factor_required`, as from `login/`: at the first sign-in by directory in any case, later
    unless the directory has checked one.
    """
    redeemed = await flows.redeem(body.code, body.verifier)
    return signed_in(await sign_ins.complete(redeemed))


@router.post(
    "/confirm/",
    operation_id="auth_directory_confirm",
    summary="Confirm the sign-in at the company's directory",
    responses=problems(InvalidReturnTo, ConfirmedElsewhere),
)
async def confirm(
    body: DirectoryConfirmation, caller: Enrolling, _: Beginning, flows: Flows, sign_ins: SignIns
) -> DirectoryAddress:
    """Return an address to open within a minute, where the directory asks for a new sign-in.

    `token/` then confirms the session, for operations that need it within the last 10 minutes.
    Accounts with a second factor confirm with that: `POST /api/auth/confirm/`.
    """
    return_to = require_return_to(body.return_to)
    await sign_ins.require_confirmable(caller)
    return DirectoryAddress(
        url=flows.confirmation_address(Wish(return_to, body.challenge, caller.session_id))
    )


@links.delete(
    "/{user_id:uuid}/directory/",
    operation_id="users_unlink_directory",
    summary="Unlink an account from the company's directory",
    status_code=204,
    responses=problems(NotFound),
)
async def unlink(user_id: UUID, caller: AccountLinkManager, unit: Writing, now: Now) -> None:
    """Unlink the account, and end its sessions that began at the directory.

    The next sign-in by directory may link it again, to anybody with its verified address.
    """
    if not await DirectoryLinkRepository(unit).unlink(user_id):
        raise NotFound
    await AuthSessionRepository(unit).revoke_all(user_id, now, by_directory=True)
    audit_log = AccountEventRepository(unit, now)
    audit_log.record(AccountAction.DIRECTORY_UNLINKED, user_id, by=caller.id)
