"""Guards: an `Annotated` alias for each kind of caller that a route serves.

Every route has one or is marked `public`; what a caller sees in a list is limited by queries.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, OAuth2PasswordBearer

from app.auth.caller import ANONYMOUS, Caller, CallerRole
from app.auth.errors import ReauthenticationRequired
from app.auth.permissions import PERMISSIONS, Permission
from app.auth.repository import live_caller
from app.auth.step_up import require_recent_sign_in
from app.core.db.database import Database
from app.core.errors import Forbidden, NotAuthenticated, Problem
from app.core.http.services import core_services
from app.core.request_context import CALLER, note_writer
from app.core.security.tokens import InvalidToken, SessionTokens
from app.devices.service import find_by_key
from app.services import services

bearer = OAuth2PasswordBearer(
    tokenUrl="/api/auth/token/",
    scheme_name="oauth2",
    description="Users: e-mail address and password. A client id and secret are not needed",
    auto_error=False,
)
device_key = APIKeyHeader(
    name="X-Device-Key",
    scheme_name="device",
    description="Scanners and kiosks: the key from `POST /api/devices/`",
    auto_error=False,
)
CREDENTIALS = ("authorization", "x-device-key")


async def resolve_caller(request: Request) -> Caller:
    """Return the user of the access token, the device of the key, or an anonymous caller.

    Two credentials are refused, since a proxy might use the other one. It depends only on the
    request, since FastAPI solves nested dependencies anew for every use.
    """
    caller: Caller | None = request.scope.get(CALLER)
    if caller is None:
        caller = request.scope[CALLER] = await _resolve(request)
    return caller


async def _resolve(request: Request) -> Caller:
    given = [name for name in CREDENTIALS for _ in request.headers.getlist(name)]
    if len(given) > 1:
        raise NotAuthenticated("Send only one credential")
    if not given:
        return ANONYMOUS
    ours = services(request)
    key = await device_key(request)
    if key is not None:
        return await _device(ours.database, key, ours.clock.now())
    caller = await _person(ours.database, ours.tokens, await bearer(request), ours.clock.now())
    note_writer(caller.id)
    return caller


async def _device(database: Database, key: str, now: datetime) -> Caller:
    device = await find_by_key(database, key, now)
    if device is None:
        raise NotAuthenticated("The device key is invalid or has been revoked")
    return Caller.device(device)


async def _person(
    database: Database, tokens: SessionTokens, token: str | None, now: datetime
) -> Caller:
    """Read the account on every request, so that deactivation applies to the next one."""
    if token is None:
        raise NotAuthenticated
    try:
        claims = tokens.access.read(token, now=now)
    except InvalidToken:
        raise NotAuthenticated("The access token is invalid or has expired") from None
    async with database.read() as session:
        caller = await live_caller(session, claims.session, claims.subject)
    if caller is None:
        raise NotAuthenticated("The session has ended: sign in again")
    return caller


class Guard:
    """Allows callers with the permission, and returns the caller.

    With `recent`, the password must have been confirmed recently.
    """

    problems: tuple[type[Problem], ...] = (NotAuthenticated, Forbidden)

    def __init__(
        self, permission: Permission, *, ask: str | None = None, recent: bool = False
    ) -> None:
        self.permission = permission
        self.ask = ask  # the hint for callers, unless it is to sign in
        self.recent = recent
        if recent:
            self.problems = (*self.problems, ReauthenticationRequired)

    async def __call__(self, request: Request) -> Caller:
        caller = await resolve_caller(request)
        if self.permission not in PERMISSIONS[caller.role]:
            if caller.role is CallerRole.ANONYMOUS:
                raise NotAuthenticated(self.ask)
            raise Forbidden
        if self.recent:
            require_recent_sign_in(caller, core_services(request).clock.now())
        return caller


async def _confirmation(request: Request) -> Callable[[], None]:
    """Return a check that raises `ReauthenticationRequired` unless the sign-in is recent.

    For routes of which only some changes need it.
    """
    caller = await resolve_caller(request)
    return partial(require_recent_sign_in, caller, core_services(request).clock.now())


_confirmation.problems = (ReauthenticationRequired,)  # type: ignore[attr-defined] # see ApiRoute


async def public() -> None:
    """Mark a route as public."""


Public = Depends(public)
SignedIn = Annotated[Caller, Depends(Guard(Permission.USE_OWN_ACCOUNT))]
Registrar = Annotated[Caller, Depends(Guard(Permission.REGISTER_VISITOR))]
VisitorManager = Annotated[Caller, Depends(Guard(Permission.MANAGE_VISITORS))]
Gatekeeper = Annotated[
    Caller,
    Depends(Guard(Permission.SCAN, ask="Send the device's key in X-Device-Key, or sign in")),
]
ScanLedgerViewer = Annotated[Caller, Depends(Guard(Permission.SEE_SCANS))]
SiteViewer = Annotated[Caller, Depends(Guard(Permission.SEE_SITES))]
SiteManager = Annotated[Caller, Depends(Guard(Permission.MANAGE_SITES))]
SlotViewer = Annotated[Caller, Depends(Guard(Permission.SEE_SLOTS))]
SlotManager = Annotated[Caller, Depends(Guard(Permission.MANAGE_SLOTS))]
HostViewer = Annotated[Caller, Depends(Guard(Permission.SEE_HOSTS))]
DepartmentViewer = Annotated[Caller, Depends(Guard(Permission.SEE_DEPARTMENTS))]
DepartmentManager = Annotated[Caller, Depends(Guard(Permission.MANAGE_DEPARTMENTS))]
NotificationManager = Annotated[Caller, Depends(Guard(Permission.MANAGE_NOTIFICATIONS))]
DeviceManager = Annotated[Caller, Depends(Guard(Permission.MANAGE_DEVICES))]
Confirmation = Annotated[Callable[[], None], Depends(_confirmation)]
DeviceKeyManager = Annotated[Caller, Depends(Guard(Permission.MANAGE_DEVICES, recent=True))]
UserManager = Annotated[Caller, Depends(Guard(Permission.MANAGE_USERS))]
AuditReader = Annotated[Caller, Depends(Guard(Permission.READ_AUDIT_LOG))]
RunningDevice = Annotated[
    Caller, Depends(Guard(Permission.SEND_HEARTBEAT, ask="Send the device's key in X-Device-Key"))
]
