"""`/api/auth/`: sign-in and the caller's profile."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from fastapi.security import OAuth2PasswordRequestForm

from app.auth.caller import Caller
from app.auth.condition_dependencies import if_match
from app.auth.dependencies import Configured, Issuer, SignInGate, SignInWays
from app.auth.errors import (
    InvalidCredentials,
    InvalidRefreshToken,
    SecondFactorRequired,
    TokenReused,
)
from app.auth.event_repository import AccountEventRepository
from app.auth.factor_models import SignInMethod
from app.auth.factor_repository import user_and_factors
from app.auth.guards import Enrolling, Public, needs_factor
from app.auth.models import AccountAction
from app.auth.schemas import (
    Confirmation,
    Credentials,
    Me,
    OAuthToken,
    OwnAccount,
    ProfileUpdate,
    RefreshedTokens,
    RefreshToken,
    SecondFactors,
    SignIn,
)
from app.auth.service import check_password, confirm_session, end_session, rotate
from app.auth.sign_in_service import SignedIn
from app.core.db.database import ReadSession
from app.core.errors import NotAuthenticated, problems
from app.core.http.dependencies import Db, Now, Reading, Writing
from app.core.http.routing import ApiRoute
from app.services import Services
from app.settings import Settings
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
    responses=problems(InvalidCredentials, SecondFactorRequired),
)
async def login(
    body: Credentials,
    gate: SignInGate,
    database: Db,
    ways: SignInWays,
    now: Now,
) -> SignIn:
    """Return a pair of tokens. A wrong password and an unknown address get the same response.

    An account with a second factor gets `second_factor_required` with a ticket for
    `login/second-factor/`.
    """
    user = await check_password(database, gate, body.email, body.password, now)
    return signed_in(await ways.complete(user, SignInMethod.PASSWORD))


@router.post(
    "/token/",
    operation_id="auth_token",
    summary="Sign in with the OAuth 2 password form",
    dependencies=[Public],
    responses=problems(InvalidCredentials, SecondFactorRequired),
)
async def token(
    form: Annotated[OAuth2PasswordRequestForm, Depends()],
    gate: SignInGate,
    database: Db,
    ways: SignInWays,
    now: Now,
) -> OAuthToken:
    """Return tokens for *Authorize* on this page (RFC 6749, section 4.3).

    An account with a second factor gets `second_factor_required`, as from `login/`.
    """
    user = await check_password(database, gate, form.username, form.password, now)
    pair = (await ways.complete(user, SignInMethod.PASSWORD)).tokens
    return OAuthToken(
        access_token=pair.access, refresh_token=pair.refresh, expires_in=pair.expires_in
    )


@router.post(
    "/confirm/",
    operation_id="auth_confirm",
    summary="Confirm the caller's sign-in",
    status_code=204,
    responses=problems(InvalidCredentials),
)
async def confirm(
    body: Confirmation,
    caller: Enrolling,
    gate: SignInGate,
    database: Db,
    ways: SignInWays,
    now: Now,
) -> None:
    """Confirm the sign-in by password or second factor, for operations that need it.

    They fail with `reauthentication_required` unless it is less than 10 minutes old. The options of
    a credential come from `passkeys/sign-in/options/`. A wrong password or code counts as one of a
    sign-in.
    """
    if body.password is None:
        await ways.confirm(caller, body.proof)
        return
    user = await check_password(database, gate, caller.email or "", body.password, now)
    async with database.write() as unit:
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
    """Exchange a refresh token for a new pair. Reusing it ends the session."""
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
async def read_me(caller: Enrolling, session: Reading, settings: Configured) -> OwnAccount:
    """Return the caller's account, with its permissions and sites, and the hosts it acts for."""
    return await _shown(session, caller, settings)


async def _shown_to_owner(
    session: ReadSession, _: UUID, caller: Caller, ours: Services
) -> OwnAccount:
    return await _shown(session, caller, ours.settings)


IfCurrent = if_match(User, None, _shown_to_owner)


@router.patch(
    "/me/",
    operation_id="auth_update_me",
    summary="Change the caller's profile",
    dependencies=[IfCurrent],
    responses=problems(NameLooksTaken),
)
async def change_me(
    body: ProfileUpdate, caller: Enrolling, unit: Writing, settings: Configured, now: Now
) -> OwnAccount:
    """Change the caller's phone and names; upcoming visits get the names, too.

    Only administrators can change address and role.
    """
    users = UserRepository(unit)
    await users.lock_names()
    user = await _locked(users, caller)
    values = body.changes()
    for name, value in values.items():
        setattr(user, name, value)
    user.updated_at = now
    fields = sorted(values)
    AccountEventRepository(unit, now).record(
        AccountAction.UPDATED, user.id, by=user.id, fields=fields
    )
    await users.refuse_lookalike(user)
    await users.carry_to_visits(user, caller)
    await unit.flush()
    return await _shown(unit, caller, settings)


def signed_in(done: SignedIn) -> SignIn:
    """Return the response to a complete sign-in."""
    return SignIn(
        access=done.tokens.access,
        refresh=done.tokens.refresh,
        expires_in=done.tokens.expires_in,
        user=Profile.model_validate(done.user),
    )


async def _shown(session: ReadSession, caller: Caller, settings: Settings) -> OwnAccount:
    found = await user_and_factors(session, caller.id) if caller.id else None
    if found is None:
        raise NotAuthenticated
    user, held = found
    hosts = await UserReader(session).by_ids(caller.acts_for)
    return OwnAccount(
        **Me.of(user, caller, hosts).model_dump(),
        second_factor=SecondFactors(
            totp=held.totp,
            passkeys=held.passkeys,
            recovery_codes_left=held.recovery_codes,
            required=needs_factor(caller, settings),
        ),
    )


async def _locked(users: UserRepository, caller: Caller) -> User:
    user = await users.lock(User.id == caller.id, key_share=True)
    if user is None:
        raise NotAuthenticated
    return user
