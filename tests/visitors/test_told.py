"""What people were told stays true: codes, mails, hosts."""

from collections.abc import Sequence
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.visitors.models import VisitorStatus
from tests.bulk.files import rows, upload, workbook
from tests.support.api import VISITOR, Api, Client
from tests.support.database import (
    add_site,
    all_events,
    all_mails,
    change_default_site,
    deactivate,
    set_status,
)
from tests.support.mailbox import Mailbox
from tests.support.problems import problem

RIGHT = "ada.lovelace@example.com"
MARY = {"host_name": "Mary Somerville", "host_email": "mary@example.com"}
LATER = {"visit_date": "2026-11-24", "visit_time": "14:00"}


async def waiting(admin: Client, visitor: dict[str, Any]) -> dict[tuple[str, str], str]:
    """Return the status of the newest mail of each kind and recipient."""
    found = (await admin.get(f"visitors/{visitor['id']}/notifications/")).json()
    return {(mail["kind"], mail["recipient"]): mail["status"] for mail in found}


def subjects(mails: Sequence[EmailMessage], to: str) -> list[str]:
    return [str(mail["Subject"]) for mail in mails if to in str(mail["To"])]


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


# -- codes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_the_code_of_a_wrong_mailbox_opens_nothing(api: Api, method: str):
    admin = await api.admin()
    visitor = await admin.register()
    body = {"email": RIGHT} if method == "PATCH" else VISITOR | {"email": RIGHT}
    changed = (await admin.request(method, f"visitors/{visitor['id']}/", json=body)).json()
    assert changed["qr_code"] != visitor["qr_code"]
    refused = problem(await admin.scan(visitor["qr_code"]), 409, "replaced")
    assert "newest mail" in refused["detail"]
    assert "Ada" not in str(refused)
    assert (await admin.scan(changed["qr_code"])).status_code == 200


