"""Registering a visitor."""

from typing import Any

import pytest

from app.core.db.database import Database
from tests.support.api import VISITOR, Api
from tests.support.database import (
    add_department,
    add_site,
    all_events,
    all_mails,
    assert_seats_are_visitors,
    booked,
    change_default_site,
    close_default_site,
)
from tests.support.mailbox import Mailbox
from tests.support.problems import faulty_fields, problem


async def test_a_registered_visitor_is_answered_as_the_contract_says(api: Api) -> None:
    answer = await (await api.admin()).post("visitors/", VISITOR)
    assert answer.status_code == 201
    visitor = answer.json()
    assert answer.headers["Location"] == f"/api/visitors/{visitor['id']}/"
    assert VISITOR.items() <= visitor.items()
    assert visitor["status"] == "pending"
    assert visitor["site_name"] == "Main site"
    assert visitor["created_at"] == "2026-11-23T08:00:00Z"


async def test_visitor_and_host_get_a_mail(api: Api, mailbox: Mailbox) -> None:
    await (await api.admin()).register()
    recipients = {mail["To"].addresses[0].addr_spec for mail in await mailbox.deliver()}
    assert recipients == {"ada@example.com", "charles@example.com"}


async def test_what_is_left_out_gets_its_default(api: Api):
    admin = await api.admin()
    names = ("name", "email", "visit_date", "visit_time")
    answer = await admin.post("visitors/", {name: VISITOR[name] for name in names})
    assert answer.status_code == 201
    expected: dict[str, Any] = {
        "visitor_type": "professional",
        "visitor_category": "industry",
        "purpose": "other",
        "phone": None,
        "company": None,
        "department": None,
        "department_name": None,
        "host_name": None,
        "host_email": None,
        "notes": None,
        "is_rescheduled": False,
        "original_visit_date": None,
        "original_visit_time": None,
        "checked_in_at": None,
        "checked_out_at": None,
    }
    assert expected.items() <= answer.json().items()


async def test_every_field_comes_back(api: Api, database: Database):
    site, department = await add_site(database), await add_department(database)
    fields = VISITOR | {
        "phone": "+49 (30) 123-456",
        "company": "Analytical Engines Ltd",
        "visitor_type": "student",
        "visitor_category": "government",
        "purpose": "i_factory_training",
        "site": site,
        "department": department,
        "notes": "two\nlines",
    }
    admin = await api.admin()
    visitor = await admin.register(**fields)
    assert fields.items() <= visitor.items()
    assert (visitor["site_name"], visitor["department_name"]) == ("Annex", "Research")
    assert (await admin.get(f"visitors/{visitor['id']}/")).json() == visitor


async def test_a_host_is_always_the_host_of_their_visitors(api: Api):
    visitor = await (await api.host()).register()
    assert visitor["host_name"] == "Charles Babbage"
    assert visitor["host_email"] == "charles@example.com"


async def test_a_visitor_registered_for_a_host_is_the_hosts(api: Api):
    admin, host = await api.admin(), await api.host()
    visitor = await admin.register(host_email="CHARLES@Example.com")
    assert (await host.get(f"visitors/{visitor['id']}/")).status_code == 200


async def test_seat_event_and_mails_come_with_the_visitor(api: Api, database: Database):
    visitor = await (await api.admin()).register()
    assert await booked(database, "2026-11-23", 10) == 1
    assert [event.action for event in await all_events(database)] == ["registered"]
    mails = {(mail.kind.value, str(mail.visitor_id)) for mail in await all_mails(database)}
    kinds = ("visitor_confirmation", "host_registration")
    assert mails == {(kind, visitor["id"]) for kind in kinds}


async def test_a_refused_registration_leaves_nothing_behind(api: Api, database: Database):
    admin = await api.admin()
    await change_default_site(database, slot_capacity=0)
    problem(await admin.post("visitors/", VISITOR), 409, "slot_full")
    assert (await admin.get("visitors/", include_total=True)).json()["total"] == 0
    assert await all_mails(database) == []
    assert await all_events(database) == []


async def test_a_full_hour_names_the_next_free_ones(api: Api, database: Database):
    admin = await api.admin()
    await change_default_site(database, slot_capacity=1)
    for time in ("10:00", "12:00"):
        await admin.register(visit_time=time)
    await close_default_site(database, "2026-11-24")
    answer = await admin.post("visitors/", VISITOR | {"visit_time": "10:59"})
    found = problem(answer, 409, "slot_full")["alternatives"]
    assert [(slot["visit_date"], slot["visit_time"]) for slot in found] == [
        ("2026-11-23", "11:00"),
        ("2026-11-23", "13:00"),
        ("2026-11-23", "14:00"),
    ]
    last = await admin.register(visit_time="16:30")
    late = problem(
        await admin.post("visitors/", VISITOR | {"visit_time": "16:00"}), 409, "slot_full"
    )
    assert last["visit_time"] == "16:30"
    assert {slot["visit_date"] for slot in late["alternatives"]} == {"2026-11-25"}


