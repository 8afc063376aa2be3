"""A delegate sees and changes the visits of a host, and erases none."""

from typing import Any

import pytest

from app.users.models import Role
from app.visitors.models import VisitorStatus
from tests.support.api import VISITOR, Api, Client
from tests.support.database import add_site, set_status
from tests.support.mailbox import Mailbox
from tests.support.problems import problem

VISITOR_OF_NOBODY = {k: v for k, v in VISITOR.items() if not k.startswith("host_")}


async def delegate(host: Client, to: Client) -> None:
    answer = await host.put("auth/me/delegates/", {"user_ids": [to.user_id]})
    assert answer.status_code == 200, answer.text


@pytest.fixture
async def boss(api: Api) -> Client:
    return await api.host()


@pytest.fixture
async def assistant(api: Api, boss: Client) -> Client:
    assistant = await api.host("mary@example.com", "Mary")
    await delegate(boss, assistant)
    return assistant


async def visit(client: Client, visitor: dict[str, Any], path: str = "") -> int:
    return (await client.get(f"visitors/{visitor['id']}/{path}")).status_code


async def test_a_delegate_sees_the_visits_of_the_host(boss: Client, assistant: Client):
    theirs, own = await boss.register(), await assistant.register(email="own@example.com")
    listed = (await assistant.get("visitors/", include_total=True)).json()
    assert {each["id"] for each in listed["items"]} == {theirs["id"], own["id"]}
    assert listed["total"] == 2
    assert await visit(assistant, theirs) == 200
    assert await visit(boss, own) == 404


async def test_a_delegate_registers_for_the_host_by_id_and_address(
    boss: Client, assistant: Client, mailbox: Mailbox
):
    by_id = await assistant.register(host_id=boss.user_id)
    by_address = await assistant.register(host_email="charles@example.com", email="b@example.com")
    for visitor in (by_id, by_address):
        assert visitor["host_name"] == "Charles Babbage"
        assert visitor["booked_by"] == "Mary Babbage"
        assert await visit(boss, visitor) == 200
    to = [mail["To"] for mail in await mailbox.deliver()]
    assert sum("charles@example.com" in each for each in to) == 2
    assert not any("mary@example.com" in each for each in to)


async def test_nobody_booked_what_the_host_registered(boss: Client, api: Api):
    assert (await boss.register())["booked_by"] is None
    admin = await api.admin()
    assert (await admin.register(email="b@example.com"))["booked_by"] == "Front Desk"


async def test_a_delegate_changes_a_visit_and_erases_none(boss: Client, assistant: Client):
    visitor = await boss.register()
    path = f"visitors/{visitor['id']}/"
    assert (await assistant.patch(path, {"visit_time": "15:00"})).status_code == 200
    problem(await assistant.delete(path), 403, "forbidden")
    assert (await assistant.post(f"{path}cancel/")).status_code == 200
    assert (await boss.delete(path)).status_code == 204


async def test_a_delegate_gives_visits_to_the_host_and_takes_none(boss: Client, assistant: Client):
    path = f"visitors/{(await assistant.register())['id']}/"
    answer = await assistant.patch(path, {"host_id": boss.user_id})
    assert answer.json()["host_name"] == "Charles Babbage"
    for mine in ({"host_id": assistant.user_id}, {"host_email": "mary@example.com"}):
        problem(await assistant.patch(path, mine), 403, "not_your_visit")
    problem(await assistant.delete(path), 403, "forbidden")


async def test_a_delegate_moves_no_visit_to_where_it_could_be_erased(api: Api, boss: Client):
    visitor, annex = await boss.register(), await add_site(api.database, "Annex")
    path = f"visitors/{visitor['id']}/"
    for role, status in ((Role.ADMIN, 403), (Role.RECEPTIONIST, 200)):
        staff = await api.of_role(role, annex)
        await delegate(boss, staff)
        assert (await staff.patch(path, {"site": annex})).status_code == status


async def test_a_guard_acts_for_nobody(api: Api, boss: Client):
    annex = await add_site(api.database, "Annex")
    guard = await api.of_role(Role.RECEPTIONIST, annex)
    await delegate(boss, guard)
    visitor = await boss.register()
    await set_status(api.database, visitor["id"], VisitorStatus.VERIFIED)
    root = await api.superadmin()
    change = {"role": "guard", "sites": [annex]}
    assert (await root.patch(f"auth/users/{guard.user_id}/", change)).status_code == 200
    problem(await guard.post(f"visitors/{visitor['id']}/check-out/"), 404, "not_found")
    assert (await guard.get("auth/me/")).json()["acts_for"] == []
    assert (await boss.get("auth/me/delegates/")).json() == {"user_ids": []}


async def test_nobody_gives_away_visits_that_they_do_not_see(
    api: Api, boss: Client, assistant: Client
):
    visitor, annex = await boss.register(), await add_site(api.database, "Annex")
    root, change = await api.superadmin(), {"role": "receptionist", "sites": [annex]}
    assert (await root.patch(f"auth/users/{boss.user_id}/", change)).status_code == 200
    assert [await visit(each, visitor) for each in (boss, assistant)] == [404, 404]
    assert (await boss.get("auth/me/delegates/")).json() == {"user_ids": []}