async def test_the_pass_of_a_wrong_mailbox_shows_and_cancels_nothing(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.patch(f"visitors/{visitor['id']}/", {"email": RIGHT})
    shown = await api.http.get(f"/pass/{visitor['qr_code']}")
    assert shown.status_code == 410
    assert not {"Ada", "Charles", "Main site"} & set(shown.text.split())
    cancelled = await api.http.post(f"/pass/{visitor['qr_code']}/cancel", data={"confirmed": "yes"})
    assert cancelled.status_code == 410
    assert (await admin.get(f"visitors/{visitor['id']}/")).json()["status"] == "pending"


async def test_only_the_right_mailbox_is_written_to(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    await admin.patch(f"visitors/{visitor['id']}/", {"email": RIGHT})
    mails = await mailbox.deliver()
    assert [mail["To"].addresses[0].addr_spec for mail in mails] == [RIGHT]


async def test_codes_that_a_wrong_mailbox_had_before_are_replaced_too(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.post(f"visitors/{visitor['id']}/reschedule/", LATER)
    problem(await admin.scan(visitor["qr_code"]), 409, "rescheduled")
    await admin.patch(f"visitors/{visitor['id']}/", {"email": RIGHT})
    problem(await admin.scan(visitor["qr_code"]), 409, "replaced")


@pytest.mark.parametrize("same", ["ADA@Example.com", "ada@example.com"])
async def test_another_spelling_of_one_mailbox_keeps_the_code(
    api: Api, database: Database, same: str
):
    admin = await api.admin()
    visitor = await admin.register()
    changed = (await admin.patch(f"visitors/{visitor['id']}/", {"email": same})).json()
    assert changed["qr_code"] == visitor["qr_code"]
    assert len(await all_mails(database)) == 2


async def test_the_code_of_an_ended_visit_is_replaced_without_a_mail(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    await set_status(database, visitor["id"], VisitorStatus.COMPLETED)
    await admin.patch(f"visitors/{visitor['id']}/", {"email": RIGHT})
    assert (await api.http.get(f"/pass/{visitor['qr_code']}")).status_code == 410
    assert len(await all_mails(database)) == 1


async def test_a_code_is_replaced_on_purpose(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    answer = await admin.post(f"visitors/{visitor['id']}/replace-code/")
    assert answer.status_code == 200
    assert answer.json()["qr_code"] != visitor["qr_code"]
    problem(await admin.scan(visitor["qr_code"]), 409, "replaced")
    [mail] = await mailbox.deliver()
    assert answer.json()["qr_code"] in mail.as_string()
    await admin.scan(answer.json()["qr_code"])
    again = await admin.post(f"visitors/{visitor['id']}/replace-code/")
    assert problem(again, 409, "invalid_transition")["current_status"] == "verified"


async def test_who_is_inside_gets_the_new_code_by_mail(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    await admin.scan(visitor["qr_code"])
    await mailbox.deliver()
    changed = (await admin.patch(f"visitors/{visitor['id']}/", {"email": RIGHT})).json()
    problem(await admin.scan(visitor["qr_code"], direction="out"), 409, "replaced")
    assert changed["qr_code"] in (await mailbox.deliver())[-1].as_string()
    assert (await admin.scan(changed["qr_code"], direction="out")).status_code == 200


# -- hosts ------------------------------------------------------------------------------------


async def test_a_new_host_is_told_and_so_is_the_former_one(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    visitor = await admin.register()
    await mailbox.deliver()
    await admin.patch(f"visitors/{visitor['id']}/", MARY)
    mails = (await mailbox.deliver())[2:]
    assert {mail["To"].addresses[0].addr_spec for mail in mails} == {
        "mary@example.com",
        "charles@example.com",
    }
    states = await waiting(admin, visitor)
    assert states["host_registration", "mary@example.com"] == "sent"
    assert states["host_handed_over", "charles@example.com"] == "sent"


async def test_a_new_host_of_a_moved_visit_reads_of_the_new_time_alone(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    visitor = await admin.register()
    await mailbox.deliver()
    await admin.patch(f"visitors/{visitor['id']}/", MARY | LATER)
    mails = await mailbox.deliver()
    [told] = subjects(mails, "mary@example.com")
    assert "24 November 2026, 14:00" in told
    states = await waiting(admin, visitor)
    assert ("host_rescheduled", "mary@example.com") not in states
    assert states["host_handed_over", "charles@example.com"] == "sent"


async def test_a_new_mailbox_of_a_moved_visit_gets_a_confirmation(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    await admin.patch(f"visitors/{visitor['id']}/", {"email": RIGHT} | LATER)
    states = await waiting(admin, visitor)
    assert states == {
        ("visitor_confirmation", "ada@example.com"): "superseded",
        ("visitor_confirmation", RIGHT): "queued",
    }


async def test_a_host_who_has_the_visit_again_hears_that_alone(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    visitor = await admin.register()
    await mailbox.deliver()
    await admin.patch(f"visitors/{visitor['id']}/", MARY)
    back = {"host_name": "Charles Babbage", "host_email": "charles@example.com"}
    await admin.patch(f"visitors/{visitor['id']}/", back)
    states = await waiting(admin, visitor)
    assert states["host_handed_over", "charles@example.com"] == "superseded"
    assert states["host_registration", "mary@example.com"] == "superseded"
    assert states["host_registration", "charles@example.com"] == "queued"


async def test_an_equal_value_changes_nothing(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register()
    fields = {name: visitor[name] for name in VISITOR} | {"host_id": visitor["host_id"]}
    assert (await admin.put(f"visitors/{visitor['id']}/", fields)).json()["qr_code"] == (
        visitor["qr_code"]
    )
    assert len(await all_mails(database)) == 2
    assert len(await all_events(database)) == 1


async def test_a_change_to_what_is_there_is_none(api: Api, clock: SettableClock):
    admin = await api.admin()
    visitor = await admin.register()
    clock.advance(timedelta(minutes=1))
    same = await admin.patch(f"visitors/{visitor['id']}/", {"name": visitor["name"]})
    assert same.json() == visitor


async def test_a_replacement_without_a_host_leaves_that_of_an_account(api: Api):
    admin, host = await api.admin(), await api.host()
    visitor = await admin.register()
    fields = {name: value for name, value in VISITOR.items() if not name.startswith("host_")}
    replaced = (await admin.put(f"visitors/{visitor['id']}/", fields)).json()
    assert replaced["host_id"] == host.user_id
    nobody = {"host_name": None, "host_email": None}
    cleared = (await admin.patch(f"visitors/{visitor['id']}/", nobody)).json()
    assert (cleared["host_id"], cleared["host_email"]) == (None, None)


async def test_a_move_to_another_site_names_the_old_one_and_its_time(
    api: Api, database: Database, mailbox: Mailbox
):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    annex = await add_site(database, "Annex", timezone="Europe/Berlin")
    await admin.patch(f"visitors/{visitor['id']}/", {"site": annex})
    text = text_of((await mailbox.deliver())[-1])
    assert "Main site" in text
    assert "(Europe/Berlin, CET)" in text
    assert "(UTC)" in text


async def test_an_address_of_an_account_names_its_host(api: Api):
    admin, host = await api.admin(), await api.host()
    visitor = await admin.register(host_name="Somebody", host_email="CHARLES@example.com")
    assert visitor["host_id"] == host.user_id
    assert visitor["host_name"] == "Charles Babbage"
    assert await ids(admin, host_id=host.user_id) == [visitor["id"]]


async def ids(client: Client, **params: Any) -> list[str]:
    return [item["id"] for item in (await client.get("visitors/", **params)).json()["items"]]


async def test_an_unknown_address_alone_clears_the_name(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    changed = await admin.patch(f"visitors/{visitor['id']}/", {"host_email": "new@example.com"})
    assert (changed.json()["host_name"], changed.json()["host_id"]) == (None, None)


async def test_host_id_wins_and_null_clears_all_three(api: Api):
    admin, host = await api.admin(), await api.host()
    visitor = await admin.register(host_email=None)
    path = f"visitors/{visitor['id']}/"
    chosen = (await admin.patch(path, {"host_id": host.user_id, "host_name": "x"})).json()
    assert (chosen["host_name"], chosen["host_email"]) == ("Charles Babbage", "charles@example.com")
    cleared = (await admin.patch(path, {"host_id": None, "host_name": "x"})).json()
    assert [cleared[name] for name in ("host_id", "host_name", "host_email")] == [None] * 3


async def test_an_unknown_or_closed_host_is_422(api: Api, database: Database):
    admin, host = await api.admin(), await api.host()
    visitor = await admin.register(host_email=None)
    await deactivate(database, host.user_id)
    for host_id in (host.user_id, visitor["id"]):
        answer = await admin.patch(f"visitors/{visitor['id']}/", {"host_id": host_id})
        assert problem(answer, 422, "invalid")["errors"][0]["field"] == "host_id"


@pytest.mark.parametrize("named", [MARY, {"host_email": "mary@example.com"}, {"host_name": "Mary"}])
async def test_a_host_who_names_another_one_is_refused(api: Api, named: dict[str, str]):
    host = await api.host()
    visitor = await host.register()
    own = {name: value for name, value in VISITOR.items() if not name.startswith("host_")}
    spelt = {"host_id": host.user_id, "host_name": "Chuck"}
    assert (await host.post("visitors/", own | spelt)).status_code == 201
    problem(await host.post("visitors/", own | named), 403, "not_your_visit")
    problem(await host.patch(f"visitors/{visitor['id']}/", named), 403, "not_your_visit")
    kept = {name: visitor[name] for name in ("host_id", "host_name", "host_email")}
    assert (await host.patch(f"visitors/{visitor['id']}/", kept)).status_code == 200


async def test_an_accounts_new_name_and_address_reach_its_visits(api: Api, mailbox: Mailbox):
    root, host = await api.superadmin(), await api.host()
    visitor = await root.register()
    changes = {"email": "cb@example.com", "first_name": "Chas"}
    assert (await root.patch(f"auth/users/{host.user_id}/", changes)).status_code == 200
    after = (await root.get(f"visitors/{visitor['id']}/")).json()
    assert (after["host_name"], after["host_email"]) == ("Chas Babbage", "cb@example.com")
    mails = await mailbox.deliver()
    assert any("Ada Lovelace" in subject for subject in subjects(mails, "cb@example.com"))
    # What the former address hears is that the account has another one.
    assert not any("Ada" in subject for subject in subjects(mails, "charles@example.com"))


async def test_a_stranger_reads_of_the_host_what_they_have_sent(
    api: Api, database: Database, mailbox: Mailbox
):
    host = await api.host()
    await change_default_site(database, self_registration=True)
    sent = VISITOR | {"host_name": "The one with the beard"}
    answer = (await api.http.post("/api/visitors/", json=sent)).json()
    assert answer["host_name"] == "The one with the beard"
    assert (answer["host_id"], answer["host_email"]) == (None, None)
    to_guest = next(mail for mail in await mailbox.deliver() if "ada@" in str(mail["To"]))
    text = text_of(to_guest)
    assert "The one with the beard" in text
    assert "Charles" not in text
    seen = (await (await api.admin()).get(f"visitors/{answer['id']}/")).json()
    assert (seen["host_id"], seen["host_name"]) == (host.user_id, "Charles Babbage")
    page = await api.http.get(f"/pass/{seen['qr_code']}")
    assert "Charles" not in page.text


# -- closed accounts --------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["deactivated", "deleted"])
@pytest.mark.parametrize("reception", ["reception@example.com", None])
async def test_nobody_writes_to_a_closed_account(
    api: Api, database: Database, mailbox: Mailbox, how: str, reception: str | None
):
    root, host = await api.superadmin(), await api.host()
    await change_default_site(database, reception_email=reception)
    visitor = await root.register()
    path = f"auth/users/{host.user_id}/"
    closed = await (
        root.delete(path) if how == "deleted" else root.patch(path, {"is_active": False})
    )
    assert (closed.status_code, closed.json()["upcoming_visits"]) == (200, 1)
    await root.scan(visitor["qr_code"])
    mails = await mailbox.deliver()
    assert not subjects(mails, "charles@example.com")
    assert len(subjects(mails, "reception@example.com")) == (2 if reception else 0)


async def test_visits_are_handed_over_with_one_mail_to_the_new_host(api: Api, mailbox: Mailbox):
    root, former = await api.superadmin(), await api.host()
    new = await api.host("mary@example.com", "Mary")
    visits = [await root.register(name=f"Guest {n}") for n in range(2)]
    await mailbox.deliver()
    answer = await root.post(f"auth/users/{former.user_id}/hand-over/", {"to": new.user_id})
    assert answer.json() == {"visits": 2, "left": 0}
    mails = (await mailbox.deliver())[4:]
    assert len(subjects(mails, "mary@example.com")) == 1
    assert len(subjects(mails, "charles@example.com")) == 2
    assert sorted(await ids(new)) == sorted(visit["id"] for visit in visits)


async def test_a_closed_former_host_hears_nothing_of_a_hand_over(api: Api, mailbox: Mailbox):
    root, former = await api.superadmin(), await api.host()
    new = await api.host("mary@example.com", "Mary")
    await root.register()
    await root.patch(f"auth/users/{former.user_id}/", {"is_active": False})
    await root.post(f"auth/users/{former.user_id}/hand-over/", {"to": new.user_id})
    assert not subjects(await mailbox.deliver(), "charles@example.com")


async def test_a_hand_over_to_nobody_is_422(api: Api, database: Database):
    root, former = await api.superadmin(), await api.host()
    closed = await api.host("mary@example.com", "Mary")
    await deactivate(database, closed.user_id)
    for to in (closed.user_id, former.user_id, "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11"):
        answer = await root.post(f"auth/users/{former.user_id}/hand-over/", {"to": to})
        assert problem(answer, 422, "invalid")["errors"][0]["field"] == "to"


# -- mails that wait --------------------------------------------------------------------------


async def test_a_summary_says_what_became_of_its_visits(api: Api, mailbox: Mailbox):
    root, former = await api.superadmin(), await api.host()
    new = await api.host("mary@example.com", "Mary")
    moved, gone = [await root.register(name=name) for name in ("Moved", "Gone")]
    await root.post(f"auth/users/{former.user_id}/hand-over/", {"to": new.user_id})
    await root.post(f"visitors/{moved['id']}/reschedule/", LATER)
    await root.delete(f"visitors/{gone['id']}/")
    mails = await mailbox.deliver()
    summary = next(
        mail
        for mail in mails
        if "mary@" in str(mail["To"])
        and "Moved" in mail.as_string()
        and "1 visitor" in str(mail["Subject"])
    )
    text = text_of(summary)
    assert "14:00" in text
    assert "Gone" not in text


async def test_a_failed_mail_of_a_moved_visit_is_not_sent_again(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    [mail] = await all_mails(database)
    await fail(database)
    await admin.post(f"visitors/{visitor['id']}/reschedule/", LATER)
    problem(await admin.post(f"notifications/{mail.id}/retry/"), 409, "pointless")


async def fail(database: Database) -> None:
    """Have every mail refused by the mail server."""
    from sqlalchemy import update

    from app.notifications.models import Notification, NotificationStatus

    async with database.write() as unit:
        await unit.write(update(Notification).values(status=NotificationStatus.FAILED))


async def test_what_is_tried_again_says_what_is_true_now(
    api: Api, database: Database, mailbox: Mailbox
):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    [mail] = await all_mails(database)
    await fail(database)
    await admin.patch(f"visitors/{visitor['id']}/", {"name": "Augusta Ada King"})
    assert (await admin.post(f"notifications/{mail.id}/retry/")).status_code == 202
    [sent] = await mailbox.deliver()
    assert "Augusta Ada King" in str(sent["To"])


async def test_the_end_of_a_visit_ends_its_mails(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.scan(visitor["qr_code"])
    await admin.scan(visitor["qr_code"], direction="out")
    assert set((await waiting(admin, visitor)).values()) == {"superseded"}


async def test_a_deleted_visit_that_lies_ahead_is_cancelled_by_mail(
    api: Api, database: Database, mailbox: Mailbox
):
    admin = await api.admin()
    visitor = await admin.register()
    await mailbox.deliver()
    assert (await admin.delete(f"visitors/{visitor['id']}/")).status_code == 204
    assert (await admin.get("notifications/")).json()["items"] == []
    mails = (await mailbox.deliver())[2:]
    assert {mail["To"].addresses[0].addr_spec for mail in mails} == {
        "ada@example.com",
        "charles@example.com",
    }
    assert all("cancelled" in str(mail["Subject"]).lower() for mail in mails)
    assert await all_mails(database) == []


async def test_a_mail_about_an_erased_visitor_is_not_retried_by_hand(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    await admin.delete(f"visitors/{visitor['id']}/")
    [mail] = await all_mails(database)
    problem(await admin.post(f"notifications/{mail.id}/retry/"), 404, "not_found")


async def test_a_visit_is_deleted_in_silence_where_that_is_asked(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.request("DELETE", f"visitors/{visitor['id']}/", params={"notify": "false"})
    assert await all_mails(database) == []


async def test_a_deleted_visit_of_the_past_tells_nobody(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register()
    await set_status(database, visitor["id"], VisitorStatus.COMPLETED)
    await admin.delete(f"visitors/{visitor['id']}/")
    assert await all_mails(database) == []


async def test_a_visitor_answers_their_host_and_a_host_nobody(api: Api, mailbox: Mailbox):
    await (await api.admin()).register()
    answered = {str(mail["To"]): mail["Reply-To"] for mail in await mailbox.deliver()}
    [to_guest] = [reply for to, reply in answered.items() if "ada@" in to]
    assert str(to_guest) == "charles@example.com"
    assert [reply for to, reply in answered.items() if "charles@" in to] == [None]


SHARP, DOUBLE = "wei\u00df@example.com", "weiss@example.com"


async def test_a_host_whose_address_looks_like_an_account_is_another(api: Api, mailbox: Mailbox):
    sharp, admin = await api.host(SHARP), await api.admin()
    visitor = await admin.register(host_name="Weiss", host_email=DOUBLE)
    assert (visitor["host_id"], visitor["host_email"]) == (None, DOUBLE)
    uploaded = await upload(admin, workbook(rows(1)), host_email=DOUBLE)
    [listed] = uploaded.json()["created"]
    found = (await admin.get(f"visitors/{listed['id']}/")).json()
    assert (found["host_id"], found["host_email"]) == (None, DOUBLE)
    own = await admin.register(host_email="WEI\u00df@EXAMPLE.COM")
    assert own["host_id"] == sharp.user_id
    changed = await admin.patch(f"visitors/{visitor['id']}/", {"host_email": SHARP})
    assert changed.json()["host_id"] == sharp.user_id
    changed = await admin.patch(f"visitors/{visitor['id']}/", {"host_email": DOUBLE})
    assert changed.json()["host_id"] is None


async def test_an_address_at_another_domain_gets_another_code(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    visitor = await admin.register(email="info@strasse.de", host_email=None)
    await mailbox.deliver()
    path = f"visitors/{visitor['id']}/"
    changed = (await admin.patch(path, {"email": "info@stra\u00dfe.de"})).json()
    assert changed["qr_code"] != visitor["qr_code"]
    assert "xn--strae-oqa.de" in str((await mailbox.deliver())[-1]["To"])
    same = (await admin.patch(path, {"email": "INFO@xn--strae-oqa.de"})).json()
    assert same["qr_code"] == changed["qr_code"]
