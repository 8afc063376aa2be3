"""Every operation responds to every kind of caller as the table of permissions says."""

from app.api_docs.security import scopes_of
from app.auth.caller import CallerRole
from app.core.db.database import Database
from app.users.models import Role
from app.users.roles import CALLERS, KEY_SCOPES, ROLES, Permission, rights_of
from tests.api_keys.keys import program
from tests.devices.devices import HEARTBEAT, add_device
from tests.support.api import VISITOR, Api, Client
from tests.support.database import change_default_site, deactivate
from tests.support.problems import problem
from tests.support.requests import Sample, sample
from tests.support.route_table import Operation, operations
from tools.write_permissions import documented_app

APP = documented_app()
OPERATIONS = {str(operation): operation for operation in operations(APP) if operation.in_document}
SAMPLES = {name: sample(APP.openapi(), op.method, op.path) for name, op in OPERATIONS.items()}
BY_NAME = {role.value: role for role in CALLERS}
REFUSALS = {"not_authenticated", "forbidden"}


async def _callers(api: Api, database: Database) -> dict[str, Client]:
    gone, revoked = await api.host("gone@example.com"), await add_device(api, name="Revoked")
    await deactivate(database, gone.user_id)
    await (await api.admin("revoker@example.com")).delete(f"devices/{revoked.user_id}/")
    return {
        **{role: await api.of_role(role) for role in ROLES},
        "key": await program(api, await api.superadmin("maker@example.com"), *sorted(KEY_SCOPES)),
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
    role = BY_NAME.get(who)
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
    form = {name: VISITOR[name] for name in ("name", "email", "visit_date", "visit_time")}
    SAMPLES["POST /api/visitors/"].options["json"] = form
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


def test_every_role_is_an_entry_and_every_caller_a_column():
    assert set(ROLES) == set(Role)
    assert set(CALLERS) == set(CallerRole) - {CallerRole.SYSTEM, CallerRole.VISITOR}


def test_the_words_are_those_of_the_contract():
    assert " ".join(Permission) == (
        "visitors:read visitors:write visitors:cancel visitors:erase visitors:export gate:scan "
        "gate:desk desk:read override groups:write uploads:write dashboard:read "
        "notifications:read notifications:retry musters:read musters:write sites:read sites:write "
        "sites:create departments:write devices:read devices:write users:read users:write "
        "sessions:end keys:write webhooks:write events:read audit:read"
    )


def test_nobody_manages_a_role_that_may_more():
    for rights in ROLES.values():
        for managed in rights.manages:
            assert ROLES[managed].permissions <= rights.permissions


def test_a_receptionist_does_not_erase_export_or_administrate():
    kept = {"erase", "export", "create"}
    administration = {"sites:write", "departments:write", "sessions:end"}
    subjects = {"devices", "users", "keys", "webhooks", "audit"}
    for word in ROLES[Role.RECEPTIONIST].permissions | ROLES[Role.GUARD].permissions:
        assert word not in administration
        assert word.partition(":")[0] not in subjects
        assert word.partition(":")[2] not in kept


def test_a_guard_may_scan_look_at_the_desk_and_count_heads():
    words = {"gate:scan", "gate:desk", "desk:read", "musters:read", "musters:write"}
    assert rights_of(CallerRole.GUARD).permissions == words


async def test_people_have_no_heartbeat(api: Api):
    problem(await (await api.superadmin()).post(HEARTBEAT), 403, "forbidden")


async def test_a_key_calls_an_operation_with_the_scopes_it_names(api: Api):
    """With each alternative alone, and with none but all others not."""
    root = await api.superadmin()
    for name, operation in OPERATIONS.items():
        for scopes in scopes_of(operation):
            client = await program(api, root, *scopes)
            assert await _refusal(client, operation.method, SAMPLES[name]) is None, name
        if scopes_of(operation):
            named = {word for scopes in scopes_of(operation) for word in scopes}
            client = await program(api, root, *sorted(KEY_SCOPES - named))
            refusal = await _refusal(client, operation.method, SAMPLES[name])
            assert refusal == "forbidden", name
