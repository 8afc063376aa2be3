"""Every operation responds to every kind of caller as the table of permissions says."""

from typing import Any

from app.auth.caller import CallerRole
from app.auth.permissions import PERMISSIONS
from app.core.db.database import Database
from tests.devices.devices import HEARTBEAT, add_device
from tests.support.api import Api, Client
from tests.support.database import change_default_site, deactivate
from tests.support.problems import problem
from tests.support.requests import Sample, sample
from tests.support.route_table import Operation, operations
from tools.write_permissions import documented_app

APP = documented_app()
OPERATIONS = {str(operation): operation for operation in operations(APP) if operation.in_document}
SAMPLES = {name: sample(APP.openapi(), op.method, op.path) for name, op in OPERATIONS.items()}
ROLES = {role.value: role for role in PERMISSIONS}
REFUSALS = {"not_authenticated", "forbidden"}


async def _callers(api: Api, database: Database) -> dict[str, Client]:
    gone, revoked = await api.host("gone@example.com"), await add_device(api, name="Revoked")
    await deactivate(database, gone.user_id)
    await (await api.admin("revoker@example.com")).delete(f"devices/{revoked.user_id}/")
    return {
        "superadmin": await api.superadmin(),
        "admin": await api.admin(),
        "host": await api.host(),
        "scanner": await add_device(api, "scanner", name="Gate"),
        "kiosk": await add_device(api, "kiosk", name="Lobby"),
        "anonymous": Client(api.http, {}, ""),
        "deactivated host": gone,
        "revoked scanner": revoked,
    }


def _expected(operation: Operation, who: str) -> str | None:
    """Return the refusal that the table has for a caller; None where they may."""
    if operation.is_public:
        return None
    role = ROLES.get(who)
    if role is not None and operation.allows(role):
        return None
    return "not_authenticated" if role in {None, CallerRole.ANONYMOUS} else "forbidden"


async def _refusal(client: Client, method: str, request: Sample) -> str | None:
    answer = await client.request(method, request.path, **request.options)
    assert answer.status_code < 500, answer.text
    if answer.status_code not in {401, 403}:
        return None
    code = answer.json()["code"]
    return problem(answer, answer.status_code, code)["code"] if code in REFUSALS else None


async def test_an_operation_is_for_those_whom_the_table_names(api: Api, database: Database):
    await change_default_site(database, self_registration=True)
    callers = await _callers(api, database)
    for name, operation in OPERATIONS.items():
        expected = {caller: _expected(operation, caller) for caller in callers}
        found = {
            caller: await _refusal(client, operation.method, SAMPLES[name])
            for caller, client in callers.items()
        }
        assert found == expected, name


async def test_a_closed_site_has_no_operation_for_strangers(api: Api):
    nobody = Client(api.http, {}, "")
    for name, operation in OPERATIONS.items():
        if not operation.is_public:
            refusal = await _refusal(nobody, operation.method, SAMPLES[name])
            assert refusal == "not_authenticated", name


def test_the_table_covers_the_document():
    documented = {
        f"{method.upper()} {path}"
        for path, methods in APP.openapi()["paths"].items()
        for method in methods
    }
    assert documented == set(OPERATIONS)


def test_no_role_is_without_a_row_and_nobody_may_all():
    assert set(PERMISSIONS) == set(CallerRole) - {CallerRole.SYSTEM, CallerRole.VISITOR}
    everything: set[Any] = set().union(*PERMISSIONS.values())
    assert all(row < everything for row in PERMISSIONS.values())


def test_each_role_may_no_more_than_the_one_above_it():
    roles = (CallerRole.SUPERADMIN, CallerRole.ADMIN, CallerRole.HOST)
    root, admin, host = (PERMISSIONS[role] for role in roles)
    assert root > admin > host


async def test_people_have_no_heartbeat(api: Api):
    problem(await (await api.superadmin()).post(HEARTBEAT), 403, "forbidden")
