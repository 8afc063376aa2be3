"""Cancellation by the visitor."""

import asyncio
import re
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from app.audit.models import AuditEntry
from app.core.clock import SettableClock
from app.core.db.database import Database
from tests.passes.helpers import look, plain_text, press_cancel
from tests.support.api import VISITOR, Api
from tests.support.database import assert_seats_are_visitors, booked, change_default_site
from tests.support.mailbox import Mailbox

LATER = {"visit_date": "2026-11-24", "visit_time": "14:00"}


async def test_cancelling_frees_the_seat_and_names_the_visitor(api: Api, database: Database):
    admin = await api.admin()
    ada = await admin.register()
    answer = await press_cancel(api.http, ada["qr_code"])
    assert (answer.status_code, answer.headers["Location"]) == (303, f"../{ada['qr_code']}")
    assert "This visit is cancelled" in (await look(api.http, ada["qr_code"])).words
    assert await booked(database, "2026-11-23", 10) == 0
    events = (await admin.get(f"visitors/{ada['id']}/events/")).json()
    assert [(event["action"], event["actor_role"]) for event in events] == [
        ("registered", "admin"),
        ("cancelled", "visitor"),
    ]
    assert (events[-1]["actor_name"], events[-1]["actor_id"]) == ("visitor", None)


async def test_host_and_visitor_are_notified_who_cancelled(api: Api, mailbox: Mailbox):
    ada = await (await api.admin()).register()
    await mailbox.deliver()
    before = len(mailbox.mails())
    await press_cancel(api.http, ada["qr_code"])
    mails = {mail["To"]: mail for mail in (await mailbox.deliver())[before:]}
    to_host = plain_text(mails["Charles Babbage <charles@example.com>"])
    assert "Ada Lovelace cannot come and has cancelled the visit." in to_host
    to_visitor = plain_text(mails["Ada Lovelace <ada@example.com>"])
    assert "You have cancelled the visit below." in to_visitor


async def test_the_question_comes_first_and_is_a_form(api: Api):
    admin = await api.admin()
    ada = await admin.register()
    page = await look(api.http, ada["qr_code"], "/cancel")
    assert "Cancel this visit?" in page.words
    assert page.all("form") == [{"class": "actions", "method": "post", "action": "cancel"}]
    [button] = page.all("button")
    assert (button["name"], button["value"]) == ("confirmed", "yes")
    assert page.links == [f"../{ada['qr_code']}"]
    assert (await admin.get(f"visitors/{ada['id']}/")).json()["status"] == "pending"


async def seen_by(http: httpx.AsyncClient, id_: str, code: str) -> list[str]:
    """Return everything shown to the holder of a code, without the facts of this visit."""
    seen = []
    for path in ("", "/cancel", "/visit.ics"):
        answer = await http.get(f"/pass/{code}{path}")
        assert answer.status_code == 200
        said = answer.text.replace(code, "CODE").replace(id_, "ID")
        seen.append(re.sub(r"(?s)<svg.*?</svg>|data:[^\"]*", "", said))
    return seen


def mailed_to(guest: str, mails: list[EmailMessage]) -> list[str]:
    theirs = [mail for mail in mails if f"{guest}@" in str(mail["To"])]
    assert theirs
    return [f"{m['Subject']} {m['Reply-To']} {plain_text(m)}" for m in theirs]


async def test_nothing_tells_strangers_which_addresses_have_accounts(
    api: Api, database: Database, mailbox: Mailbox, clock: SettableClock
):
    """The pages are the same for both hosts, before and after one account is changed and closed."""
    await change_default_site(database, self_registration=True, contact_email="desk@example.com")
    charles, root = await api.host(), await api.superadmin()
    visits = {}
    for guest, host in (("ada", "charles"), ("eve", "nobody")):
        fields = {"email": f"{guest}@example.com", "host_email": f"{host}@example.com"}
        id_ = (await api.http.post("/api/visitors/", json=VISITOR | fields)).json()["id"]
        visits[guest] = id_, (await root.get(f"visitors/{id_}/")).json()["qr_code"]
    for changes in ({}, {"last_name": "Cabbage"}, {"is_active": False}):
        answer = await root.patch(f"auth/users/{charles.user_id}/", changes)
        assert answer.status_code == 200
        clock.advance(timedelta(minutes=1))
        assert await seen_by(api.http, *visits["ada"]) == await seen_by(api.http, *visits["eve"])
    for _, code in visits.values():
        await press_cancel(api.http, code)
    ada, eve = (
        [text.replace(visits[guest][1], "CODE") for text in mailed_to(guest, mails)]
        for mails in [await mailbox.deliver()]
        for guest in visits
    )
    assert ada == eve


