"""Guards: an `Annotated` alias for each kind of caller; every route has one or is `public`."""

from collections.abc import Callable, Collection
from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, OAuth2PasswordBearer

from app.api_keys.errors import NetworkNotAllowed
from app.api_keys.service import find_by_key as find_api_key
from app.api_keys.service import note_use
from app.auth.caller import ANONYMOUS, Caller, CallerRole
from app.auth.errors import ReauthenticationRequired, SecondFactorMissing
from app.auth.repository import live_caller
from app.auth.step_up import require_recent_sign_in
from app.core.db.database import Database
from app.core.errors import Forbidden, NotAuthenticated, Problem
from app.core.http.limits import Rule, TooManyRequests
from app.core.http.services import core_services
from app.core.request_context import CALLER, current_client_address, note_writer
from app.core.security.access_keys import API_KEYS
from app.core.security.tokens import InvalidToken, SessionTokens
from app.devices.service import find_by_key
from app.services import Services, services
from app.settings import Settings
from app.users.roles import CALLERS, DEVICES, PEOPLE, Permission, rights_of

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
    """Return the user of the token, the program or device of the key, or an anonymous caller.

    Two credentials are refused, since a proxy might use the other one.
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
    token = await bearer(request)
    if token is not None and token.startswith(API_KEYS.prefix):
        caller = await _program(ours, token)
    else:
        caller = await _person(ours.database, ours.tokens, token, ours.clock.now())
    note_writer(caller.id)
    return caller


async def _device(database: Database, key: str, now: datetime) -> Caller:
    device = await find_by_key(database, key, now)
    if device is None:
        raise NotAuthenticated("The device key is invalid or has been revoked")
    return Caller.device(device)


async def _program(ours: Services, secret: str) -> Caller:
    """Read key and maker on every request, so that a change of either applies at once."""
    now, address = ours.clock.now(), current_client_address()
    key = await find_api_key(ours.database, secret, now, address)
    if key is None:
        raise NotAuthenticated("The API key is invalid, has expired or has been revoked")
    await ours.lots.hit(Rule("api key", ours.settings.api_key_limit).of(str(key.id)))
    await note_use(ours.database, key, now, address)
    return Caller.key(key)


async def _person(
    database: Database, tokens: SessionTokens, token: str | None, now: datetime
) -> Caller:
    """Read the account on every request, so that deactivation applies at once."""
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
    """Allows callers with one of the permissions, and those named in `also`; returns the caller.

    With `recent`, the sign-in must have been confirmed recently. `for_people` leaves out API keys.
    `without_factor` admits users who lack the second factor that their role needs.
    """

    problems: tuple[type[Problem], ...] = (NotAuthenticated, Forbidden)

    def __init__(
        self,
        *permissions: Permission,
        also: Collection[CallerRole] = (),
        ask: str | None = None,
        recent: bool = False,
        for_people: bool = False,
        without_factor: bool = False,
    ) -> None:
        self.permissions = frozenset(permissions)
        having = {r for r in CALLERS if not self.permissions.isdisjoint(rights_of(r).permissions)}
        self.roles = frozenset({*having, *also})
        if recent or for_people:  # a program confirms nothing
            self.roles -= {CallerRole.KEY}
        self.ask = ask  # the hint, unless it is to sign in
        self.recent = recent
        self.without_factor = without_factor
        if CallerRole.KEY in self.roles:
            self.problems = (*self.problems, NetworkNotAllowed, TooManyRequests)
        if not without_factor:
            self.problems = (*self.problems, SecondFactorMissing)
        if recent:
            self.problems = (*self.problems, ReauthenticationRequired)

    async def __call__(self, request: Request) -> Caller:
        caller = await resolve_caller(request)
        if not self._admits(caller):
            if caller.role is CallerRole.ANONYMOUS:
                raise NotAuthenticated(self.ask)
            if caller.is_key and CallerRole.KEY in self.roles:
                scopes = " or ".join(sorted(self.permissions))
                raise Forbidden(f"The API key, or its maker, lacks {scopes}")
            raise Forbidden
        if not self.without_factor and _misses_factor(caller, services(request).settings):
            raise SecondFactorMissing
        if self.recent:
            require_recent_sign_in(caller, core_services(request).clock.now())
        return caller

    def _admits(self, caller: Caller) -> bool:
        """Return whether the caller's role is admitted, and a key has one of the permissions."""
        has_scope = not caller.is_key or not self.permissions.isdisjoint(caller.permissions)
        return caller.role in self.roles and has_scope


def _misses_factor(caller: Caller, settings: Settings) -> bool:
    return not caller.has_factor and needs_factor(caller, settings)


def needs_factor(caller: Caller, settings: Settings) -> bool:
    """Return whether a user may only set up a second factor as long as there is none.

    So may superadmins who used a password where others cannot.
    """
    by_password = caller.role is CallerRole.SUPERADMIN and not caller.by_directory
    is_needed = caller.role.value in settings.second_factor_roles
    return is_needed or (settings.oidc_required and by_password)


async def _confirmation(request: Request) -> Callable[[], None]:
    """Return a check for routes of which some changes need a recent sign-in."""
    caller = await resolve_caller(request)
    return partial(require_recent_sign_in, caller, core_services(request).clock.now())


_confirmation.problems = (ReauthenticationRequired,)  # type: ignore[attr-defined] # see ApiRoute


async def public() -> None:
    """Mark a route as public."""


