"""Registration of walk-ins at a kiosk."""

from datetime import datetime, time
from typing import Any

import pytest

from app.core.clock import SettableClock
from app.core.db.database import Database
from tests.devices.devices import add_device
from tests.support.api import VISITOR, Api, Client
from tests.support.database import (
    add_department,
    add_site,
    all_events,
    all_mails,
    assert_seats_are_visitors,
    booked,
    change_default_site,
    deactivate,
)
from tests.support.problems import faulty_fields, problem

WALK_IN = {"name": "Ada Lovelace", "email": "ada@example.com"}
HALF_PAST_TEN = datetime.fromisoformat("2026-11-23T10:30:45Z")


@pytest.fixture
async def kiosk(api: Api, clock: SettableClock) -> Client:
    clock.set(HALF_PAST_TEN)
    return await add_device(api, "kiosk", name="Lobby")


async def register_walk_in(kiosk: Client, **fields: Any) -> dict[str, Any]:
    answer = await kiosk.post("visitors/", fields)
    assert answer.status_code == 201, answer.text
    visitor: dict[str, Any] = answer.json()
    return visitor


async def test_a_walk_in_is_registered_for_now_at_the_kiosks_site(
    api: Api, kiosk: Client, database: Database
):
    site = await add_site(database, timezone="Asia/Kolkata", closes_at=time(23, 59))
    there = await add_device(api, "kiosk", name="Annex lobby", site=site)
    visitor = await register_walk_in(there, **WALK_IN)
    assert (visitor["site"], visitor["site_name"]) == (site, "Annex")
    assert (visitor["visit_date"], visitor["visit_time"]) == ("2026-11-23", "16:00")
    here = await register_walk_in(kiosk, **WALK_IN)
    assert (here["visit_time"], here["site_name"]) == ("10:30", "Main site")
    await assert_seats_are_visitors(database)


async def test_neither_code_nor_the_hosts_address_is_shown(api: Api, kiosk: Client):
    host = await api.host()
    visitor = await register_walk_in(kiosk, **WALK_IN, host_id=host.user_id)
    assert (visitor["host_name"], visitor["host_email"]) == ("Charles Babbage", None)
    assert visitor["qr_code"] is None
    assert WALK_IN.items() <= visitor.items()
    own = (await host.get(f"visitors/{visitor['id']}/")).json()
    assert own["host_email"] == "charles@example.com"
    assert own["qr_code"]


async def test_a_walk_in_gets_a_code_by_mail_that_opens_the_gate(
    api: Api, kiosk: Client, database: Database
):
    visitor = await register_walk_in(kiosk, **WALK_IN, host_id=(await api.host()).user_id)
    kinds = {mail.kind.value for mail in await all_mails(database)}
    assert kinds == {"visitor_confirmation", "host_registration"}
    event = (await all_events(database))[0]
    assert (event.actor_role, event.actor_name) == ("kiosk", "Lobby")
    code = (await (await api.admin()).get(f"visitors/{visitor['id']}/")).json()["qr_code"]
    assert (await (await add_device(api)).scan(code)).status_code == 200


async def test_a_full_hour_is_full_for_a_walk_in_too(kiosk: Client, database: Database):
    await change_default_site(database, slot_capacity=1)
    await register_walk_in(kiosk, **WALK_IN)
    problem(await kiosk.post("visitors/", WALK_IN), 409, "slot_full")
    assert await booked(database, "2026-11-23", 10) == 1


async def test_a_walk_in_at_a_closed_hour_is_refused(kiosk: Client, clock: SettableClock):
    clock.set(datetime.fromisoformat("2026-11-23T17:00:00Z"))
    # The site is closed, so that nobody can walk in.
    problem(await kiosk.post("visitors/", WALK_IN), 422, "slot_closed")


@pytest.mark.parametrize(
    ("at", "code"), [("10:00", None), ("10:31", None), ("09:59", "slot_in_past")]
)
async def test_the_present_hour_can_be_named(kiosk: Client, at: str, code: str | None):
    when = {"visit_date": "2026-11-23", "visit_time": at}
    answer = await kiosk.post("visitors/", WALK_IN | when)
    if code is None:
        assert (answer.status_code, answer.json()["visit_time"]) == (201, at)
    else:
        problem(answer, 422, code)


@pytest.mark.parametrize(
    ("sent", "field"),
    [({"visit_time": "10:00"}, "visit_date"), ({"visit_date": "2026-11-23"}, "visit_time")],
)
async def test_half_a_time_is_none(kiosk: Client, sent: dict[str, Any], field: str):
    assert faulty_fields(await kiosk.post("visitors/", WALK_IN | sent)) == {field}


async def test_a_person_must_name_the_time(api: Api, kiosk: Client):
    answer = await (await api.admin()).post("visitors/", WALK_IN)
    assert faulty_fields(answer) == {"visit_date", "visit_time"}


async def test_the_lead_time_still_binds_people(api: Api, kiosk: Client):
    soon = VISITOR | {"visit_time": "10:45"}
    problem(await (await api.admin()).post("visitors/", soon), 422, "slot_too_soon")


