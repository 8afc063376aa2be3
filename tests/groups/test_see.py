from datetime import timedelta

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.users.models import Role
from app.visitors.retention_jobs import anonymise_past
from tests.conftest import MONDAY
from tests.groups.groups import add_group, ids, members
from tests.support.api import Api, Client
from tests.support.database import add_site, places_holding
from tests.support.problems import problem
from tests.support.requests import NOBODY


async def _names(client: Client, **chosen: str) -> list[str]:
    answer = await client.get("groups/", **chosen)
    assert answer.status_code == 200, answer.text
    return [group["name"] for group in answer.json()["items"]]


async def test_groups_are_listed_newest_first_and_filtered(api: Api, database: Database):
    desk, other = await api.admin(), await add_site(database)
    first = await add_group(desk, name="Choir of Jürgen")
    await add_group(desk, name="Board", site=other, visit_date="2026-11-24")
    assert await _names(desk) == ["Board", "Choir of Jürgen"]
    assert await _names(desk, q="choir jurgen") == ["Choir of Jürgen"]
    assert await _names(desk, q="oir") == []
    assert await _names(desk, site=other) == ["Board"]
    assert await _names(desk, visit_date="2026-11-24") == ["Board"]
    page = (await desk.get("groups/", limit=1, include_total=True)).json()
    assert (page["total"], len(page["items"])) == (2, 1)
    [last] = (await desk.get("groups/", limit=1, cursor=page["next_cursor"])).json()["items"]
    assert last.items() <= first.items()
    assert "visitors" not in last
    problem(await desk.get(f"groups/{NOBODY}/"), 404, "not_found")


async def test_counts_are_by_what_became_of_the_visitors(api: Api):
    desk = await api.admin()
    group = await add_group(desk, 4)
    one, two, three, _ = ids(group)
    await desk.post(f"visitors/{one}/cancel/")
    await desk.scan(group["visitors"][1]["qr_code"])
    await desk.scan(group["visitors"][2]["qr_code"])
    await desk.post(f"visitors/{three}/check-out/")
    counts = (await desk.get(f"groups/{group['id']}/")).json()["counts"]
    assert counts["total"] == 4
    assert {name: counts[name] for name in ("expected", "inside", "left", "cancelled")} == {
        "expected": 1,
        "inside": 1,
        "left": 1,
        "cancelled": 1,
    }
    [listed] = (await desk.get("groups/")).json()["items"]
    assert listed["counts"] == counts
    await desk.delete(f"visitors/{two}/")
    assert (await desk.get(f"groups/{group['id']}/")).json()["counts"]["total"] == 3


async def test_a_host_sees_own_groups_and_own_visitors(api: Api):
    desk, host, other = await api.admin(), await api.host(), await api.host("ada@example.com")
    mixed = [*members(1, host_id=host.user_id), *members(2, 2, host_id=other.user_id)]
    theirs = await add_group(desk, name="Mixed", visitors=mixed)
    await add_group(desk, name="Of the other", visitors=members(1, 9, host_id=other.user_id))
    own = await add_group(host, 2, name="Own")
    await desk.patch(f"visitors/{ids(own)[0]}/", {"host_id": other.user_id})
    assert await _names(host) == ["Own", "Mixed"]
    assert await _names(other) == ["Own", "Of the other", "Mixed"]
    seen = (await host.get(f"groups/{theirs['id']}/")).json()
    assert (ids(seen), seen["counts"]["total"]) == (ids(theirs)[:1], 1)
    seen = (await host.get(f"groups/{own['id']}/")).json()
    assert (ids(seen), seen["counts"]["total"]) == (ids(own)[1:], 1)
    answer = await host.post(f"groups/{theirs['id']}/cancel/", {"visitor_ids": ids(theirs)[1:]})
    fields = [error["field"] for error in problem(answer, 422, "invalid")["errors"]]
    assert fields == ["visitor_ids.0", "visitor_ids.1"]
    problem(await host.patch(f"groups/{theirs['id']}/", {"name": "Mine"}), 403, "forbidden")
    assert (await host.patch(f"groups/{own['id']}/", {"name": "Mine"})).json()["name"] == "Mine"


async def test_a_delegate_sees_groups_with_visitors_of_the_host(api: Api, database: Database):
    root, host, other = await api.superadmin(), await api.host(), await add_site(database)
    desk = await api.of_role(Role.RECEPTIONIST, other)
    await host.put("auth/me/delegates/", {"user_ids": [desk.user_id]})
    visitors = [*members(1, host_id=host.user_id), *members(1, 2)]
    group = await add_group(root, name="Of the host", visitors=visitors)
    await add_group(root, name="Of nobody", visitors=members(1, 9))
    assert await _names(desk) == ["Of the host"]
    assert ids((await desk.get(f"groups/{group['id']}/")).json()) == ids(group)[:1]


async def test_a_visitor_who_moves_to_another_site_leaves(api: Api, database: Database):
    desk, other = await api.admin(), await add_site(database)
    group = await add_group(desk, 2)
    one, two = ids(group)
    moved = await desk.patch(f"visitors/{one}/", {"site": other})
    assert (moved.status_code, moved.json()["group"]) == (200, None)
    assert ids((await desk.get(f"groups/{group['id']}/")).json()) == [two]
    await desk.patch(f"visitors/{two}/", {"site": other})
    problem(await desk.get(f"groups/{group['id']}/"), 404, "not_found")


async def test_a_group_is_deleted_with_its_last_visitor(api: Api, database: Database):
    desk = await api.admin()
    group = await add_group(desk, 2, name="Zyzzyva")
    for id_ in ids(group):
        assert (await desk.get(f"groups/{group['id']}/")).status_code == 200
        await desk.delete(f"visitors/{id_}/?notify=false")
    problem(await desk.get(f"groups/{group['id']}/"), 404, "not_found")
    assert await places_holding(database, "Zyzzyva") == set()


async def test_a_name_is_erased_with_the_last_visitors_data(
    api: Api, database: Database, clock: SettableClock
):
    desk = await api.admin()
    group = await add_group(desk, 2, name="Zyzzyva")
    one, two = ids(group)
    await desk.post(f"visitors/{one}/cancel/")
    later = MONDAY + timedelta(days=40)
    assert await anonymise_past(database, later, 30) == 1
    assert (await desk.get(f"groups/{group['id']}/")).json()["name"] == "Zyzzyva"
    await desk.post(f"visitors/{two}/cancel/")
    assert await anonymise_past(database, later, 30) == 1
    assert await places_holding(database, "Zyzzyva") == set()
    erased = (await desk.get(f"groups/{group['id']}/")).json()
    assert (erased["name"], len(erased["visitors"])) == ("Anonymised group", 2)
    problem(await desk.patch(f"groups/{group['id']}/", {"name": "Again"}), 409, "group_erased")


async def test_a_group_is_renamed(api: Api):
    desk = await api.admin()
    group = await add_group(desk)
    renamed = await desk.patch(f"groups/{group['id']}/", {"name": "Trustees"})
    assert renamed.json()["name"] == "Trustees"
    assert {v["group"]["name"] for v in renamed.json()["visitors"]} == {"Trustees"}
    refused = await desk.patch(f"groups/{group['id']}/", {"name": " "})
    assert problem(refused, 422, "invalid")["errors"][0]["field"] == "name"