P = Permission
STRANGERS = (CallerRole.KIOSK, CallerRole.ANONYMOUS)
Public = Depends(public)
SignedIn = Annotated[Caller, Depends(Guard(also=PEOPLE))]
# Users may lack the second factor that their role needs.
Enrolling = Annotated[Caller, Depends(Guard(also=PEOPLE, without_factor=True))]
Enroller = Annotated[Caller, Depends(Guard(also=PEOPLE, recent=True, without_factor=True))]
FactorOwner = Annotated[Caller, Depends(Guard(also=PEOPLE, recent=True))]
# What changes how others sign in.
FactorResetter = Annotated[Caller, Depends(Guard(also={CallerRole.SUPERADMIN}, recent=True))]
AccountLinkManager = Annotated[Caller, Depends(Guard(also={CallerRole.SUPERADMIN}, recent=True))]
Confirmation = Annotated[Callable[[], None], Depends(_confirmation)]
Registrar = Annotated[Caller, Depends(Guard(P.VISITORS_WRITE, also=STRANGERS))]
VisitorViewer = Annotated[Caller, Depends(Guard(P.VISITORS_READ))]
VisitorEditor = Annotated[Caller, Depends(Guard(P.VISITORS_WRITE))]
VisitorCanceller = Annotated[Caller, Depends(Guard(P.VISITORS_CANCEL))]
VisitorEraser = Annotated[Caller, Depends(Guard(P.VISITORS_ERASE))]
VisitorExporter = Annotated[Caller, Depends(Guard(P.VISITORS_EXPORT))]
DoorKeeper = Annotated[Caller, Depends(Guard(P.GATE_DESK))]
VisitorDismisser = Annotated[Caller, Depends(Guard(P.GATE_DESK, P.VISITORS_WRITE))]
GroupEditor = Annotated[Caller, Depends(Guard(P.GROUPS_WRITE))]
Uploader = Annotated[Caller, Depends(Guard(P.UPLOADS_WRITE))]
DashboardViewer = Annotated[Caller, Depends(Guard(P.DASHBOARD_READ))]
HostViewer = Annotated[Caller, Depends(Guard(P.VISITORS_WRITE, also={CallerRole.KIOSK}))]
Gatekeeper = Annotated[
    Caller,
    Depends(Guard(P.GATE_SCAN, ask="Send the device's key in X-Device-Key, or sign in")),
]
# Both: hosts are not at the desk, and guards see no list of visitors.
AtDesk = Depends(Guard(P.DESK_READ))
DeskViewer = Annotated[Caller, Depends(Guard(P.DESK_READ))]
# Added where other permissions admit hosts, guards or keys.
ByHand = Depends(Guard(P.GATE_DESK))
Editing = Depends(Guard(P.VISITORS_WRITE))
Cancelling = Depends(Guard(P.VISITORS_CANCEL))
Dismissing = Depends(Guard(P.GATE_DESK, P.VISITORS_WRITE))
MusterViewer = Annotated[Caller, Depends(Guard(P.MUSTERS_READ))]
MusterKeeper = Annotated[Caller, Depends(Guard(P.MUSTERS_WRITE))]
SiteViewer = Annotated[Caller, Depends(Guard(P.SITES_READ))]
SiteEditor = Annotated[Caller, Depends(Guard(P.SITES_WRITE))]
SiteManager = Annotated[Caller, Depends(Guard(P.SITES_CREATE))]
SlotViewer = Annotated[Caller, Depends(Guard(P.SITES_READ, also=STRANGERS))]
DepartmentViewer = Annotated[Caller, Depends(Guard(P.SITES_READ, also={CallerRole.KIOSK}))]
DepartmentEditor = Annotated[Caller, Depends(Guard(P.DEPARTMENTS_WRITE))]
NotificationViewer = Annotated[Caller, Depends(Guard(P.NOTIFICATIONS_READ))]
NotificationRetrier = Annotated[Caller, Depends(Guard(P.NOTIFICATIONS_RETRY))]
DeviceViewer = Annotated[Caller, Depends(Guard(P.DEVICES_READ))]
DeviceEditor = Annotated[Caller, Depends(Guard(P.DEVICES_WRITE))]
DeviceKeyManager = Annotated[Caller, Depends(Guard(P.DEVICES_WRITE, recent=True))]
# Revoking a key needs no confirmation, which might cost time.
KeyViewer = Annotated[Caller, Depends(Guard(P.KEYS_WRITE))]
KeyManager = Annotated[Caller, Depends(Guard(P.KEYS_WRITE, recent=True))]
UserViewer = Annotated[Caller, Depends(Guard(P.USERS_READ))]
UserManager = Annotated[Caller, Depends(Guard(P.USERS_WRITE))]
DelegateManager = Annotated[Caller, Depends(Guard(P.USERS_WRITE, recent=True))]
SessionEnder = Annotated[Caller, Depends(Guard(P.SESSIONS_END, recent=True))]
WebhookEditor = Annotated[Caller, Depends(Guard(P.WEBHOOKS_WRITE))]
WebhookMaker = Annotated[Caller, Depends(Guard(P.WEBHOOKS_WRITE, recent=True))]
EventViewer = Annotated[Caller, Depends(Guard(P.EVENTS_READ))]
AuditReader = Annotated[Caller, Depends(Guard(P.AUDIT_READ))]
RunningDevice = Annotated[
    Caller, Depends(Guard(also=DEVICES, ask="Send the device's key in X-Device-Key"))
]