async def test_a_kiosk_registers_at_no_other_site(api: Api, kiosk: Client, database: Database):
    own = (await register_walk_in(kiosk, **WALK_IN))["site"]
    assert (await register_walk_in(kiosk, **WALK_IN, site=own))["site"] == own
    other = await add_site(database)
    assert faulty_fields(await kiosk.post("visitors/", WALK_IN | {"site": other})) == {"site"}


async def test_hosts_are_shown_by_name_alone(api: Api, kiosk: Client):
    host = await api.host()
    shown = (await kiosk.get("visitors/hosts/")).json()
    assert shown == [{"id": host.user_id, "name": "Charles Babbage", "email": None, "phone": None}]


@pytest.mark.parametrize("who", ["nobody", "admin", "deactivated"])
async def test_the_chosen_host_is_an_active_host(
    api: Api, kiosk: Client, database: Database, who: str
):
    host_id = "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11"
    if who == "admin":
        host_id = (await api.admin()).user_id
    if who == "deactivated":
        host_id = (await api.host()).user_id
        await deactivate(database, host_id)
    answer = await kiosk.post("visitors/", WALK_IN | {"host_id": host_id})
    assert faulty_fields(answer) == {"host_id"}


@pytest.mark.parametrize("other", [{"host_name": "x"}, {"host_email": "mary@example.com"}])
async def test_a_host_by_id_wins_over_name_and_address(
    api: Api, kiosk: Client, other: dict[str, str]
):
    body = WALK_IN | {"host_id": (await api.host()).user_id} | other
    assert (await kiosk.post("visitors/", body)).json()["host_name"] == "Charles Babbage"


async def test_people_may_choose_a_host_by_id_too(api: Api):
    host, admin = await api.host(), await api.admin()
    chosen = {name: VISITOR[name] for name in ("name", "email", "visit_date", "visit_time")}
    answer = await admin.post("visitors/", chosen | {"host_id": host.user_id})
    assert answer.json()["host_email"] == "charles@example.com"
    assert (await host.get(f"visitors/{answer.json()['id']}/")).status_code == 200


async def test_a_host_chooses_nobody_else(api: Api):
    host, other = await api.host(), await api.host("mary@example.com", "Mary")
    answer = await host.post("visitors/", VISITOR | {"host_id": other.user_id})
    problem(answer, 403, "not_your_visit")


async def test_a_kiosk_has_mail_sent_to_no_address_that_is_not_a_hosts(
    api: Api, kiosk: Client, database: Database
):
    await api.host()
    body = WALK_IN | {"host_name": "Somebody"}
    answers = [
        (await register_walk_in(kiosk, **body, host_email=email)) | {"id": "", "created_at": ""}
        for email in ("charles@example.com", "victim@example.com")
    ]
    assert answers[0] == answers[1]  # to hide which addresses have an account
    recipients = [mail.recipient for mail in await all_mails(database)]
    assert sorted(recipients) == ["ada@example.com", "ada@example.com", "charles@example.com"]


async def test_departments_are_shown_and_can_be_chosen(kiosk: Client, database: Database):
    department = await add_department(database)
    shown = (await kiosk.get("departments/")).json()["items"]
    assert [row["id"] for row in shown] == [department]
    visitor = await register_walk_in(kiosk, **WALK_IN, department=department)
    assert visitor["department_name"] == "Research"


async def test_slots_are_those_of_its_site_with_the_present_hour(
    api: Api, clock: SettableClock, database: Database
):
    clock.set(HALF_PAST_TEN)
    site = await add_site(database, opens_at=time(8))
    kiosk = await add_device(api, "kiosk", site=site)
    day = (await kiosk.get("visitors/available-slots/", visit_date="2026-11-23")).json()
    assert day["site"] == site
    reasons = {slot["time"]: slot["reason"] for slot in day["slots"]}
    assert (reasons["09:00"], reasons["10:00"], reasons["11:00"]) == ("past", None, None)
    when = {"visit_date": "2026-11-23", "visit_time": "10:30"}
    assert (await kiosk.get("visitors/check-slot/", **when)).json()["available"] is True
    for_admin = await (await api.admin()).get("visitors/check-slot/", site=site, **when)
    assert for_admin.json()["reason"] == "past"


@pytest.mark.parametrize("path", ["available-slots/", "check-slot/"])
async def test_a_kiosk_looks_at_no_other_site(
    api: Api, kiosk: Client, database: Database, path: str
):
    when = {"visit_date": "2026-11-23"} | ({"visit_time": "11:00"} if "check" in path else {})
    sites = (await (await api.admin()).get("sites/")).json()["items"]
    for own in ({}, {"site": sites[0]["id"]}):
        assert (await kiosk.get(f"visitors/{path}", **when, **own)).status_code == 200
    other = await add_site(database, self_registration=True)
    answer = await kiosk.get(f"visitors/{path}", **when, site=other)
    [fault] = problem(answer, 422, "invalid")["errors"]
    assert fault["code"] == "other_site"
