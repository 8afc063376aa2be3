import asyncio
from typing import Any

import httpx

from app.core.db.database import Database
from tests.groups.groups import COMMON, add_group, ids, members
from tests.support.api import Api
from tests.support.database import assert_seats_are_visitors, booked
from tests.support.problems import problem
from tests.support.requests import NOBODY
from tests.support.stays import assert_presence_follows_stays, ways

MOVE = {"visit_date": "2026-11-24", "visit_time": "11:00"}


def results(answer: httpx.Response) -> list[tuple[str, str, Any]]:
    assert answer.status_code == 200, answer.text
    return [(r["visitor_id"], r["result"], r["code"]) for r in answer.json()["results"]]


async def test_each_visit_is_cancelled_on_its_own(api: Api, database: Database):
    desk = await api.admin()
    group = await add_group(desk)
    one, two, three = ids(group)
    await desk.scan(group["visitors"][1]["qr_code"])
    chosen = {"visitor_ids": [three, two, three]}
    assert results(await desk.post(f"groups/{group['id']}/cancel/", chosen)) == [
        (three, "done", None),
        (two, "refused", "invalid_transition"),
    ]
    assert results(await desk.post(f"groups/{group['id']}/cancel/")) == [
        (one, "done", None),
        (two, "refused", "invalid_transition"),
        (three, "refused", "invalid_transition"),
    ]
    mails = (await desk.get(f"visitors/{one}/notifications/")).json()
    assert "visitor_cancelled" in {mail["kind"] for mail in mails}
    await assert_seats_are_visitors(database)


async def test_seats_for_some_move_some(api: Api, database: Database):
    desk = await api.admin()
    await add_group(desk, 18, **MOVE)
    group = await add_group(desk, visitors=members(3, 50))
    one, two, three = ids(group)
    moved = await desk.post(f"groups/{group['id']}/reschedule/", MOVE)
    assert results(moved) == [
        (one, "done", None),
        (two, "done", None),
        (three, "refused", "slot_full"),
    ]
    seen = (await desk.get(f"groups/{group['id']}/")).json()["visitors"]
    assert [v["visit_date"] for v in seen] == ["2026-11-24", "2026-11-24", "2026-11-23"]
    closed = MOVE | {"visit_time": "20:00", "visitor_ids": [three]}
    refused = await desk.post(f"groups/{group['id']}/reschedule/", closed)
    assert results(refused) == [(three, "refused", "slot_closed")]
    assert await booked(database, "2026-11-24", 11) == 20
    await assert_seats_are_visitors(database)


async def test_visitors_are_checked_in_and_out_by_hand(api: Api, database: Database):
    desk, host = await api.admin(), await api.host()
    visitors = [*members(2, host_id=host.user_id), *members(1, 3, visit_date="2026-11-24")]
    group = await add_group(desk, visitors=visitors)
    one, two, three = ids(group)
    path = f"groups/{group['id']}"
    problem(await host.post(f"{path}/check-in/"), 403, "forbidden")
    came = await desk.post(f"{path}/check-in/", {"visitor_ids": [two]})
    assert results(came) == [(two, "done", None)]
    assert results(await desk.post(f"{path}/check-in/")) == [
        (one, "done", None),
        (two, "refused", "already_inside"),
        (three, "refused", "wrong_day"),
    ]
    scans = (await desk.get("visitors/scans/", visitor=three)).json()["items"]
    assert [(scan["method"], scan["code"]) for scan in scans] == [("desk", "wrong_day")]
    mails = (await desk.get(f"visitors/{one}/notifications/")).json()
    assert "host_arrival" in {mail["kind"] for mail in mails}
    left = await host.post(f"{path}/check-out/", {"visitor_ids": [one]})
    assert results(left) == [(one, "done", None)]
    assert results(await desk.post(f"{path}/check-out/")) == [
        (one, "refused", "invalid_transition"),
        (two, "done", None),
        (three, "refused", "invalid_transition"),
    ]
    assert await ways(database) == [("desk", "desk"), ("desk", "desk")]
    await assert_presence_follows_stays(database)
    await assert_seats_are_visitors(database)


async def test_ids_of_others_are_refused_for_all(api: Api):
    desk = await api.admin()
    group, other = await add_group(desk), await add_group(desk, visitors=members(1, 9))
    for foreign in (NOBODY, *ids(other)):
        chosen = {"visitor_ids": [ids(group)[0], foreign]}
        answer = await desk.post(f"groups/{group['id']}/cancel/", chosen)
        [fault] = problem(answer, 422, "invalid")["errors"]
        assert (fault["field"], fault["code"]) == ("visitor_ids.1", "not_in_group")
    problem(await desk.post(f"groups/{group['id']}/cancel/", {"visitor_ids": []}), 422, "invalid")
    problem(await desk.post(f"groups/{group['id']}/reschedule/", {}), 422, "invalid")
    problem(await desk.post(f"groups/{NOBODY}/cancel/"), 404, "not_found")
    assert (await desk.get(f"groups/{group['id']}/")).json()["counts"]["cancelled"] == 0


async def test_of_racing_groups_no_hour_is_overbooked(api: Api, database: Database):
    desk = await api.admin()

    async def send(number: int) -> int:
        hours = ["10:00", "11:00"] if number % 2 else ["11:00", "10:00"]
        visitors = [
            {"name": "Guest", "email": f"g{number}-{n}@example.com", "visit_time": hours[n // 4]}
            for n in range(8)
        ]
        return (await desk.post("groups/", COMMON | {"visitors": visitors})).status_code

    statuses = await asyncio.gather(*(send(n) for n in range(8)))
    assert sorted(statuses) == [201] * 5 + [409] * 3
    assert await booked(database, "2026-11-23", 10) == 20
    await assert_seats_are_visitors(database)


async def test_groups_and_single_requests_do_not_deadlock(api: Api, database: Database):
    desk = await api.admin()
    group = await add_group(desk, 8)
    path = f"groups/{group['id']}"
    back = {"visit_date": "2026-11-23", "visit_time": "10:00"}
    answers = await asyncio.gather(
        desk.post(f"{path}/reschedule/", MOVE),
        desk.post(f"{path}/reschedule/", back | {"visitor_ids": ids(group)[::-1]}),
        *(desk.post(f"visitors/{id_}/reschedule/", MOVE) for id_ in ids(group)),
        desk.post(f"{path}/check-in/"),
        desk.post(f"{path}/check-out/", {"visitor_ids": ids(group)[::-1]}),
        desk.post(f"{path}/cancel/", {"visitor_ids": ids(group)[::-1]}),
        *(desk.post(f"visitors/{id_}/cancel/") for id_ in ids(group)),
    )
    assert {answer.status_code for answer in answers} <= {200, 409}
    seen = (await desk.get(f"{path}/")).json()
    assert sum(seen["counts"][name] for name in ("cancelled", "inside", "left")) == 8
    await assert_presence_follows_stays(database)
    await assert_seats_are_visitors(database)
