"""`/api/auth/`: making an account for oneself, and one's password."""

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
from app.auth.dependencies import Evenly
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
    summary="Make an account of one's own",
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
    service: Accounts,
    hasher: Hasher,
) -> User | Response:
    """Always a host's. With `REGISTRATION=open` it can be used at once: 201.

    With `REGISTRATION=domain` a link is mailed, by which `accept-invitation/` sets the password and
    opens the account: 202, the same whether the address has an account or not.
    """
    policy.admit(body.email)
    await limit.hit()
    if not policy.needs_proof:
        return User.model_validate(await register_host(service, hasher, body))
    await limits.hit(body.email)
    await ask_for_account(service, limits.strangers, body)
    return JSONResponse(None, status_code=202)


@router.post(
    "/accept-invitation/",
    operation_id="auth_accept_invitation",
    summary="Open an account by the mailed link",
    status_code=204,
    dependencies=[Public],
    responses=problems(InvalidLink, NameLooksTaken),
)
async def accept_invitation(body: InvitationAcceptance, passwords: Passwords) -> None:
    """Set the password, and open the account if its address had to be proven first.

    The link works once and within a day; whoever lets it run out asks for another one as for a
    forgotten password. An account that is not opened within 7 days is deleted.
    """
    await passwords.accept(body.token, body.password, body.names)


@router.post(
    "/verify-email/",
    operation_id="auth_verify_email",
    summary="Open an account by a link of a former release",
    status_code=204,
    dependencies=[Public],
    deprecated=True,
    responses=problems(InvalidLink),
)
async def verify_email(_: EmailVerification) -> None:
    """No such link is valid any more: ask for a new one, and use `accept-invitation/`."""
    raise InvalidLink


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
    body: ForgottenPassword, limits: Annotated[ForgottenLimits, Depends()], service: Accounts
) -> None:
    """The link works once, within an hour. The answer is the same whether there is an account."""
    await limits.hit(body.email)
    await forgot(service, limits.strangers, body.email)


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
