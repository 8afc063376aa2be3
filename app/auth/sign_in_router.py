"""`/api/auth/`: sign-in with a second factor or a passkey."""

from fastapi import APIRouter

from app.auth.dependencies import SignInWays
from app.auth.errors import InvalidCode, InvalidCredentials, InvalidTicket, PasskeysNotOffered
from app.auth.guards import Public
from app.auth.router import signed_in
from app.auth.schemas import PasskeyAnswer, PasskeyOptions, SecondFactorAnswer, SignIn
from app.core.errors import problems
from app.core.http.routing import ApiRoute

router = APIRouter(prefix="/api/auth", tags=["auth"], route_class=ApiRoute)


@router.post(
    "/login/second-factor/",
    operation_id="auth_second_factor",
    summary="Complete a sign-in with a second factor",
    dependencies=[Public],
    responses=problems(InvalidCode, InvalidTicket),
)
async def second_factor(body: SecondFactorAnswer, ways: SignInWays) -> SignIn:
    """Exchange the ticket of `login/` and a second factor for a pair of tokens.

    `code` is that of the app or a recovery code. The options of a `credential` come from
    `passkeys/sign-in/options/`. Five wrong codes end the ticket, ten in 15 minutes lock the account
    for the rest of them (429).
    """
    return signed_in(await ways.redeem(body.ticket, body.proof))


@router.post(
    "/passkeys/sign-in/options/",
    operation_id="passkeys_sign_in_options",
    summary="Begin a sign-in with a passkey",
    dependencies=[Public],
    responses=problems(PasskeysNotOffered),
)
async def sign_in_options(ways: SignInWays) -> PasskeyOptions:
    """Return the options for `navigator.credentials.get`, valid once within 5 minutes.

    They also serve `login/second-factor/` and `confirm/`.
    """
    return PasskeyOptions(await ways.passkey_options())


@router.post(
    "/passkeys/sign-in/",
    operation_id="passkeys_sign_in",
    summary="Sign in with a passkey",
    dependencies=[Public],
    responses=problems(InvalidCredentials),
)
async def sign_in(body: PasskeyAnswer, ways: SignInWays) -> SignIn:
    """Return a pair of tokens for the account of the passkey; no password is needed."""
    return signed_in(await ways.by_passkey(body.credential))
