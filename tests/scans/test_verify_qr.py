"""A scan over HTTP."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.ids import new_id
from app.core.keys import KeyRing
from app.core.security.qr_token import QrTokens, token_hash
from app.visitors.models import VisitorStatus
from tests.support.api import Api, Client
from tests.support.counting import statements
from tests.support.database import (
    all_events,
    all_mails,
    all_scans,
    change_default_site,
    places_holding,
    set_status,
)
from tests.support.problems import faulty_fields, problem

FORGED = QrTokens(KeyRing(["the secret of somebody else, long enough"])).new()


def refused(answer: httpx.Response, code: str, *, replayed: bool = False) -> dict[str, Any]:
    document = problem(answer, 409, code)
    assert document["verdict"] == "refused"
    assert document["replayed"] is replayed
    return document


async def test_an_admitted_visitor(api: Api):
    admin = await api.admin()
    visitor = await admin.register(company="Ltd", purpose="interview")
    answer = await admin.scan(visitor["qr_code"], gate="North", direction="in")
    assert answer.status_code == 200
    body = answer.json()
    shown = ("id", "name", "company", "host_name", "visit_date", "visit_time", "purpose")
    assert body["visitor"] == {name: visitor[name] for name in shown} | {
        "checked_in_at": "2026-11-23T08:00:00Z"
    }
    assert (body["verdict"], body["replayed"]) == ("admitted", False)
    assert isinstance(body["message"], str)
    assert body.keys() == {"verdict", "visitor", "message", "replayed"}
    inside = (await admin.get(f"visitors/{visitor['id']}/")).json()
    assert inside["status"] == "verified"
    assert inside["checked_in_at"] == "2026-11-23T08:00:00Z"


async def test_the_host_is_notified_of_an_arrival_once(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register()
    for _ in range(3):
        await admin.scan(visitor["qr_code"])
    kinds = Counter(mail.kind.value for mail in await all_mails(database))
    assert kinds["host_arrival"] == 1


async def test_reception_is_notified_if_the_host_has_no_address(api: Api, database: Database):
    await change_default_site(database, reception_email="reception@example.com")
    admin = await api.admin()
    with_address = await admin.register()
    without = [
        await admin.register(host_email=None),
        await admin.register(host_name=None, host_email=None),
    ]
    for visitor in (with_address, *without):
        assert (await admin.scan(visitor["qr_code"])).status_code == 200
    mails = [mail for mail in await all_mails(database) if mail.kind.value.startswith("host_")]
    assert Counter((mail.kind.value, mail.recipient) for mail in mails) == {
        ("host_registration", "charles@example.com"): 1,
        ("host_arrival", "charles@example.com"): 1,
        ("host_arrival", "reception@example.com"): 2,
    }
    assert {mail.recipient_name for mail in mails} == {"Charles Babbage", "Main site"}


async def test_without_reception_and_host_arrivals_notify_nobody(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    assert (await admin.scan(visitor["qr_code"])).status_code == 200
    assert {mail.kind.value for mail in await all_mails(database)} == {"visitor_confirmation"}


async def test_qr_code_is_another_name_of_token(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    answer = await admin.post("visitors/verify-qr/", {"qr_code": visitor["qr_code"]})
    assert answer.status_code == 200


async def test_a_scanners_line_feed_does_not_matter(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    assert (await admin.scan(f" {visitor['qr_code']}\r\n")).status_code == 200


@pytest.mark.parametrize("before", ["]Q1", "]Q3", " ]Q1", "]Q1 "])
async def test_the_name_of_a_scanner_before_a_code_does_not_matter(api: Api, before: str):
    admin = await api.admin()
    visitor = await admin.register()
    body = {"scan_id": str(new_id())}
    assert (await admin.scan(f"{before}{visitor['qr_code']}", **body)).status_code == 200
    again = await admin.scan(visitor["qr_code"], **body)
    assert (again.status_code, again.json()["replayed"]) == (200, True)


async def test_the_way_out(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    refused(await admin.scan(visitor["qr_code"], direction="out"), "not_inside")
    await admin.scan(visitor["qr_code"])
    answer = await admin.scan(visitor["qr_code"], direction="out")
    assert (answer.status_code, answer.json()["verdict"]) == (200, "checked_out")
    refused(await admin.scan(visitor["qr_code"], direction="out"), "already_completed")
    refused(await admin.scan(visitor["qr_code"]), "already_completed")


async def test_who_is_inside_is_refused_with_since_when_and_where(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.scan(visitor["qr_code"], gate="North")
    document = refused(await admin.scan(visitor["qr_code"], gate="South"), "already_inside")
    assert document["since"] == "2026-11-23T08:00:00Z"
    assert document["gate"] == "North"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (VisitorStatus.CANCELLED, "cancelled"),
        (VisitorStatus.EXPIRED, "expired"),
        (VisitorStatus.COMPLETED, "already_completed"),
    ],
)
async def test_an_ended_visit_is_refused(
    api: Api, database: Database, status: VisitorStatus, code: str
):
    admin = await api.admin()
    visitor = await admin.register()
    await set_status(database, visitor["id"], status)
    refused(await admin.scan(visitor["qr_code"]), code)


async def test_another_day_too_early_and_too_late(api: Api, clock: SettableClock):
    admin = await api.admin()
    tomorrow = await admin.register(visit_date="2026-11-24")
    late = await admin.register(visit_time="10:01")
    refused(await admin.scan(tomorrow["qr_code"]), "wrong_day")
    refused(await admin.scan(late["qr_code"]), "too_early")
    clock.set(datetime(2026, 11, 25, 8, tzinfo=UTC))
    admin = await api.sign_in("desk@example.com", admin.user_id)
    refused(await admin.scan(tomorrow["qr_code"]), "expired")


async def test_a_moved_visit_refuses_the_old_code(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.patch(f"visitors/{visitor['id']}/", {"visit_time": "09:00"})
    refused(await admin.scan(visitor["qr_code"]), "rescheduled")


@pytest.mark.parametrize(
    "token",
    [
        "V1HWGAFUR2GDDDM6OVEQ4U2DWKV6D4RCQCTIHCGYUB",
        "V1" + "A" * 40,
        "nope",
        "x" * 512,
        "é",
        "'",
        "\0",
    ],
)
async def test_a_forged_token_is_unknown(api: Api, database: Database, token: str):
    answer = await (await api.admin()).scan(token)
    problem(answer, 404, "unknown")
    assert await all_scans(database) == []


@pytest.mark.parametrize("scan_id", [None, "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11"])
async def test_a_forged_token_costs_no_statement(app: FastAPI, api: Api, scan_id: str | None):
    admin = await api.admin()
    with statements(app) as of_anything:
        await admin.get("nothing/")
    with statements(app) as sent:
        await admin.scan(FORGED, scan_id=scan_id)
    assert of_anything == []
    assert len(sent) == 1, sent  # the caller's session, as on every request
    assert "auth_sessions" in sent[0]


async def test_an_erased_visitor_is_unknown(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register()
    body = {"scan_id": str(new_id())}
    await admin.scan(visitor["qr_code"], **body)
    await admin.delete(f"visitors/{visitor['id']}/")
    problem(await admin.scan(visitor["qr_code"]), 404, "unknown")
    repeat = await admin.scan(visitor["qr_code"], **body)
    problem(repeat, 404, "unknown")
    assert "Ada" not in repeat.text


async def test_a_repeat_gets_the_first_answer_again(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register()
    body = {"scan_id": str(new_id()), "gate": "North", "scanned_at": "2026-11-23T08:00:00+01:00"}
    first, second = [await admin.scan(visitor["qr_code"], **body) for _ in range(2)]
    assert first.status_code == second.status_code == 200
    assert second.json() == first.json() | {"replayed": True}
    assert len(await all_scans(database)) == 1


async def test_a_repeat_is_looked_up_before_any_rule(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    scan_id = str(new_id())
    first = await admin.scan(visitor["qr_code"], scan_id=scan_id)
    await admin.scan(visitor["qr_code"], direction="out")
    second = await admin.scan(visitor["qr_code"], scan_id=scan_id)
    assert second.status_code == 200
    assert second.json() == first.json() | {"replayed": True}


async def test_a_refusal_is_repeated_too(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register(visit_time="16:00")
    scan_id = str(new_id())
    refused(await admin.scan(visitor["qr_code"], scan_id=scan_id), "too_early")
    await admin.patch(f"visitors/{visitor['id']}/", {"notes": "may come now"})
    again = await admin.scan(visitor["qr_code"], scan_id=scan_id)
    refused(again, "too_early", replayed=True)
    assert len(await all_scans(database)) == 1


async def test_a_repeat_of_already_inside_says_since_when_again(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.scan(visitor["qr_code"], gate="North")
    body = {"scan_id": str(new_id())}
    first, second = [await admin.scan(visitor["qr_code"], **body) for _ in range(2)]
    without = {"request_id", "replayed"}
    one, other = (
        {name: value for name, value in answer.json().items() if name not in without}
        for answer in (first, second)
    )
    assert one == other
    assert one["gate"] == "North"


@pytest.mark.parametrize(
    "change",
    [{"direction": "out"}, {"gate": "South"}, {"scanned_at": "2026-11-23T08:00:01Z"}, {"token": 1}],
)
async def test_another_scan_under_a_used_id_is_refused(
    api: Api, database: Database, change: dict[str, Any]
):
    admin = await api.admin()
    one, other = await admin.register(), await admin.register()
    body = {"token": one["qr_code"], "scan_id": str(new_id()), "gate": "North"}
    await admin.post("visitors/verify-qr/", body)
    if "token" in change:
        change = {"token": other["qr_code"]}
    problem(await admin.post("visitors/verify-qr/", body | change), 409, "scan_id_reused")
    assert len(await all_scans(database)) == 1


async def test_a_forged_code_leaves_its_id_free(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    scan_id = str(new_id())
    problem(await admin.scan(FORGED, scan_id=scan_id), 404, "unknown")
    assert (await admin.scan(visitor["qr_code"], scan_id=scan_id)).status_code == 200


async def test_two_callers_may_use_one_id(api: Api):
    admin, other = await api.admin(), await api.superadmin()
    visitor = await admin.register()
    scan_id = str(new_id())
    assert (await admin.scan(visitor["qr_code"], scan_id=scan_id)).status_code == 200
    refused(await other.scan(visitor["qr_code"], scan_id=scan_id), "already_inside")


async def test_without_an_id_every_scan_stands_alone(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register()
    assert (await admin.scan(visitor["qr_code"])).status_code == 200
    refused(await admin.scan(visitor["qr_code"]), "already_inside")
    assert len(await all_scans(database)) == 2


async def at_once(client: Client, count: int, token: str, **fields: Any) -> list[httpx.Response]:
    return list(await asyncio.gather(*(client.scan(token, **fields) for _ in range(count))))


async def test_two_at_once_with_one_id_are_one_scan(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register()
    answers = await at_once(admin, 5, visitor["qr_code"], scan_id=str(new_id()))
    assert {answer.status_code for answer in answers} == {200}
    assert Counter(answer.json()["replayed"] for answer in answers) == {False: 1, True: 4}
    assert len(await all_scans(database)) == 1


async def test_of_fifty_at_once_one_is_admitted(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register()
    answers = await at_once(admin, 50, visitor["qr_code"])
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 49}
    verdicts = Counter(scan.verdict.value for scan in await all_scans(database))
    assert verdicts == {"admitted": 1, "refused": 49}
    actions = Counter(event.action for event in await all_events(database))
    assert actions["checked_in"] == 1


async def test_fifty_at_once_with_ids_of_their_own_admit_one(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    calls = (admin.scan(visitor["qr_code"], scan_id=str(new_id())) for _ in range(50))
    answers = await asyncio.gather(*calls)
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 49}


async def test_every_scan_is_kept_and_no_token(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register(visit_time="09:00")
    old = visitor["qr_code"]
    path = f"visitors/{visitor['id']}/"
    new = (await admin.patch(path, {"visit_time": "16:00"})).json()["qr_code"]
    await admin.scan(old, gate="North")
    await admin.scan(new, direction="out")
    await admin.scan(new)
    scans = await all_scans(database)
    assert [scan.code for scan in scans] == ["rescheduled", "not_inside", "too_early"]
    assert {str(scan.visitor_id) for scan in scans} == {visitor["id"]}
    assert {str(scan.caller_id) for scan in scans} == {admin.user_id}
    assert [scan.token_hash for scan in scans] == [token_hash(old), *[token_hash(new)] * 2]
    assert scans[0].gate == "North"
    assert await places_holding(database, old) <= {"notifications.payload"}
    assert not any("scans" in place for place in await places_holding(database, new))


async def test_a_refused_scan_changes_nothing(api: Api):
    admin = await api.admin()
    visitor = await admin.register(visit_time="16:00")
    await admin.scan(visitor["qr_code"])
    assert (await admin.get(f"visitors/{visitor['id']}/")).json() == visitor


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("token", ""),
        ("token", "  "),
        ("token", None),
        ("token", 5),
        ("token", "x" * 513),
        ("scan_id", "1"),
        ("scanned_at", "2026-11-23T08:00:00"),
        ("scanned_at", "yesterday"),
        ("scanned_at", "0001-01-01T00:00:00+14:00"),
        ("direction", "up"),
        ("direction", None),
        ("gate", "a\nb"),
        ("gate", "x" * 201),
        ("site", "x"),
    ],
)
async def test_a_wrong_field_is_422_and_named(api: Api, field: str, value: Any):
    answer = await (await api.admin()).post(
        "visitors/verify-qr/", {"token": "V1" + "A" * 40, field: value}
    )
    assert faulty_fields(answer) == {field}


async def test_token_and_qr_code_together_are_422(api: Api):
    answer = await (await api.admin()).scan("a", qr_code="a")
    assert faulty_fields(answer) == {"qr_code"}


async def test_who_may_not_scan_is_refused_first(api: Api, database: Database):
    host = await api.host()
    visitor = await host.register()
    problem(await host.scan(visitor["qr_code"]), 403, "forbidden")
    answer = await Client(api.http, {}, "").scan(visitor["qr_code"])
    assert "X-Device-Key" in problem(answer, 401, "not_authenticated")["detail"]
    assert await all_scans(database) == []
