"""`/api/auth/passkeys/`: the caller's passkeys."""

from uuid import UUID

from fastapi import APIRouter

from app.accounts.factor_dependencies import Origin, Passkeys
from app.accounts.second_factor_schemas import Passkey, PasskeyCreate, PasskeyName
from app.accounts.second_factor_schemas import Passkeys as PasskeyList
from app.auth.errors import PasskeyKnown, PasskeysNotOffered, TooManyPasskeys
from app.auth.factor_repository import PasskeyReader
from app.auth.guards import Enroller, FactorOwner, SignedIn
from app.auth.schemas import PasskeyOptions
from app.core.db.rollout import UpdateUnderWay
from app.core.errors import NotFound, problems
from app.core.http.dependencies import Reading
from app.core.http.routing import ApiRoute

router = APIRouter(prefix="/api/auth/passkeys", tags=["auth"], route_class=ApiRoute)


@router.post(
    "/options/",
    operation_id="passkeys_options",
    summary="Begin to register a passkey",
    responses=problems(PasskeysNotOffered, TooManyPasskeys, UpdateUnderWay),
)
async def passkey_options(_: Enroller, passkeys: Passkeys, origin: Origin = None) -> PasskeyOptions:
    """Return the options for `navigator.credentials.create`, valid once within 5 minutes.

    The caller must have confirmed the sign-in within the last 10 minutes.
    """
    return PasskeyOptions(await passkeys.options(origin))


@router.post(
    "/",
    operation_id="passkeys_create",
    summary="Register a passkey",
    status_code=201,
    responses=problems(PasskeyKnown, TooManyPasskeys, UpdateUnderWay),
)
async def create_passkey(body: PasskeyCreate, _: Enroller, passkeys: Passkeys) -> Passkey:
    """Store a passkey, which signs in alone and is a second factor of sign-ins by password.

    The first factor ends the caller's other sessions that began without one.
    """
    return Passkey.model_validate(await passkeys.register(body.name, body.credential))


@router.get("/", operation_id="passkeys_list", summary="List the caller's passkeys")
async def list_passkeys(caller: SignedIn, session: Reading) -> PasskeyList:
    """Return the caller's passkeys, oldest first."""
    found = await PasskeyReader(session).of(caller.id) if caller.id else []
    return PasskeyList(items=[Passkey.model_validate(each) for each in found])


@router.patch(
    "/{passkey_id:uuid}/",
    operation_id="passkeys_update",
    summary="Rename a passkey",
    responses=problems(NotFound),
)
async def rename_passkey(
    passkey_id: UUID, body: PasskeyName, _: SignedIn, passkeys: Passkeys
) -> Passkey:
    """Change the name of a passkey."""
    return Passkey.model_validate(await passkeys.rename(passkey_id, body.name))


@router.delete(
    "/{passkey_id:uuid}/",
    operation_id="passkeys_delete",
    summary="Remove a passkey",
    status_code=204,
    responses=problems(NotFound),
)
async def remove_passkey(passkey_id: UUID, _: FactorOwner, passkeys: Passkeys) -> None:
    """Remove a passkey; with the last second factor the recovery codes end, too."""
    await passkeys.remove(passkey_id)
