from collections import Counter
from typing import Any

from app.core.db.database import Database
from app.users.models import Role
from tests.groups.groups import COMMON, HOST, add_group, members
from tests.support.api import Api
from tests.support.database import add_site, all_mails, assert_seats_are_visitors, booked
from tests.support.problems import problem
from tests.support.requests import NOBODY


async def test_a_group_is_registered_with_common_values(api: Api, database: Database):
    desk = await api.admin()
    department = (await desk.post("departments/", {"name": "Research"})).json()["id"]
    own = {"company": "Own Ltd", "visit_time": "11:30", "host_name": "Zoe", "notes": None}
    visitors = [*members(2), *members(1, 3, **own)]
    common = HOST | {"company": "Engines Ltd", "notes": "Lift", "department": department}
    answer = await desk.post("groups/", COMMON | common | {"visitors": visitors})
    group = answer.json()
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"/api/groups/{group['id']}/"
    assert group.keys() == {"id", "name", "site", "created_at", "counts", "visitors"}
    assert group["name"] == "Board of trustees"
    assert (group["counts"]["total"], group["counts"]["expected"]) == (3, 3)
    first, _, third = group["visitors"]
    assert [v["name"] for v in group["visitors"]] == ["Guest 1", "Guest 2", "Guest 3"]
    assert (first["company"], first["visit_time"], first["notes"]) == (
        "Engines Ltd",
        "10:00",
        "Lift",
    )
    assert (first["host_email"], first["department_name"]) == (HOST["host_email"], "Research")
    assert (third["company"], third["visit_time"], third["notes"]) == ("Own Ltd", "11:30", None)
    assert (third["host_name"], third["host_email"]) == ("Zoe", None)
    assert first["group"] == {"id": group["id"], "name": "Board of trustees"}
    read = (await desk.get(f"groups/{group['id']}/")).json()
    assert read == group
    listed = (await desk.get("visitors/", group=group["id"], ordering="created_at")).json()["items"]
    assert listed == group["visitors"]
    assert (await desk.get("visitors/", group=NOBODY)).json()["items"] == []
    assert await booked(database, "2026-11-23", 10) == 2
    await assert_seats_are_visitors(database)


async def test_each_host_gets_one_summary(api: Api, database: Database):
    desk = await api.admin()
    visitors = [*members(3), *members(2, 4, host_email="ada@example.com")]
    await add_group(desk, visitors=visitors, **HOST)
    mails = await all_mails(database)
    assert Counter(mail.kind for mail in mails) == {
        "visitor_confirmation": 5,
        "host_bulk_summary": 2,
    }
    to_hosts = {mail.recipient for mail in mails if mail.kind == "host_bulk_summary"}
    assert to_hosts == {"charles@example.com", "ada@example.com"}


FAULTS: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    ({"host_email": "no address"}, {}, "host_email", "value_error"),
    ({}, {"email": "no address"}, "visitors.1.email", "value_error"),
    ({}, {"name": " "}, "visitors.1.name", "too_short"),
    ({}, {"badge": 7}, "visitors.1.badge", "extra_forbidden"),
    ({"phone": "123"}, {}, "phone", "extra_forbidden"),
    ({}, {"visit_time": "20:00"}, "visitors.1.visit_time", "slot_closed"),
    ({}, {"visit_date": "2026-11-22"}, "visitors.1.visit_time", "slot_in_past"),
    ({}, {"visit_date": "2027-11-22"}, "visitors.1.visit_time", "slot_too_far"),
    ({}, {"department": NOBODY}, "visitors.1.department", "unknown"),
    ({}, {"host_id": NOBODY}, "visitors.1.host_id", "unknown"),
    ({}, {"site": NOBODY}, "visitors.1.site", "other_site"),
    ({"site": NOBODY}, {}, "site", "unknown"),
    ({"visitors": []}, {}, "visitors", "too_short"),
    ({"visitors": members(101)}, {}, "visitors", "too_long"),
    ({"name": ""}, {}, "name", "too_short"),
]
"""Values of the group, values of a member, and the fault."""


async def test_a_fault_of_a_member_registers_nobody(api: Api, database: Database):
    desk = await api.admin()
    for common, member, field, code in FAULTS:
        visitors = [*members(1), *members(1, 2, **HOST | member)]
        answer = await desk.post("groups/", COMMON | {"visitors": visitors} | common)
        errors = problem(answer, 422, "invalid")["errors"]
        assert [(error["field"], error["code"]) for error in errors] == [(field, code)]
    assert (await desk.get("groups/")).json()["items"] == []
    assert (await desk.get("visitors/")).json()["items"] == await all_mails(database) == []


async def test_all_faults_are_named_at_once(api: Api):
    desk = await api.admin()
    visitors = [
        *members(1, department=NOBODY, visit_time="03:00"),
        *members(1, 2, host_id=NOBODY),
    ]
    answer = await desk.post("groups/", COMMON | {"visitors": visitors})
    assert [error["field"] for error in problem(answer, 422, "invalid")["errors"]] == [
        "visitors.0.department",
        "visitors.0.visit_time",
        "visitors.1.host_id",
    ]


