"""Writes `docs/permissions.md`; `--check` fails if it is out of date."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from fastapi import FastAPI

from app.api_docs.security import scopes_of
from app.auth.caller import CallerRole
from app.main import create_app
from app.settings import Settings
from app.users.roles import (
    CALLERS,
    ROLES,
    Permission,
    manages_everybody,
    rights_of,
)
from tests.support.route_table import Operation, operations

FILE = Path(__file__).parent.parent / "docs" / "permissions.md"
# What a guard lets through is limited further.
WITHIN = {
    (CallerRole.HOST, "POST /api/visitors/"): "as host",
    (CallerRole.HOST, "GET /api/visitors/hosts/"): "yes",
    (CallerRole.GUARD, "POST /api/visitors/{visitor_id}/check-out/"): "card",
    (CallerRole.KIOSK, "POST /api/visitors/"): "own site",
    (CallerRole.KIOSK, "GET /api/visitors/hosts/"): "names",
    (CallerRole.ANONYMOUS, "POST /api/visitors/"): "open sites",
    (CallerRole.ANONYMOUS, "GET /api/visitors/available-slots/"): "open sites",
    (CallerRole.ANONYMOUS, "GET /api/visitors/check-slot/"): "open sites",
}
P = Permission
OF_VISITORS = ("visitors:", "groups:", "uploads:", "dashboard:")
HEAD = """\
# Permissions

Generated from the registry of roles in `app/users/roles.py` and the guards of the routes by
`.venv/bin/python -m tools.write_permissions`. `tests/auth/test_permissions.py` sends every request
of the matrix.

What a permission opens is limited by the scope of the account: the `sites` of an admin,
receptionist or guard, where they have any, and a host's own visitors. What is out of scope is
answered like what does not exist. `GET /api/auth/me/` has the caller's `permissions` and `sites`.

The permissions of an API key (`key`) are its scopes, of which it has some, as far as its maker has
them now; its scope is its `sites` among those of its maker. What needs a recent sign-in is 403 to
every key. One without `visitors:read` sees the card of a visit where others see the record.
"""
OPERATIONS = """\
## Operations

Where a cell is empty, a caller without a valid credential gets a 401 `not_authenticated`, others a
403 `forbidden`. The credentials of deactivated accounts and deleted devices are not valid. The
column *key* names the scopes that an API key needs. *own*: only visitors whose host is the caller,
and a 404 for others. *as host*: always with the caller as the host. *card*: the answer is the card
of the visit. *managed*: only accounts of hosts, receptionists and guards. *own site*: only the site
of the kiosk. *names*: no e-mail addresses. *open sites*: only sites with `self_registration`.
*public*: no credential is read, except for `GET /metrics`, which needs `METRICS_TOKEN` outside
development mode.
"""


@cache
def documented_app() -> FastAPI:
    """Return the application for its document, without connecting to anything."""
    return create_app(
        Settings(
            _env_file=None,
            debug=True,
            secret_key="a table has no secrets of anybody",
            database_url="postgresql://localhost/none",
            redis_url="redis://localhost",
            email_host="localhost",
        )
    )


def _table(first: str, columns: Sequence[str], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {first} | {' | '.join(columns)} |"
    yield "|---" * (len(columns) + 1) + "|"
    for head, *cells in rows:
        yield f"| `{head}` | {' | '.join(cells)} |"


def _words() -> Iterator[str]:
    all_rights = [*ROLES.values(), rights_of(CallerRole.KEY)]
    rows = ((word, *("yes" if word in r.permissions else "" for r in all_rights)) for word in P)
    return _table("permission", [*ROLES, CallerRole.KEY], rows)


def _operations(app: FastAPI) -> Iterator[str]:
    found = sorted(operations(app), key=lambda op: (op.path, op.method))
    return _table(
        "operation", CALLERS, ((str(op), *(_cell(op, role) for role in CALLERS)) for op in found)
    )


def _cell(operation: Operation, role: CallerRole) -> str:
    if operation.is_public:
        return "public"
    if not operation.allows(role):
        return ""
    if role is CallerRole.KEY:
        return " or ".join(" + ".join(f"`{s}`" for s in some) for some in scopes_of(operation))
    words = {word for guard in operation.guards for word in guard.permissions}
    limit = "yes"
    if rights_of(role).has_own_visitors and any(word.startswith(OF_VISITORS) for word in words):
        limit = "own"
    elif words & {P.USERS_READ, P.USERS_WRITE} and not manages_everybody(role):
        limit = "managed"
    return WITHIN.get((role, str(operation)), limit)


def main() -> int:
    app = documented_app()
    text = "\n".join([HEAD, *_words(), "", OPERATIONS, *_operations(app), ""])
    if sys.argv[1:] != ["--check"]:
        FILE.write_text(text, encoding="utf-8")
        return 0
    if FILE.exists() and FILE.read_text(encoding="utf-8") == text:
        return 0
    print(f"{FILE.name} is out of date: write it again", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
