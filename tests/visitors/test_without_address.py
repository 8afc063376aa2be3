"""Visitors without an e-mail address: the host is notified as usual, the visitor by nobody."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from fastapi import FastAPI
from openpyxl import load_workbook

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.db.rollout import Rollout
from app.notifications.models import NotificationStatus
from app.visitors import reminder_jobs
from app.visitors.models import VisitorStatus
from app.visitors.recipients import MailboxChange
from app.visitors.reminder_jobs import remind
from app.visitors.retention_jobs import anonymise_past
from app.visitors.site_change_jobs import bring_to_visits
from app.visitors.stranger_jobs import count_strangers
from tests.bulk.files import row, rows, upload, workbook
from tests.conftest import MONDAY
from tests.devices.devices import add_device
from tests.support.api import VISITOR, Api, Client
from tests.support.database import (
    all_events,
    all_mails,
    assert_seats_are_visitors,
    change_default_site,
    set_status,
)
from tests.support.mailbox import Mailbox
from tests.support.problems import faulty_fields, problem
from tests.visitors.told import LATER, RIGHT, waiting

LEFT_OUT = {name: value for name, value in VISITOR.items() if name != "email"}
WEDNESDAY = "2026-11-25"


async def nobody() -> None: ...


async def kinds(database: Database) -> list[str]:
    """Return the kinds of the mails so far, all of which go to the host."""
    mails = await all_mails(database)
    assert {mail.recipient for mail in mails} <= {"charles@example.com", "mary@example.com"}
    return [mail.kind.value for mail in mails]


async def change(admin: Client, visitor: dict[str, Any], **fields: Any) -> dict[str, Any]:
    answer = await admin.patch(f"visitors/{visitor['id']}/", fields)
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.json()
    return changed


# -- registering -------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [LEFT_OUT, VISITOR | {"email": None}])
async def test_a_person_is_registered_without_an_address(
    api: Api, database: Database, body: dict[str, Any]
):
    admin = await api.admin()
    answer = await admin.post("visitors/", body)
    assert answer.status_code == 201, answer.text
    visitor = answer.json()
    assert visitor["email"] is None
    assert (await admin.get(f"visitors/{visitor['id']}/")).json() == visitor
    assert (await admin.get("visitors/", q="Ada")).json()["items"] == [visitor]
    assert await kinds(database) == ["host_registration"]
    assert (await admin.get(f"visitors/{visitor['id']}/qr.svg")).status_code == 200
    assert (await api.http.get(f"/pass/{visitor['qr_code']}")).status_code == 200
    assert (await admin.scan(visitor["qr_code"])).status_code == 200
    assert await kinds(database) == ["host_registration", "host_arrival"]


@pytest.mark.parametrize("email", ["", " "])
async def test_an_empty_address_is_refused(api: Api, email: str):
    """A form whose field was forgotten registers nobody who waits for a mail."""
    admin = await api.admin()
    assert faulty_fields(await admin.post("visitors/", VISITOR | {"email": email})) == {"email"}
    visitor = await admin.register()
    answer = await admin.patch(f"visitors/{visitor['id']}/", {"email": email})
    assert faulty_fields(answer) == {"email"}


async def test_two_without_an_address_may_share_an_hour(api: Api, database: Database):
    host = await api.host()
    for _ in range(2):
        assert (await host.register(email=None))["email"] is None
    await assert_seats_are_visitors(database)


async def test_a_kiosk_registers_without_an_address_or_code(
    api: Api, database: Database, clock: SettableClock
):
    clock.set(datetime.fromisoformat("2026-11-23T10:30:45Z"))
    kiosk = await add_device(api, "kiosk", name="Lobby")
    answer = await kiosk.post("visitors/", {"name": "Ada", "host_id": (await api.host()).user_id})
    assert answer.status_code == 201
    assert (answer.json()["email"], answer.json()["qr_code"]) == (None, None)
    assert await kinds(database) == ["host_registration"]


@pytest.mark.parametrize("body", [LEFT_OUT, VISITOR | {"email": None}, VISITOR | {"email": ""}])
async def test_a_stranger_needs_an_address(api: Api, database: Database, body: dict[str, Any]):
    await change_default_site(database, self_registration=True)
    assert faulty_fields(await api.http.post("/api/visitors/", json=body)) == {"email"}


async def test_a_workbook_needs_an_address_in_each_row(api: Api):
    faulty = row(2)
    faulty[1] = None
    answer = await upload(await api.admin(), workbook([*rows(1), faulty]))
    [fault] = problem(answer, 422, "invalid_rows")["errors"]
    assert (fault["row"], fault["column"], fault["code"]) == (3, "Email", "missing")


# -- mails -------------------------------------------------------------------------------------


async def test_the_host_is_notified_of_all_that_happens(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register(email=None)
    path = f"visitors/{visitor['id']}/"
    moved = (await admin.post(f"{path}reschedule/", LATER)).json()
    assert moved["qr_code"] != visitor["qr_code"]
    problem(await admin.scan(visitor["qr_code"]), 409, "rescheduled")
    await admin.post(f"{path}cancel/")
    second = await admin.register(email=None, host_email="mary@example.com")
    await admin.delete(f"visitors/{second['id']}/")
    assert await kinds(database) == [
        *("host_registration", "host_rescheduled", "host_cancelled"),
        "host_cancelled",  # complete in itself, while those about the erased visit are gone
    ]


async def test_a_pass_cancels_a_visit_without_an_address(api: Api, database: Database):
    visitor = await (await api.admin()).register(email=None)
    form = {"confirmed": "yes"}
    answer = await api.http.post(f"/pass/{visitor['qr_code']}/cancel", data=form)
    assert answer.status_code == 303
    assert await kinds(database) == ["host_registration", "host_cancelled"]


async def test_who_has_no_address_is_not_reminded(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
):
    """Batches full of them end, too."""
    monkeypatch.setattr(reminder_jobs, "BATCH", 1)
    admin = await api.admin()
    for email in (None, RIGHT, None):
        await admin.register(email=email, visit_date=WEDNESDAY, host_email=None)
    assert await remind(database, nobody, datetime(2026, 11, 24, 11, tzinfo=UTC)) == 1


async def test_changes_of_a_site_reach_the_host_alone(api: Api, database: Database):
    root = await api.superadmin()
    visitor = await root.register(email=None)
    path = f"sites/{visitor['site']}/"
    assert (await root.patch(path, {"name": "Works"})).json()["affected_visitors"] == 1
    await bring_to_visits(database, nobody, MONDAY)
    assert await kinds(database) == ["host_registration", "host_updated"]
    await root.patch(path, {"name": "Plant"})
    await root.post(f"visitors/{visitor['id']}/reschedule/", LATER)  # says the new name
    await bring_to_visits(database, nobody, MONDAY)
    assert (await kinds(database))[2:] == ["host_rescheduled"]


async def test_a_closure_cancels_visits_without_an_address(api: Api, database: Database):
    root = await api.superadmin()
    visitor = await root.register(email=None)
    body = {"date": "2026-11-23", "cancel_visits": True}
    answer = await root.post(f"sites/{visitor['site']}/closures/", body)
    assert answer.json()["cancelled_visits"] == 1
    assert await kinds(database) == ["host_registration", "host_cancelled"]


async def test_nothing_is_sent_again_without_an_address(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register(email=None)
    path = f"visitors/{visitor['id']}/resend-email/"
    for _ in range(2):  # a refusal does not count
        problem(await admin.post(path), 409, "no_address")
    assert [event.action for event in await all_events(database)] == ["registered"]
    await set_status(database, visitor["id"], VisitorStatus.CANCELLED)
    problem(await admin.post(path), 409, "invalid_transition")


async def test_a_code_is_replaced_without_a_mail(api: Api, database: Database):
    """No mail is counted, so that a card can be printed again and again."""
    host, admin = await api.host(), await api.admin()
    visitor = await host.register(email=None)
    codes = [visitor["qr_code"]]
    for _ in range(3):
        answer = await host.post(f"visitors/{visitor['id']}/replace-code/")
        assert answer.status_code == 200
        codes.append(answer.json()["qr_code"])
    assert len(set(codes)) == 4
    for code in codes[:-1]:
        problem(await admin.scan(code), 409, "replaced")
    assert await kinds(database) == ["host_registration"]


# -- changing ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_an_added_address_keeps_the_code_and_is_mailed_it(
    api: Api, mailbox: Mailbox, method: str
):
    admin = await api.admin()
    visitor = await admin.register(email=None, host_email=None)
    body = {"email": RIGHT} if method == "PATCH" else VISITOR | {"email": RIGHT, "host_email": None}
    answer = await admin.request(method, f"visitors/{visitor['id']}/", json=body)
    assert answer.json()["qr_code"] == visitor["qr_code"]
    [mail] = await mailbox.deliver()
    assert (mail["To"].addresses[0].addr_spec, mail["Subject"][:10]) == (RIGHT, "Your visit")
    assert visitor["qr_code"] in mail.as_string()
    assert (await admin.scan(visitor["qr_code"])).status_code == 200


async def test_an_address_and_a_time_are_added_in_one_mail(api: Api, mailbox: Mailbox):
    """The move replaces the code, as each does."""
    admin = await api.admin()
    visitor = await admin.register(email=None, host_email=None)
    moved = await change(admin, visitor, email=RIGHT, **LATER)
    assert moved["qr_code"] != visitor["qr_code"]
    problem(await admin.scan(visitor["qr_code"]), 409, "rescheduled")
    [mail] = await mailbox.deliver()
    assert moved["qr_code"] in mail.as_string()


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_a_removed_address_takes_its_code_and_mails_along(
    api: Api, mailbox: Mailbox, database: Database, method: str
):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    body = {"email": None} if method == "PATCH" else VISITOR | {"email": None, "host_email": None}
    answer = await admin.request(method, f"visitors/{visitor['id']}/", json=body)
    bare = answer.json()
    assert (answer.status_code, bare["email"]) == (200, None)
    assert bare["qr_code"] != visitor["qr_code"]
    problem(await admin.scan(visitor["qr_code"]), 409, "replaced")
    assert (await api.http.get(f"/pass/{visitor['qr_code']}")).status_code == 410
    assert await mailbox.deliver() == []
    [mail] = await all_mails(database)
    assert mail.status is NotificationStatus.SUPERSEDED
    problem(
        await (await api.superadmin()).post(f"notifications/{mail.id}/retry/"), 409, "pointless"
    )
    back = await change(admin, bare, email="ada@example.com")
    assert back["qr_code"] == bare["qr_code"]
    assert [mail["To"].addresses[0].addr_spec for mail in await mailbox.deliver()] == [
        "ada@example.com"
    ]


async def test_a_removed_address_and_a_new_time_mail_the_host(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register()
    await change(admin, visitor, email=None, **LATER)
    problem(await admin.scan(visitor["qr_code"]), 409, "replaced")
    assert await waiting(admin, visitor) == {
        ("visitor_confirmation", "ada@example.com"): "superseded",
        ("host_registration", "charles@example.com"): "superseded",
        ("host_rescheduled", "charles@example.com"): "queued",
    }


async def test_a_cancelled_visit_loses_its_address_and_its_mails(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    await admin.post(f"visitors/{visitor['id']}/cancel/")
    await change(admin, visitor, email=None)
    assert await mailbox.deliver() == []


async def test_a_claimed_mail_without_an_address_is_dropped(
    api: Api, database: Database, mailbox: Mailbox
):
    """The address is gone between the queueing and the claim."""
    admin = await api.admin()
    await admin.register(host_email=None)
    async with database.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE visitors SET email = NULL")
    assert await mailbox.deliver() == []
    assert [mail.status for mail in await all_mails(database)] == [NotificationStatus.SUPERSEDED]


async def test_a_put_without_an_address_keeps_it(api: Api, database: Database):
    admin = await api.admin()
    for email in ("ada@example.com", None):
        visitor = await admin.register(email=email)
        sent = len(await all_mails(database))
        answer = await admin.put(f"visitors/{visitor['id']}/", LEFT_OUT)
        assert answer.json() == visitor
        assert await change(admin, visitor, email=email) == visitor
        assert len(await all_mails(database)) == sent


async def test_a_stranger_loses_the_address_and_gets_it_back(api: Api, database: Database):
    """The address is free for another self-registration meanwhile."""
    admin = await api.admin()
    await change_default_site(database, self_registration=True)
    body = {name: VISITOR[name] for name in ("name", "email", "visit_date", "visit_time")}
    first = (await api.http.post("/api/visitors/", json=body)).json()
    problem(await api.http.post("/api/visitors/", json=body), 409, "already_registered")
    await change(admin, first, email=None)
    second = await api.http.post("/api/visitors/", json=body)
    assert second.status_code == 201
    path = f"visitors/{first['id']}/"
    problem(await admin.patch(path, {"email": body["email"]}), 409, "already_registered")
    await admin.post(f"visitors/{second.json()['id']}/cancel/")
    await change(admin, first, email=body["email"])
    problem(await api.http.post("/api/visitors/", json=body), 409, "already_registered")
    await assert_seats_are_visitors(database)


async def test_a_stranger_without_an_address_is_counted(api: Api, database: Database):
    """The end of an update finds whoever lost the address while a previous release was running."""
    await change_default_site(database, self_registration=True)
    body = {name: VISITOR[name] for name in ("name", "email", "visit_date", "visit_time")}
    assert (await api.http.post("/api/visitors/", json=body)).status_code == 201
    async with database.engine.begin() as connection:
        for change in (
            "visitors SET email = NULL, self_registration_key = NULL, is_self_registered = false",
            "slots SET self_booked = 0",
        ):
            await connection.exec_driver_sql(f"UPDATE {change}")
    assert await count_strangers(database, MONDAY) == 1
    await assert_seats_are_visitors(database)


@pytest.mark.parametrize(
    ("former", "present", "gained", "lost"),
    [
        (None, None, False, False),
        (None, "a@x.org", True, False),
        ("a@x.org", None, False, True),
        ("a@x.org", "A@x.org", False, False),
        ("a@x.org", "b@x.org", True, True),
    ],
)
def test_a_change_of_address_gains_or_loses_a_mailbox(
    former: str | None, present: str | None, gained: bool, lost: bool
):
    assert MailboxChange.between(former, present) == MailboxChange(gained, lost)


# -- the end -----------------------------------------------------------------------------------


async def test_who_had_no_address_has_none_once_anonymised(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register(email=None, language="de")
    await admin.post(f"visitors/{visitor['id']}/cancel/")
    assert await anonymise_past(database, MONDAY + timedelta(days=400), 180) == 1
    erased = (await admin.get(f"visitors/{visitor['id']}/")).json()
    assert (erased["name"], erased["email"]) == ("Anonymised visitor", None)
    assert erased["language"] is None


async def test_lists_and_files_show_who_has_no_address(api: Api):
    admin = await api.admin()
    visitor = await admin.register(email=None)
    [recent] = (await admin.get("visitors/dashboard-stats/")).json()["recent_visitors"]
    document = (await admin.get(f"visitors/{visitor['id']}/personal-data/")).json()
    assert recent == document["visitor"] == visitor
    lines = (await admin.get("visitors/export-excel/", format="csv")).text.splitlines()
    assert lines[1].startswith(f"{visitor['id']},Ada Lovelace,,")
    book = load_workbook(BytesIO((await admin.get("visitors/export-excel/")).content))
    assert [cell.value for cell in book.worksheets[0]["C"]] == ["Email", None]


async def test_no_address_is_left_out_before_the_update_is_over(
    api: Api, app: FastAPI, database: Database, monkeypatch: pytest.MonkeyPatch
):
    admin = await api.admin()
    visitor = await admin.register()
    monkeypatch.setattr(app.state.database, "rollout_is_finished", False)
    async with database.write() as unit:
        unit.add(Rollout(revision="0021", finished_at=None))
    path = f"visitors/{visitor['id']}/"
    for answer in (
        await admin.post("visitors/", LEFT_OUT),
        await admin.patch(path, {"email": None}),
        await admin.put(path, VISITOR | {"email": None}),
    ):
        problem(answer, 503, "update_under_way")
    assert (await admin.get(path)).json() == visitor
    assert (await change(admin, visitor, language="de"))["language"] == "de"
    assert len(await all_mails(database)) == 2