async def test_the_question_says_who_is_notified(api: Api, database: Database):
    await change_default_site(database, self_registration=True)
    root, _ = await api.superadmin(), await api.host()
    invited = await root.register()
    page = await look(api.http, invited["qr_code"], "/cancel")
    assert "Your host will be notified by mail" in page.words
    id_ = (await api.http.post("/api/visitors/", json=VISITOR)).json()["id"]
    code = (await root.get(f"visitors/{id_}/")).json()["qr_code"]
    assert "Your host will be notified" not in (await look(api.http, code, "/cancel")).words


@pytest.mark.parametrize(
    "body", [{}, {"data": {"confirmed": "no"}}, {"json": {"confirmed": "yes"}}]
)
async def test_a_post_without_the_form_only_asks(api: Api, body: dict[str, Any]):
    admin = await api.admin()
    ada = await admin.register()
    answer = await api.http.post(f"/pass/{ada['qr_code']}/cancel", **body)
    assert (answer.status_code, answer.headers["Location"]) == (303, "cancel")
    assert (await admin.get(f"visitors/{ada['id']}/")).json()["status"] == "pending"


async def test_cancelling_twice_is_cancelling_once(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    ada = await admin.register()
    answers = await asyncio.gather(*(press_cancel(api.http, ada["qr_code"]) for _ in range(5)))
    assert [answer.status_code for answer in answers] == [303] * 5
    events = (await admin.get(f"visitors/{ada['id']}/events/")).json()
    assert [event["action"] for event in events] == ["registered", "cancelled"]
    assert len([mail for mail in await mailbox.deliver() if "Cancelled" in mail["Subject"]]) == 2


async def test_who_is_inside_can_not_cancel(api: Api):
    admin = await api.admin()
    ada = await admin.register()
    await admin.scan(ada["qr_code"])
    question = await api.http.get(f"/pass/{ada['qr_code']}/cancel")
    assert (question.status_code, question.headers["Location"]) == (303, f"../{ada['qr_code']}")
    await press_cancel(api.http, ada["qr_code"])
    assert (await admin.get(f"visitors/{ada['id']}/")).json()["status"] == "verified"


async def test_the_link_of_an_old_mail_does_not_cancel_the_new_time(api: Api):
    admin = await api.admin()
    ada = await admin.register()
    await admin.post(f"visitors/{ada['id']}/reschedule/", LATER)
    assert (await press_cancel(api.http, ada["qr_code"])).status_code == 410
    assert (await admin.get(f"visitors/{ada['id']}/")).json()["status"] == "pending"


async def test_of_a_move_and_an_old_link_the_move_wins(
    api: Api, app: FastAPI, database: Database, clock: SettableClock
):
    """In either order, the visit is moved, or cancelled at its old time, never both."""
    admin = await api.admin()
    for _ in range(5):
        ada = await admin.register()
        moved, pressed = await asyncio.gather(
            admin.post(f"visitors/{ada['id']}/reschedule/", LATER),
            press_cancel(api.http, ada["qr_code"]),
        )
        status = (await admin.get(f"visitors/{ada['id']}/")).json()["status"]
        expected = {(200, 410): "pending", (409, 303): "cancelled"}
        assert status == expected[moved.status_code, pressed.status_code]
    await assert_seats_are_visitors(database)


async def test_the_visitors_address_goes_with_the_visitor(api: Api, database: Database):
    admin = await api.admin()
    ada = await admin.register()
    await press_cancel(api.http, ada["qr_code"])
    await admin.delete(f"visitors/{ada['id']}/")
    async with database.read() as session:
        rows = await session.scalars(select(AuditEntry).where(AuditEntry.actor_role == "visitor"))
        assert [event.client_address for event in rows] == [None]
