"""Guards: one `Annotated` alias for each kind of caller that a route serves.

Every route has one of these, or says `public`. The guard hands back the resolved caller; what a
caller must not see within a list is left to the query (`VisitorReader.visible_to`).
"""

from datetime import datetime
from typing import Annotated, ClassVar

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, OAuth2PasswordBearer

from app.auth.caller import ANONYMOUS, Caller, CallerRole
from app.auth.permissions import PERMISSIONS, Permission
from app.auth.repository import AuthSessionReader
from app.auth.service import Tokens
from app.core.database import Database, get_database
from app.core.dependencies import Now
from app.core.errors import Forbidden, NotAuthenticated, Problem
from app.core.tokens import InvalidToken
from app.devices.service import find_by_key

bearer = OAuth2PasswordBearer(
    tokenUrl="/api/auth/token/",
    scheme_name="person",
    description="People: an access token from `POST /api/auth/login/`",
    auto_error=False,
)
device_key = APIKeyHeader(
    name="X-Device-Key",
    scheme_name="device",
    description="Scanners and kiosks: the key of `POST /api/devices/`",
    auto_error=False,
)
CREDENTIALS = ("authorization", "x-device-key")


async def get_tokens(request: Request) -> Tokens:
    tokens: Tokens = request.app.state.tokens
    return tokens


async def resolve_caller(
    request: Request,
    database: Annotated[Database, Depends(get_database)],
    tokens: Annotated[Tokens, Depends(get_tokens)],
    now: Now,
    token: Annotated[str | None, Depends(bearer)],
    key: Annotated[str | None, Depends(device_key)],
) -> Caller:
    """The person of the access token, the device of the key, or nobody without either.

    Who sends a credential that is not good is refused and not taken for a stranger; so is who
    sends two, of which a proxy and this service might read another one each.
    """
    given = [name for name in CREDENTIALS for _ in request.headers.getlist(name)]
    if len(given) > 1:
        raise NotAuthenticated("Send one credential, not several")
    if not given:
        return ANONYMOUS
    if key is not None:
        return await _device(database, key, now)
    return await _person(database, tokens, token, now)


async def _device(database: Database, key: str, now: datetime) -> Caller:
    device = await find_by_key(database, key, now)
    if device is None:
        raise NotAuthenticated("The device key is not valid, or not any more")
    return Caller.device(device)


async def _person(database: Database, tokens: Tokens, token: str | None, now: datetime) -> Caller:
    """The account is read on every request, so that a deactivated one is out with the next.

    The connection goes back before the route takes its own, or a full pool would wait for itself.
    """
    if token is None:
        raise NotAuthenticated
    try:
        claims = tokens.access.read(token, now=now)
    except InvalidToken:
        raise NotAuthenticated("The access token is not valid, or not any more") from None
    async with database.read() as session:
        user = await AuthSessionReader(session).live_user(claims.session, claims.subject)
    if user is None:
        raise NotAuthenticated("The session has ended: sign in again")
    return Caller.person(user.id, user.role, user.name, user.email, claims.session)


class Guard:
    """Lets a caller with the permission pass and hands the caller back."""

    problems: ClassVar[tuple[type[Problem], ...]] = (NotAuthenticated, Forbidden)

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    async def __call__(self, caller: Annotated[Caller, Depends(resolve_caller)]) -> Caller:
        if self.permission not in PERMISSIONS[caller.role]:
            raise NotAuthenticated if caller.role is CallerRole.ANONYMOUS else Forbidden
        return caller


async def public() -> None:
    """Marks a route that strangers may use."""


Public = Depends(public)
SignedIn = Annotated[Caller, Depends(Guard(Permission.USE_OWN_ACCOUNT))]
Registrar = Annotated[Caller, Depends(Guard(Permission.REGISTER_VISITOR))]
VisitorManager = Annotated[Caller, Depends(Guard(Permission.MANAGE_VISITORS))]
Gatekeeper = Annotated[Caller, Depends(Guard(Permission.SCAN))]
SiteReader = Annotated[Caller, Depends(Guard(Permission.SEE_SITES))]
SiteManager = Annotated[Caller, Depends(Guard(Permission.MANAGE_SITES))]
SlotReader = Annotated[Caller, Depends(Guard(Permission.SEE_SLOTS))]
SlotManager = Annotated[Caller, Depends(Guard(Permission.MANAGE_SLOTS))]
HostReader = Annotated[Caller, Depends(Guard(Permission.SEE_HOSTS))]
DepartmentReader = Annotated[Caller, Depends(Guard(Permission.SEE_DEPARTMENTS))]
DepartmentManager = Annotated[Caller, Depends(Guard(Permission.MANAGE_DEPARTMENTS))]
NotificationManager = Annotated[Caller, Depends(Guard(Permission.MANAGE_NOTIFICATIONS))]
DeviceManager = Annotated[Caller, Depends(Guard(Permission.MANAGE_DEVICES))]
UserManager = Annotated[Caller, Depends(Guard(Permission.MANAGE_USERS))]
RunningDevice = Annotated[Caller, Depends(Guard(Permission.SEND_HEARTBEAT))]