async def test_a_time_comes_from_the_member_or_the_group(api: Api):
    desk = await api.admin()
    visitors = [*members(1, visit_time="10:00"), *members(1, 2)]
    body = {"name": "Halves", "visit_date": "2026-11-23", "visitors": visitors}
    errors = problem(await desk.post("groups/", body), 422, "invalid")["errors"]
    assert [(e["field"], e["code"]) for e in errors] == [("visitors.1.visit_time", "missing")]


async def test_a_full_hour_names_who_finds_no_seat(api: Api, database: Database):
    desk = await api.admin()
    await add_group(desk, 15)
    visitors = [*members(4, 20), *members(1, 30, visit_time="11:00"), *members(3, 40)]
    refused = problem(await desk.post("groups/", COMMON | {"visitors": visitors}), 409, "slot_full")
    assert [(e["field"], e["code"]) for e in refused["errors"]] == [
        ("visitors.6.visit_time", "slot_full"),
        ("visitors.7.visit_time", "slot_full"),
    ]
    assert refused["alternatives"][0] == {
        "visit_date": "2026-11-23",
        "visit_time": "11:00",
        "available": 20,
    }
    assert await booked(database, "2026-11-23", 10) == 15
    await assert_seats_are_visitors(database)


async def test_a_key_makes_the_repeat_safe(api: Api):
    desk = await api.admin()
    desk.headers = desk.headers | {"Idempotency-Key": "once"}
    body = COMMON | {"visitors": members(2)}
    first, again = await desk.post("groups/", body), await desk.post("groups/", body)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert first.json() == again.json()
    other = await desk.post("groups/", body | {"name": "Others"})
    problem(other, 422, "idempotency_key_reused")
    assert len((await desk.get("visitors/")).json()["items"]) == 2


async def test_a_host_makes_groups_for_whom_they_act(api: Api):
    admin, host = await api.admin(), await api.host()
    boss, stranger = await api.host("boss@example.com", "Boss"), await api.host("x@example.com")
    await boss.put("auth/me/delegates/", {"user_ids": [host.user_id]})
    visitors = [*members(1), *members(1, 2, host_id=boss.user_id)]
    group = await add_group(host, visitors=visitors)
    assert [v["host_id"] for v in group["visitors"]] == [host.user_id, boss.user_id]
    assert group["visitors"][1]["booked_by"] == "Charles Babbage"
    visitors = [*members(1), *members(1, 2, host_id=stranger.user_id)]
    answer = await host.post("groups/", COMMON | {"visitors": visitors})
    [fault] = problem(answer, 403, "not_your_visit")["errors"]
    assert (fault["field"], fault["code"]) == ("visitors.1.host_id", "not_your_visit")
    assert (await admin.get("groups/", include_total=True)).json()["total"] == 1


async def test_each_member_counts_against_the_hosts_limit(api: Api):
    host = await api.host()
    for number in range(4):
        body = COMMON | {"visit_time": f"{10 + number}:00"}
        await add_group(host, **body | {"visitors": members(20, 20 * number)})
    body = COMMON | {"visit_time": "14:00", "visitors": members(20, 90)}
    assert (await host.post("groups/", body | {"visit_time": "03:00"})).status_code == 422
    assert (await host.post("groups/", body)).status_code == 201
    refused = await host.post("groups/", COMMON | {"visit_time": "15:00", "visitors": members(1)})
    problem(refused, 429, "too_many_requests")


async def test_a_group_belongs_to_one_site(api: Api, database: Database):
    desk, other = await api.admin(), await add_site(database)
    group = await add_group(desk, visitors=members(2, site=other))
    assert (group["site"], {v["site"] for v in group["visitors"]}) == (other, {other})
    group = await add_group(desk, site=other, visitors=[*members(1), *members(1, 2, site=other)])
    assert {v["site"] for v in group["visitors"]} == {other}
    visitors = [*members(1, site=other), *members(1, 2)]
    assert (await add_group(desk, visitors=visitors))["site"] == other


async def test_guards_have_no_groups(api: Api):
    group = await add_group(await api.admin())
    guard = await api.of_role(Role.GUARD)
    problem(await guard.post("groups/", COMMON | {"visitors": members(1)}), 403, "forbidden")
    problem(await guard.get("groups/"), 403, "forbidden")
    problem(await guard.get(f"groups/{group['id']}/"), 403, "forbidden")
    problem(await guard.post(f"groups/{group['id']}/cancel/"), 403, "forbidden")


async def test_a_body_may_have_a_mebibyte(api: Api):
    desk = await api.admin()
    notes = "ä" * 2000
    visitors = members(20, notes=notes)
    assert len((await add_group(desk, visitors=visitors))["visitors"]) == 20  # 80 KiB
    answer = await desk.post("groups/", COMMON | {"visitors": members(90, notes="€" * 4000)})
    problem(answer, 413, "too_large")
