"""`/api/auth/`: registration and passwords."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse

from app.accounts.dependencies import (
    Accounts,
    ForgottenLimits,
    Passwords,
    Policy,
    RegistrationLimit,
)
from app.accounts.password_service import forgot
from app.accounts.registration_service import ask_for_account
from app.accounts.registration_service import register as register_host
from app.auth.dependencies import Configured, Evenly
from app.auth.errors import DomainNotAllowed, InvalidLink, RegistrationClosed
from app.auth.guards import Public, SignedIn
from app.auth.schemas import (
    EmailVerification,
    ForgottenPassword,
    InvitationAcceptance,
    PasswordChange,
    PasswordReset,
    UserRegistration,
)
from app.core.errors import problems
from app.core.http.dependencies import Hasher
from app.core.http.routing import ApiRoute
from app.users.errors import EmailTaken, NameLooksTaken
from app.users.schemas import User

ASKED: dict[int | str, dict[str, Any]] = {
    202: {
        "description": "A link is mailed",
        "content": {"application/json": {"schema": {"type": "null"}}},
    }
}
router = APIRouter(prefix="/api/auth", tags=["auth"], route_class=ApiRoute)


@router.post(
    "/register/",
    operation_id="auth_register",
    summary="Register an account",
    status_code=201,
    dependencies=[Public, Evenly],
    response_model=User,
    responses=ASKED | problems(RegistrationClosed, DomainNotAllowed, EmailTaken, NameLooksTaken),
)
async def register(
    body: UserRegistration,
    limit: Annotated[RegistrationLimit, Depends()],
    limits: Annotated[ForgottenLimits, Depends()],
    policy: Policy,
    settings: Configured,
    service: Accounts,
    hasher: Hasher,
) -> User | Response:
    """Create a host account, which can be used immediately with `REGISTRATION=open` (201).

    With `REGISTRATION=domain` the response is 202 whether or not the account exists; a mailed link
    sets the password with `accept-invitation/`. With `OIDC_REQUIRED` no link is mailed.
    """
    policy.admit(body.email)
    await limit.hit()
    if not policy.needs_proof:
        return User.model_validate(await register_host(service, hasher, body))
    await limits.hit(body.email)
    if not settings.oidc_required:
        await ask_for_account(service, limits.strangers, body)
    return JSONResponse(None, status_code=202)


@router.post(
    "/accept-invitation/",
    operation_id="auth_accept_invitation",
    summary="Accept an invitation",
    status_code=204,
    dependencies=[Public],
    responses=problems(InvalidLink, NameLooksTaken),
)
async def accept_invitation(body: InvitationAcceptance, passwords: Passwords) -> None:
    """Set the password with a mailed link, which works once within a day.

    It also verifies the address; accounts not verified within 7 days are deleted.
    """
    await passwords.accept(body.token, body.password, body.names)


@router.post(
    "/verify-email/",
    operation_id="auth_verify_email",
    summary="Verify an address (links of former releases)",
    status_code=204,
    dependencies=[Public],
    deprecated=True,
    responses=problems(InvalidLink),
)
async def verify_email(_: EmailVerification) -> None:
    """Refuse the links of former releases: request a new one and use `accept-invitation/`."""
    raise InvalidLink


@router.post(
    "/change-password/",
    operation_id="auth_change_password",
    summary="Change the caller's password",
    status_code=204,
)
async def change_password(body: PasswordChange, caller: SignedIn, passwords: Passwords) -> None:
    """Change the password and end the caller's other sessions."""
    await passwords.change(caller, body.old_password, body.new_password)


@router.post(
    "/forgot-password/",
    operation_id="auth_forgot_password",
    summary="Request a password link",
    status_code=202,
    dependencies=[Public, Evenly],
)
async def forgot_password(
    body: ForgottenPassword,
    limits: Annotated[ForgottenLimits, Depends()],
    settings: Configured,
    service: Accounts,
) -> None:
    """Mail a link that works once within an hour.

    The response is the same whether or not the account exists. With `OIDC_REQUIRED`, nothing is
    mailed.
    """
    await limits.hit(body.email)
    if not settings.oidc_required:
        await forgot(service, limits.strangers, body.email)


@router.post(
    "/reset-password/",
    operation_id="auth_reset_password",
    summary="Reset a password with a mailed link",
    status_code=204,
    dependencies=[Public],
    responses=problems(InvalidLink),
)
async def reset_password(body: PasswordReset, passwords: Passwords) -> None:
    """Set the password with the token of the link and end all sessions."""
    await passwords.reset(body.token, body.new_password)
