"""`/api/auth/`: the caller's authenticator app and recovery codes, and the reset by staff."""

from uuid import UUID

from fastapi import APIRouter

from app.accounts.factor_dependencies import Guesses, Mails, Totp
from app.accounts.second_factor_schemas import RecoveryCodes, TotpConfirmation, TotpEnrolment
from app.accounts.second_factor_service import reset_factors
from app.auth.errors import EnrolmentNotStarted, InvalidCode, NoSecondFactor
from app.auth.factor_codes import provisioning_uri
from app.auth.guards import Enroller, FactorOwner, FactorResetter
from app.core.db.rollout import UpdateUnderWay
from app.core.errors import Forbidden, NotFound, problems
from app.core.http.dependencies import Now, Writing
from app.core.http.routing import ApiRoute
from app.core.qr_image import qr_svg_of_text
from app.users.models import Role
from app.users.repository import UserRepository

router = APIRouter(prefix="/api/auth", tags=["auth"], route_class=ApiRoute)


@router.post(
    "/second-factor/totp/",
    operation_id="second_factor_start_totp",
    summary="Begin to set up an authenticator app",
    responses=problems(UpdateUnderWay),
)
async def start_totp(_: Enroller, totp: Totp) -> TotpEnrolment:
    """Return the secret of a new app (RFC 6238), which counts once it is confirmed within an hour.

    An app that is already set up stays in use until then. The caller must have confirmed the
    sign-in within the last 10 minutes.
    """
    user, secret = await totp.start()
    uri = provisioning_uri(secret, user.email)
    return TotpEnrolment(secret=secret, uri=uri, qr_svg=qr_svg_of_text(uri))


@router.post(
    "/second-factor/totp/confirm/",
    operation_id="second_factor_confirm_totp",
    summary="Finish to set up an authenticator app",
    responses=problems(InvalidCode, EnrolmentNotStarted, UpdateUnderWay),
)
async def confirm_totp(body: TotpConfirmation, _: Enroller, totp: Totp) -> RecoveryCodes:
    """Take the app into use, and return new recovery codes, which are shown only here.

    From now on `login/` and `token/` need a second factor. The session goes on; with the first
    factor, others that began without one end.
    """
    return RecoveryCodes(recovery_codes=await totp.confirm(body.code))


@router.delete(
    "/second-factor/totp/",
    operation_id="second_factor_remove_totp",
    summary="Remove the authenticator app",
    status_code=204,
    responses=problems(NotFound),
)
async def remove_totp(_: FactorOwner, totp: Totp) -> None:
    """Remove the caller's app; without a passkey, the recovery codes end, too."""
    await totp.remove()


@router.post(
    "/second-factor/recovery-codes/",
    operation_id="second_factor_renew_codes",
    summary="Make new recovery codes",
    responses=problems(NoSecondFactor),
)
async def renew_recovery_codes(_: FactorOwner, totp: Totp) -> RecoveryCodes:
    """Return ten new recovery codes, which are shown only here; the earlier ones end."""
    return RecoveryCodes(recovery_codes=await totp.renew_codes())


@router.delete(
    "/users/{user_id:uuid}/second-factor/",
    operation_id="users_reset_second_factor",
    summary="Remove the second factors of an account",
    status_code=204,
    responses=problems(NotFound),
    tags=["users"],
)
async def reset_second_factor(
    user_id: UUID,
    caller: FactorResetter,
    unit: Writing,
    mails: Mails,
    guesses: Guesses,
    now: Now,
) -> None:
    """Remove app, passkeys and recovery codes of another account, and end its sessions.

    The owner is mailed, and earlier wrong codes no longer count. Nothing changes for an account
    without a second factor.
    """
    if user_id == caller.id:
        raise Forbidden("Another superadmin must do this, or `vms reset-second-factor`")
    user = await UserRepository(unit).lock_of_roles(user_id, tuple(Role), caller.scope)
    if user is None:
        raise NotFound
    if await reset_factors(unit, user, mails, now, by=caller.id):
        await guesses.forget(user_id)
