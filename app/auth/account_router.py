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
    EmailVerification,
    ForgottenPassword,
    PasswordChange,
    PasswordReset,
    UserRegistration,
)
from app.core.dependencies import Hasher
from app.core.errors import problems
from app.core.routing import ApiRoute
from app.users.errors import EmailTaken
from app.users.schemas import User

router = APIRouter(prefix="/api/auth", tags=["auth"], route_class=ApiRoute)


@router.post(
    "/register/",
    operation_id="auth_register",
    summary="Make an account of one's own",
    status_code=201,
    dependencies=[Public],
    responses=problems(RegistrationClosed, DomainNotAllowed, EmailTaken),
)
async def register(
    body: UserRegistration,
    limit: Annotated[RegistrationLimit, Depends()],
    policy: Policy,
    desk: Accounts,
    hasher: Hasher,
) -> User:
    """Always a host's. With `is_active: false` it waits for the link that is mailed."""
    policy.admit(body.email)
    await limit.hit()
    return User.model_validate(await register_host(desk, hasher, policy, body))


@router.post(
    "/verify-email/",
    operation_id="auth_verify_email",
    summary="Open an account by the mailed link",
    status_code=204,
    dependencies=[Public],
    responses=problems(InvalidLink),
)
async def verify_email(body: EmailVerification, desk: Accounts) -> None:
    """With the token of the link, which works once and within a day."""
    await open_account(desk, body.token)


@router.post(
    "/change-password/",
    operation_id="auth_change_password",
    summary="Change one's password",
    status_code=204,
)
async def change_password(body: PasswordChange, caller: SignedIn, passwords: Passwords) -> None:
    """All other sessions end; this one goes on."""
    await passwords.change(caller, body.old_password, body.new_password)


@router.post(
    "/forgot-password/",
    operation_id="auth_forgot_password",
    summary="Ask for a link to set a new password",
    status_code=202,
    dependencies=[Public, Evenly],
)
async def forgot_password(
    body: ForgottenPassword, limits: Annotated[ForgottenLimits, Depends()], desk: Accounts
) -> None:
    """The link works once, within an hour. The answer is the same whether there is an account."""
    await limits.hit(body.email)
    await forgot(desk, body.email)


@router.post(
    "/reset-password/",
    operation_id="auth_reset_password",
    summary="Set a new password by the mailed link",
    status_code=204,
    dependencies=[Public],
    responses=problems(InvalidLink),
)
async def reset_password(body: PasswordReset, passwords: Passwords) -> None:
    """With the token of the link, which works once; all sessions end."""
    await passwords.reset(body.token, body.new_password)
