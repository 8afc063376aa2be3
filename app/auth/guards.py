"""Guards: one `Annotated` alias for each kind of caller that a route serves.

Every route has one of these, or says `public`. The guard hands back the resolved caller; what a
caller must not see within a list is left to the query (`VisitorReader.visible_to`).
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
from app.auth.service import Tokens
from app.auth.step_up import require_recent_sign_in
from app.core.db.database import Database
from app.core.db.recent_writers import WRITER
from app.core.errors import Forbidden, NotAuthenticated, Problem
from app.core.request_context import CALLER
from app.core.security.tokens import InvalidToken
from app.devices.service import find_by_key

bearer = OAuth2PasswordBearer(
    tokenUrl="/api/auth/token/",
    scheme_name="oauth2",
    description="People: e-mail address and password. A client id and secret are not needed",
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


async def resolve_caller(request: Request) -> Caller:
    """The person of the access token, the device of the key, or nobody without either.

    Who sends a credential that is not good is refused and not taken for a stranger; so is who
    sends two, of which a proxy and this service might read another one each.

    It asks FastAPI for nothing but the request: what a dependency depends on is solved again for
    every use of it, and a route has several.
    """
    caller: Caller | None = request.scope.get(CALLER)
    if caller is None:
        caller = request.scope[CALLER] = await _resolve(request)
    return caller


async def _resolve(request: Request) -> Caller:
    given = [name for name in CREDENTIALS for _ in request.headers.getlist(name)]
    if len(given) > 1:
        raise NotAuthenticated("Send one credential, not several")
    if not given:
        return ANONYMOUS
    state = request.app.state
    key = await device_key(request)
    if key is not None:
        return await _device(state.database, key, state.clock.now())
    caller = await _person(state.database, state.tokens, await bearer(request), state.clock.now())
    request.scope[WRITER] = str(caller.id)
    return caller


async def _device(database: Database, key: str, now: datetime) -> Caller:
    device = await find_by_key(database, key, now)
    if device is None:
        raise NotAuthenticated("The device key is not valid, or not any more")
    return Caller.device(device)


async def _person(database: Database, tokens: Tokens, token: str | None, now: datetime) -> Caller:
    """The account is read on every request, so that a deactivated one is out with the next."""
    if token is None:
        raise NotAuthenticated
    try:
        claims = tokens.access.read(token, now=now)
    except InvalidToken:
        raise NotAuthenticated("The access token is not valid, or not any more") from None
    caller = await live_caller(database.journeys, claims.session, claims.subject)
    if caller is None:
        raise NotAuthenticated("The session has ended: sign in again")
    return caller


class Guard:
    """Lets a caller with the permission pass and hands the caller back.

    Where it wants a `recent` sign-in, an older one is to be confirmed first.
    """

    problems: tuple[type[Problem], ...] = (NotAuthenticated, Forbidden)

    def __init__(
        self, permission: Permission, *, ask: str | None = None, recent: bool = False
    ) -> None:
        self.permission = permission
        self.ask = ask  # for what, where it is not signing in
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
            require_recent_sign_in(caller, request.app.state.clock.now())
        return caller


async def _confirmation(request: Request) -> Callable[[], None]:
    """Return what raises `ReauthenticationRequired` where the sign-in is not recent.

    For routes below `auth` of which only some changes need it.
    """
    caller = await resolve_caller(request)
    return partial(require_recent_sign_in, caller, request.app.state.clock.now())


_confirmation.problems = (ReauthenticationRequired,)  # type: ignore[attr-defined] # see ApiRoute


async def public() -> None:
    """Marks a route that strangers may use."""


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
RunningDevice = Annotated[
    Caller, Depends(Guard(Permission.SEND_HEARTBEAT, ask="Send the device's key in X-Device-Key"))
]