async def test_the_twentieth_gets_in_and_the_next_does_not(api: Api, database: Database):
    admin = await api.admin()
    for minute in range(20):
        await admin.register(visit_time=f"10:{minute:02}")
    problem(await admin.post("visitors/", VISITOR), 409, "slot_full")
    assert (await admin.post("visitors/", VISITOR | {"visit_time": "11:00"})).status_code == 201
    await assert_seats_are_visitors(database)


@pytest.mark.parametrize(
    ("day", "time", "code"),
    [
        ("2026-11-22", "10:00", "slot_in_past"),
        ("2026-11-23", "07:59", "slot_in_past"),
        ("2026-11-23", "08:30", "slot_closed"),
        ("2026-11-23", "17:00", "slot_closed"),
        ("2026-11-28", "10:00", "slot_closed"),  # a Saturday
        ("2027-02-22", "10:00", "slot_too_far"),
        ("9999-12-31", "10:00", "slot_too_far"),
        ("0001-01-01", "10:00", "slot_in_past"),
    ],
)
async def test_a_time_that_is_never_bookable_says_why(api: Api, day: str, time: str, code: str):
    answer = await (await api.admin()).post(
        "visitors/", VISITOR | {"visit_date": day, "visit_time": time}
    )
    problem(answer, 422, code)


async def test_the_last_day_of_the_horizon_is_bookable(api: Api, database: Database):
    await change_default_site(database, booking_horizon_days=7)
    admin = await api.admin()
    await admin.register(visit_date="2026-11-30")
    answer = await admin.post("visitors/", VISITOR | {"visit_date": "2026-12-01"})
    problem(answer, 422, "slot_too_far")


async def test_half_an_hour_ahead_is_enough_and_a_minute_less_is_not(api: Api, database: Database):
    await change_default_site(database, booking_lead_minutes=60)
    admin = await api.admin()
    await admin.register(visit_time="09:00")
    await change_default_site(database, booking_lead_minutes=61)
    problem(await admin.post("visitors/", VISITOR | {"visit_time": "09:00"}), 422, "slot_too_soon")


async def test_a_closure_day_is_closed(api: Api, database: Database):
    await close_default_site(database, "2026-11-23")
    problem(await (await api.admin()).post("visitors/", VISITOR), 422, "slot_closed")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "  "),
        ("name", "a\0b"),
        ("name", "x" * 201),
        ("name", None),
        ("name", 5),
        ("email", "no address"),
        ("email", ""),
        ("phone", "12"),
        ("phone", "call me maybe"),
        ("company", "a\nb"),
        ("visitor_type", "vip"),
        ("visitor_type", None),
        ("visitor_category", "Industry"),
        ("purpose", ""),
        ("department", "1"),
        ("department", "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11"),
        ("site", "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11"),
        ("visit_date", "23.11.2026"),
        ("visit_date", "2026-02-30"),
        ("visit_date", "2026-11-23T00:00:00Z"),
        ("visit_date", "2026-11-23T00:00:00"),
        ("visit_date", 1795392000),
        ("visit_date", "1795392000"),
        ("visit_date", None),
        ("visit_time", "24:00"),
        ("visit_time", "9:00"),
        ("visit_time", "09:00:00"),
        ("visit_time", "10:60"),
        ("visit_time", "\u0661\u0660:\u0660\u0660"),
        ("visit_time", 36000),
        ("host_email", "nobody"),
        ("notes", "x" * 2001),
        ("id", "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11"),
        ("status", "verified"),
        ("qr_code", "V1" + "A" * 40),
        ("revision", 3),
    ],
)
async def test_a_wrong_field_is_422_and_named(api: Api, field: str, value: Any):
    answer = await (await api.admin()).post("visitors/", VISITOR | {field: value})
    assert faulty_fields(answer) == {field}


async def test_text_is_kept_trimmed_and_composed(api: Api):
    visitor = await (await api.admin()).register(name="  Ju\u0308rgen  Groß ", company=" \t")
    assert visitor["name"] == "Jürgen  Groß"
    assert visitor["company"] is None


async def test_registration_without_credentials_gets_a_401(api: Api):
    problem(await api.http.post("/api/visitors/", json=VISITOR), 401, "not_authenticated")
