"""`/api/auth/`: sign-in and the caller's profile."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.security import OAuth2PasswordRequestForm

from app.auth.dependencies import Issuer, SignInGate, UserAgent
from app.auth.errors import InvalidCredentials, InvalidRefreshToken, TokenReused
from app.auth.event_repository import AccountEventRepository
from app.auth.guards import Public, SignedIn
from app.auth.models import AccountAction
from app.auth.schemas import (
    Confirmation,
    Credentials,
    OAuthToken,
    ProfileUpdate,
    RefreshedTokens,
    RefreshToken,
    SignIn,
)
from app.auth.service import begin_session, check_password, confirm_session, end_session, rotate
from app.core.errors import NotAuthenticated, problems
from app.core.http.dependencies import Db, Now, Reading, Writing
from app.core.http.routing import ApiRoute
from app.users.errors import NameLooksTaken
from app.users.models import User
from app.users.repository import UserReader, UserRepository
from app.users.schemas import Profile

# Where anonymous callers send passwords.
GUESSED_AT = ("/api/auth/login/", "/api/auth/token/")
router = APIRouter(prefix="/api/auth", tags=["auth"], route_class=ApiRoute)


@router.post(
    "/login/",
    operation_id="auth_login",
    summary="Sign in",
    dependencies=[Public],
    responses=problems(InvalidCredentials),
)
async def login(
    body: Credentials,
    gate: SignInGate,
    database: Db,
    unit: Writing,
    tokens: Issuer,
    now: Now,
    user_agent: UserAgent,
) -> SignIn:
    """Return a pair of tokens. A wrong password and an unknown address get the same response."""
    user = await check_password(database, gate, body.email, body.password, now)
    pair = await begin_session(unit, tokens, user, now, user_agent)
    return SignIn(
        access=pair.access,
        refresh=pair.refresh,
        expires_in=pair.expires_in,
        user=Profile.model_validate(user),
    )


@router.post(
    "/token/",
    operation_id="auth_token",
    summary="Sign in with the OAuth 2 password form",
    dependencies=[Public],
    responses=problems(InvalidCredentials),
)
async def token(
    form: Annotated[OAuth2PasswordRequestForm, Depends()],
    gate: SignInGate,
    database: Db,
    unit: Writing,
    tokens: Issuer,
    now: Now,
    user_agent: UserAgent,
) -> OAuthToken:
    """Return a token for *Authorize* on this page (RFC 6749, section 4.3)."""
    user = await check_password(database, gate, form.username, form.password, now)
    pair = await begin_session(unit, tokens, user, now, user_agent)
    return OAuthToken(
        access_token=pair.access, refresh_token=pair.refresh, expires_in=pair.expires_in
    )


@router.post(
    "/confirm/",
    operation_id="auth_confirm",
    summary="Confirm the caller's password",
    status_code=204,
    responses=problems(InvalidCredentials),
)
async def confirm(
    body: Confirmation,
    caller: SignedIn,
    gate: SignInGate,
    database: Db,
    unit: Writing,
    now: Now,
) -> None:
    """Confirm the password, for operations that need it within the last 10 minutes.

    They fail with `reauthentication_required` otherwise. A wrong password counts as one of
    `login/`.
    """
    email = caller.email or ""
    user = await check_password(database, gate, email, body.password, now)
    await confirm_session(unit, user, caller, now)


@router.post(
    "/token/refresh/",
    operation_id="auth_refresh",
    summary="Refresh the tokens",
    dependencies=[Public],
    response_model=RefreshedTokens,
    responses=problems(InvalidRefreshToken, TokenReused),
)
async def refresh(
    body: RefreshToken, unit: Writing, tokens: Issuer, now: Now
) -> RefreshedTokens | Response:
    """Exchange a refresh token for a new pair. Using it a second time ends the session."""
    outcome = await rotate(unit, tokens, body.refresh, now)
    if isinstance(outcome, TokenReused):
        return outcome.response()
    return RefreshedTokens(access=outcome.access, refresh=outcome.refresh)


@router.post(
    "/logout/",
    operation_id="auth_logout",
    summary="Sign out",
    status_code=204,
    dependencies=[Public],
    responses=problems(InvalidRefreshToken),
)
async def logout(body: RefreshToken, unit: Writing, tokens: Issuer, now: Now) -> None:
    """End the session of the refresh token."""
    await end_session(unit, tokens, body.refresh, now)


@router.get("/me/", operation_id="auth_me", summary="Read the caller's profile")
async def read_me(caller: SignedIn, session: Reading) -> Profile:
    """Return the account of the access token."""
    return Profile.model_validate(await _own(UserReader(session), caller))


@router.patch(
    "/me/",
    operation_id="auth_update_me",
    summary="Change the caller's profile",
    responses=problems(NameLooksTaken),
)
async def change_me(body: ProfileUpdate, caller: SignedIn, unit: Writing, now: Now) -> Profile:
    """Change the caller's names, which are also updated in their upcoming visits.

    The address and the role can only be changed by administrators.
    """
    users = UserRepository(unit)
    await users.lock_names()
    user = await _own(users, caller)
    values = body.model_dump(exclude_none=True)
    for name, value in values.items():
        setattr(user, name, value)
    user.updated_at = now
    fields = sorted(values)
    AccountEventRepository(unit, now).record(
        AccountAction.UPDATED, user.id, by=user.id, fields=fields
    )
    await users.refuse_lookalike(user)
    await users.carry_to_visits(user)
    return Profile.model_validate(user)


async def _own(users: UserReader, caller: SignedIn) -> User:
    user = await users.get(caller.id) if caller.id else None
    if user is None:
        raise NotAuthenticated
    return user
