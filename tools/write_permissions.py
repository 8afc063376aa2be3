"""Writes `docs/permissions.md`; `--check` fails if it is out of date."""

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from fastapi import FastAPI

from app.auth.caller import CallerRole
from app.auth.permissions import PERMISSIONS, Permission
from app.main import create_app
from app.settings import Settings
from tests.support.route_table import Operation, operations

FILE = Path(__file__).parent.parent / "docs" / "permissions.md"
ROLES = [role for role in CallerRole if role in PERMISSIONS]
# Limits beyond those of the guard.
WITHIN = {
    (CallerRole.HOST, Permission.MANAGE_VISITORS): "own",
    (CallerRole.HOST, Permission.REGISTER_VISITOR): "as host",
    (CallerRole.ADMIN, Permission.MANAGE_USERS): "hosts",
    (CallerRole.KIOSK, Permission.REGISTER_VISITOR): "own site",
    (CallerRole.KIOSK, Permission.SEE_HOSTS): "names",
    (CallerRole.ANONYMOUS, Permission.REGISTER_VISITOR): "open sites",
    (CallerRole.ANONYMOUS, Permission.SEE_SLOTS): "open sites",
}
HEAD = """\
# Permissions

Generated from the guards of the routes by `.venv/bin/python -m tools.write_permissions`. The guards
use the table in `app/auth/permissions.py`, and `tests/auth/test_permissions.py` sends every request
of this matrix.

Where a cell is empty, a caller without a valid credential gets a 401 `not_authenticated`, others a
403 `forbidden`. The credentials of deactivated accounts and deleted devices are not valid. *own*:
only visitors whose host is the caller, and a 404 for others. *as host*: always with the caller as
the host. *hosts*: only accounts of hosts. *own site*: only the site of the kiosk. *names*: no
e-mail addresses. *open sites*: only sites with `self_registration`. *public*: no credential is
read, except for `GET /metrics`, which needs `METRICS_TOKEN` outside development mode.
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


def table(app: FastAPI) -> Iterator[str]:
    yield f"| operation | {' | '.join(ROLES)} |"
    yield "|---" * (len(ROLES) + 1) + "|"
    for operation in sorted(operations(app), key=lambda op: (op.path, op.method)):
        cells = [_cell(operation, role) for role in ROLES]
        yield f"| `{operation}` | {' | '.join(cells)} |"


def _cell(operation: Operation, role: CallerRole) -> str:
    if operation.is_public:
        return "public"
    if not operation.allows(role):
        return ""
    limits = [WITHIN.get((role, permission), "yes") for permission in operation.permissions]
    return ", ".join(sorted(set(limits)))


def main() -> int:
    text = HEAD + "\n" + "\n".join(table(documented_app())) + "\n"
    if sys.argv[1:] != ["--check"]:
        FILE.write_text(text, encoding="utf-8")
        return 0
    if FILE.exists() and FILE.read_text(encoding="utf-8") == text:
        return 0
    print(f"{FILE.name} is out of date: write it again", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
