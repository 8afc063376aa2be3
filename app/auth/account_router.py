"""`/api/auth/`: making an account for oneself, and one's password."""

from typing import Annotated

from fastapi import APIRouter, Depends

from app.auth.dependencies import (
    Accounts,
    Evenly,
    ForgottenLimits,
    Passwords,
    Policy,
    RegistrationLimit,
)
from app.auth.errors import DomainNotAllowed, InvalidLink, RegistrationClosed
from app.auth.guards import Public, SignedIn
from app.auth.password_changes import forgot
from app.auth.registration import register as register_host
from app.auth.registration import verify_email as open_account
from app.auth.schemas import (
    ForgotPasswordIn,
    PasswordChangeIn,
    PasswordResetIn,
    RegisterIn,
    VerifyEmailIn,
)
from app.core.dependencies import Hasher
from app.core.errors import problems
from app.core.routing import ApiRoute
from app.users.errors import EmailTaken
from app.users.schemas import AccountOut

router = APIRouter(prefix="/api/auth", tags=["auth"], route_class=ApiRoute)


@router.post(
    "/register/",
    status_code=201,
    dependencies=[Public],
    responses=problems(RegistrationClosed, DomainNotAllowed, EmailTaken),
)
async def register(
    body: RegisterIn,
    limit: Annotated[RegistrationLimit, Depends()],
    policy: Policy,
    desk: Accounts,
    hasher: Hasher,
) -> AccountOut:
    """Make a host's account. With `is_active: false` it waits for the link that is mailed."""
    policy.admit(body.email)
    await limit.hit()
    return AccountOut.model_validate(await register_host(desk, hasher, policy, body))


@router.post(
    "/verify-email/", status_code=204, dependencies=[Public], responses=problems(InvalidLink)
)
async def verify_email(body: VerifyEmailIn, desk: Accounts) -> None:
    """Open one's account with the token of the mailed link. Works once, within a day."""
    await open_account(desk, body.token)


@router.post("/change-password/", status_code=204)
async def change_password(body: PasswordChangeIn, caller: SignedIn, passwords: Passwords) -> None:
    """Change one's password. All other sessions end; this one goes on."""
    await passwords.change(caller, body.old_password, body.new_password)


@router.post("/forgot-password/", status_code=202, dependencies=[Public, Evenly])
async def forgot_password(
    body: ForgotPasswordIn, limits: Annotated[ForgottenLimits, Depends()], desk: Accounts
) -> None:
    """Ask for a link to set a new password. The answer is the same whether there is an account."""
    await limits.hit(body.email)
    await forgot(desk, body.email)


@router.post(
    "/reset-password/", status_code=204, dependencies=[Public], responses=problems(InvalidLink)
)
async def reset_password(body: PasswordResetIn, passwords: Passwords) -> None:
    """Set a password with the token of the mailed link. Works once; all sessions end."""
    await passwords.reset(body.token, body.new_password)
