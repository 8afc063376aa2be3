import asyncio
from typing import Any

from sqlalchemy import update

from app.core.db.database import Database
from app.sites.models import Site
from app.users.models import Role
from tests.groups.groups import add_group, ids, members
from tests.support.api import Api, Client, app_of
from tests.support.counting import statements
from tests.support.database import add_site, assert_seats_are_visitors
from tests.support.problems import problem
from tests.support.requests import NOBODY
from tests.support.stays import assert_presence_follows_stays, ways


async def _enter(client: Client, group: dict[str, Any]) -> None:
    for visitor in group["visitors"]:
        assert (await client.scan(visitor["qr_code"])).status_code == 200


def _body(expected: int) -> dict[str, Any]:
    return {"expected_count": expected, "reason": "Closing time"}


async def _presences(client: Client) -> list[str]:
    items = (await client.get("visitors/", ordering="created_at")).json()["items"]
    return [item["presence"] for item in items]


async def test_everybody_is_checked_out_by_the_count(api: Api, database: Database):
    desk = await api.admin()
    async with database.write() as unit:
        await unit.write(update(Site).values(re_entry="same_day"))
    group = await add_group(desk, 4)
    await _enter(desk, {"visitors": group["visitors"][:3]})
    away = group["visitors"][2]
    assert (await desk.scan(away["qr_code"], direction="out")).status_code == 200
    path = f"sites/{group['site']}/check-out-all/"
    for wrong in (0, 1, 3):
        refused = problem(await desk.post(path, _body(wrong)), 409, "count_changed")
        assert refused["count"] == 2
    assert await _presences(desk) == ["inside", "inside", "away", "expected"]
    done = await desk.post(path, _body(2))
    assert (done.status_code, done.json()) == (200, {"checked_out": 3})
    assert await _presences(desk) == ["left", "left", "left", "expected"]
    assert sorted(await ways(database)) == [("gate", "bulk"), ("gate", "bulk"), ("gate", "gate")]
    await assert_presence_follows_stays(database)
    await assert_seats_are_visitors(database)
    scans = (await desk.get("visitors/scans/", visitor=ids(group)[0])).json()["items"]
    newest = {name: scans[0][name] for name in ("direction", "method", "scanned_by")}
    assert newest == {"direction": "out", "method": "bulk", "scanned_by": desk.user_id}
    events = (await desk.get(f"visitors/{ids(group)[0]}/events/")).json()
    assert (events[-1]["action"], events[-1]["details"]) == ("checked_out", {"bulk": True})
    again = await desk.post(path, _body(0))
    assert again.json() == {"checked_out": 0}


async def test_nobody_else_empties_a_site(api: Api, database: Database):
    root, elsewhere = await api.superadmin(), await add_site(database)
    [site] = [s["id"] for s in (await root.get("sites/")).json()["items"] if s["id"] != elsewhere]
    path = f"sites/{site}/check-out-all/"
    for role in (Role.GUARD, Role.HOST):
        client = await api.of_role(role)
        problem(await client.post(path, _body(0)), 403, "forbidden")
    desk = await api.of_role(Role.RECEPTIONIST, elsewhere)
    problem(await desk.post(path, _body(0)), 404, "not_found")
    problem(await desk.post(f"sites/{NOBODY}/check-out-all/", _body(0)), 404, "not_found")
    assert (await desk.post(f"sites/{elsewhere}/check-out-all/", _body(0))).status_code == 200
    for body in ({"expected_count": -1, "reason": "x"}, {"expected_count": 0, "reason": " "}):
        problem(await desk.post(f"sites/{elsewhere}/check-out-all/", body), 422, "invalid")


async def test_only_those_of_the_site_are_checked_out(api: Api, database: Database):
    desk, other = await api.admin(), await add_site(database)
    here = await add_group(desk, 2)
    there = await add_group(desk, site=other, visitors=members(1, 9))
    await _enter(desk, here)
    await _enter(desk, there)
    assert (await desk.post(f"sites/{other}/check-out-all/", _body(1))).status_code == 200
    assert await _presences(desk) == ["inside", "inside", "left"]


async def test_scans_that_race_are_counted_or_come_after(api: Api, database: Database):
    desk = await api.admin()
    group = await add_group(desk, 12)
    await _enter(desk, {"visitors": group["visitors"][:6]})
    path = f"sites/{group['site']}/check-out-all/"
    coming = [desk.scan(visitor["qr_code"]) for visitor in group["visitors"][6:]]
    going = [desk.scan(v["qr_code"], direction="out") for v in group["visitors"][:3]]
    emptying = [desk.post(path, _body(number)) for number in range(3, 10)]
    answers = await asyncio.gather(*coming, *going, *emptying)
    assert all(answer.status_code == 200 for answer in answers[:6])
    assert {answer.status_code for answer in answers[6:9]} <= {200, 409}
    assert {answer.status_code for answer in answers[9:]} <= {200, 409}
    await assert_presence_follows_stays(database)
    await assert_seats_are_visitors(database)
    done = [answer.json()["checked_out"] for answer in answers[9:] if answer.status_code == 200]
    out = [method for _, method in await ways(database)]
    assert out.count("bulk") == sum(done)


async def test_a_site_is_emptied_in_few_statements(api: Api):
    desk = await api.admin()
    group = await add_group(desk, 15)
    await _enter(desk, group)
    with statements(app_of(api)) as sent:
        answer = await desk.post(f"sites/{group['site']}/check-out-all/", _body(15))
    assert answer.status_code == 200, answer.text
    assert len(sent) <= 14, sent
