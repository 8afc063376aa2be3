from itertools import product
from typing import Any

from app.api_docs.operations import Operation
from app.auth.caller import CallerRole
from app.auth.guards import bearer, device_key
from app.users.roles import DEVICES, KEY_SCOPES, PEOPLE

TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "For users: `Authorization: Bearer …` with an access token from `auth_login`",
}
FORM = bearer.model.model_dump(mode="json", by_alias=True, exclude_none=True)
PROGRAM = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "vmsk_…",
    "description": "For programs: `Authorization: Bearer …` with a key from `POST /api/api-keys/`. "
    "An operation names the scopes that the key needs",
}
KEY = device_key.model.model_dump(mode="json", by_alias=True, exclude_none=True)
SCHEMES: dict[str, Any] = {"oauth2": FORM, "bearer": TOKEN, "apiKey": PROGRAM, "device": KEY}

BY_ROLE: tuple[tuple[frozenset[CallerRole], tuple[str, ...]], ...] = (
    (PEOPLE, ("bearer", "oauth2")),
    (DEVICES, ("device",)),
)


def requirement(operation: Operation) -> list[dict[str, list[str]]]:
    """Return the alternative credentials of an operation; `{}` means none."""
    if operation.is_public:
        return []
    accepted: list[dict[str, list[str]]] = [
        {scheme: []}
        for roles, schemes in BY_ROLE
        if any(operation.allows(role) for role in roles)
        for scheme in schemes
    ]
    accepted += [{"apiKey": scopes} for scopes in scopes_of(operation)]
    return [*accepted, {}] if operation.allows(CallerRole.ANONYMOUS) else accepted


def scopes_of(operation: Operation) -> list[list[str]]:
    """Return the alternative sets of scopes of which a key needs one."""
    if operation.is_public or not operation.allows(CallerRole.KEY):
        return []
    each = [sorted(guard.permissions & KEY_SCOPES) for guard in operation.guards]
    return [sorted(set(some)) for some in product(*each)]
