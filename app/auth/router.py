"""`/api/auth/`: signing in and one's own profile."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.security import OAuth2PasswordRequestForm

from app.auth.dependencies import Db, Issuer, SignInGate
from app.auth.errors import InvalidCredentials, InvalidRefreshToken, TokenReused
from app.auth.guards import Public, SignedIn
from app.auth.schemas import LoginIn, LoginOut, OAuthTokenOut, ProfileIn, RefreshIn, RefreshOut
from app.auth.service import begin_session, check_password, end_session, rotate
from app.core.database import Reading, Writing
from app.core.dependencies import Hasher, Now
from app.core.errors import NotAuthenticated, problems
from app.core.routing import ApiRoute
from app.users.models import User
from app.users.repository import UserReader, UserRepository
from app.users.schemas import UserOut

router = APIRouter(prefix="/api/auth", tags=["auth"], route_class=ApiRoute)


@router.post("/login/", dependencies=[Public], responses=problems(InvalidCredentials))
async def login(
    body: LoginIn,
    gate: SignInGate,
    database: Db,
    unit: Writing,
    hasher: Hasher,
    tokens: Issuer,
    now: Now,
) -> LoginOut:
    """Sign in with e-mail address and password."""
    user = await check_password(database, hasher, gate, body.email, body.password)
    pair = await begin_session(unit, tokens, user, now)
    return LoginOut(
        access=pair.access,
        refresh=pair.refresh,
        expires_in=pair.expires_in,
        user=UserOut.model_validate(user),
    )


@router.post("/token/", dependencies=[Public], responses=problems(InvalidCredentials))
async def token(
    form: Annotated[OAuth2PasswordRequestForm, Depends()],
    gate: SignInGate,
    database: Db,
    unit: Writing,
    hasher: Hasher,
    tokens: Issuer,
    now: Now,
) -> OAuthTokenOut:
    """Sign in by the OAuth 2 password form: *Authorize* on this page uses it."""
    user = await check_password(database, hasher, gate, form.username, form.password)
    pair = await begin_session(unit, tokens, user, now)
    return OAuthTokenOut(
        access_token=pair.access, refresh_token=pair.refresh, expires_in=pair.expires_in
    )


@router.post(
    "/token/refresh/",
    dependencies=[Public],
    response_model=RefreshOut,
    responses=problems(InvalidRefreshToken, TokenReused),
)
async def refresh(
    body: RefreshIn, unit: Writing, tokens: Issuer, now: Now
) -> RefreshOut | Response:
    """Change a refresh token for a new pair. Each works once; a second use ends the session."""
    outcome = await rotate(unit, tokens, body.refresh, now)
    if isinstance(outcome, TokenReused):
        return outcome.response()
    return RefreshOut(access=outcome.access, refresh=outcome.refresh)


@router.post(
    "/logout/", status_code=204, dependencies=[Public], responses=problems(InvalidRefreshToken)
)
async def logout(body: RefreshIn, unit: Writing, tokens: Issuer, now: Now) -> None:
    """End the session of this refresh token."""
    await end_session(unit, tokens, body.refresh, now)


@router.get("/me/")
async def read_me(caller: SignedIn, session: Reading) -> UserOut:
    """One's own profile."""
    return UserOut.model_validate(await _own(UserReader(session), caller))


@router.patch("/me/")
async def change_me(body: ProfileIn, caller: SignedIn, unit: Writing, now: Now) -> UserOut:
    """Change one's own names."""
    user = await _own(UserRepository(unit), caller)
    for name, value in body.model_dump(exclude_none=True).items():
        setattr(user, name, value)
    user.updated_at = now
    return UserOut.model_validate(user)


async def _own(users: UserReader, caller: SignedIn) -> User:
    user = await users.get(caller.id) if caller.id else None
    if user is None:
        raise NotAuthenticated
    return user