async def test_an_answer_is_not_repeated_to_a_former_delegate(boss: Client, assistant: Client):
    assistant.headers = assistant.headers | {"Idempotency-Key": "once"}
    first = await assistant.register(host_id=boss.user_id)
    assert await assistant.register(host_id=boss.user_id) == first
    await boss.put("auth/me/delegates/", {"user_ids": []})
    body = {**VISITOR_OF_NOBODY, "host_id": boss.user_id}
    problem(await assistant.post("visitors/", body), 403, "not_your_visit")


async def test_a_delegate_names_nobody_else(api: Api, boss: Client, assistant: Client):
    other = await api.host("ada@example.com", "Ada")
    visitor = await boss.register()
    body = {**VISITOR_OF_NOBODY, "host_id": other.user_id}
    problem(await assistant.post("visitors/", body), 403, "not_your_visit")
    answer = await assistant.patch(f"visitors/{visitor['id']}/", {"host_id": other.user_id})
    problem(answer, 403, "not_your_visit")


async def test_the_delegate_of_a_delegate_has_nothing(api: Api, boss: Client, assistant: Client):
    second = await api.host("ada@example.com", "Ada")
    await delegate(assistant, second)
    visitor = await boss.register()
    assert await visit(second, visitor) == 404
    problem(
        await second.post("visitors/", {**VISITOR_OF_NOBODY, "host_id": boss.user_id}),
        403,
        "not_your_visit",
    )


async def test_a_former_delegate_sees_nothing_at_once(boss: Client, assistant: Client):
    visitor = await boss.register()
    assert await visit(assistant, visitor) == 200
    await boss.put("auth/me/delegates/", {"user_ids": []})
    assert await visit(assistant, visitor) == 404


async def test_a_delegate_at_one_site_sees_the_host_at_every_site(api: Api, boss: Client):
    root = await api.superadmin()
    annex = (await root.post("sites/", {"name": "Annex", "timezone": "UTC"})).json()["id"]
    visitor = await boss.register()
    receptionist = await api.of_role(Role.RECEPTIONIST, annex)
    assert await visit(receptionist, visitor) == 404
    await delegate(boss, receptionist)
    assert await visit(receptionist, visitor) == 200
    listed = (await receptionist.get("visitors/", include_total=True)).json()
    assert ([each["id"] for each in listed["items"]], listed["total"]) == ([visitor["id"]], 1)


async def test_a_delegate_admits_nobody_at_a_site_of_others(api: Api, boss: Client):
    desk = await api.of_role(Role.RECEPTIONIST, await add_site(api.database, "Annex"))
    made = (await boss.post("groups/", {"name": "Board", "visitors": [VISITOR_OF_NOBODY]})).json()
    [visitor] = made["visitors"]
    await delegate(boss, desk)
    path = f"visitors/{visitor['id']}/check-in/"
    override = {"codes": ["too_early"], "reason": "The boss is waiting"}
    for body in ({}, {"override": override}):
        problem(await desk.post(path, body), 403, "forbidden")
    [result] = (await desk.post(f"groups/{made['id']}/check-in/", {})).json()["results"]
    assert (result["result"], result["code"]) == ("refused", "forbidden")
    problem(await desk.patch(f"groups/{made['id']}/", {"name": "Others"}), 403, "forbidden")
    assert (await boss.get(f"visitors/{visitor['id']}/")).json()["status"] == "pending"


async def test_a_delegate_names_nobody_else_at_a_site_of_others(api: Api, boss: Client):
    desk = await api.of_role(Role.RECEPTIONIST, await add_site(api.database, "Annex"))
    other, visitor = await api.host("ada@example.com", "Ada"), await boss.register()
    await delegate(boss, desk)
    path = f"visitors/{visitor['id']}/"
    for host_id in (other.user_id, desk.user_id):
        problem(await desk.patch(path, {"host_id": host_id}), 403, "not_your_visit")
    assert (await desk.patch(path, {"host_id": boss.user_id, "name": "Eve"})).status_code == 200


async def test_figures_are_of_the_sites_of_a_delegate(api: Api, boss: Client):
    receptionist = await api.of_role(Role.RECEPTIONIST, await add_site(api.database, "Annex"))
    await delegate(boss, receptionist)
    await boss.register()
    month = {"date_from": "2026-11-01", "date_to": "2026-11-30"}
    figures = (await receptionist.get("visitors/dashboard-stats/", **month)).json()
    assert figures["total_this_month"] == 0
    trends = (await receptionist.get("analytics/trends/", **month)).json()
    assert (trends["overall"]["total"], trends["by_site"]) == (0, [])


async def test_me_names_the_hosts_for_whom_one_acts(boss: Client, assistant: Client):
    [host] = (await assistant.get("auth/me/")).json()["acts_for"]
    shown = {"id": boss.user_id, "name": "Charles Babbage", "email": "charles@example.com"}
    assert host == shown
    assert (await boss.get("auth/me/")).json()["acts_for"] == []
