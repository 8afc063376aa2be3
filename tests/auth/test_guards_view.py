"""Guards see what a gate needs: cards of visits, and no phone number by any road."""

from app.auth.caller import CallerRole
from app.users.models import Role
from tests.support.api import Api
from tests.support.problems import problem
from tests.support.requests import sample
from tests.support.route_table import operations
from tools.write_permissions import documented_app

APP = documented_app()
CARD = {
    *("id", "name", "company", "host_name", "visit_time", "ends_at", "status", "presence"),
    *("checked_in_at", "next_action", "actions"),
}


async def test_a_check_out_by_a_guard_answers_the_card(api: Api):
    guard, root = await api.of_role(Role.GUARD), await api.superadmin()
    visitor = await root.register(phone="+49 7777 1234567", company="Zyzzyva Holdings")
    await guard.scan(visitor["qr_code"])
    answer = await guard.post(f"visitors/{visitor['id']}/check-out/")
    assert answer.status_code == 200
    assert answer.json().keys() == CARD
    assert answer.json()["status"] == "completed"


async def test_a_guard_reads_no_record(api: Api):
    guard, root = await api.of_role(Role.GUARD), await api.superadmin()
    visitor = await root.register()
    for path in ("visitors/", f"visitors/{visitor['id']}/"):
        problem(await guard.get(path), 403, "forbidden")


async def test_a_guard_reads_no_phone_number_by_any_road(api: Api):
    guard, root = await api.of_role(Role.GUARD), await api.superadmin()
    visitor = await root.register(phone="+49 7777 1234567")
    for operation in operations(APP):
        if not operation.in_document or not operation.allows(CallerRole.GUARD):
            continue
        request = sample(APP.openapi(), operation.method, operation.path)
        path = operation.path.removeprefix("/api/").replace("{visitor_id}", visitor["id"])
        if "{" not in path:
            answer = await guard.request(operation.method, path, **request.options)
            assert "7777" not in answer.text, operation
    assert "7777" not in (await guard.scan(visitor["qr_code"])).text
