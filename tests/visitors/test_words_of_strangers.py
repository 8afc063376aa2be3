"""Text typed by visitors in registrations, changes and mails."""

from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.notifications.kinds import READ_BY_HOSTS
from app.notifications.kinds import NotificationKind as Kind
from app.notifications.models import Notification
from app.users.models import User
from app.visitors.models import Visitor
from app.visitors.site_change_jobs import bring_to_visits
from tests.devices.devices import add_device
from tests.support.api import VISITOR, Api, Client
from tests.support.database import all_mails, change_default_site
from tests.support.mailbox import Mailbox, body_of
from tests.support.problems import faulty_fields

FORM = {name: VISITOR[name] for name in ("name", "email", "visit_date", "visit_time")}
ZORRO = FORM | {"name": "Zorro Typed", "company": "Zorro Inc.", "email": "zorro@example.com"}
Register = Callable[..., Any]


@pytest.fixture(params=["stranger", "kiosk"])
async def register(
    request: pytest.FixtureRequest, api: Api, http: httpx.AsyncClient, database: Database
) -> Register:
    """Return a function that registers at a kiosk, or from outside."""
    await change_default_site(database, self_registration=True)
    kiosk = await add_device(api, "kiosk", name="Lobby") if request.param == "kiosk" else None

    async def register(**fields: Any) -> httpx.Response:
        if kiosk is not None:
            return await kiosk.post("visitors/", ZORRO | fields)
        return await http.post("/api/visitors/", json=ZORRO | fields)

    return register


def whole(mail: EmailMessage) -> str:
    """Return the complete text of a mail."""
    parts = [
        str(part.get_content()) for part in mail.walk() if part.get_content_maintype() == "text"
    ]
    return "\n".join(parts).replace("\n ", "")


async def test_no_mail_of_a_visits_life_has_their_words_in_the_subject(
    api: Api, register: Register, database: Database, mailbox: Mailbox, clock: SettableClock
):
    charles, admin = await api.host(), await api.admin()
    mary = await api.host("mary@example.com", "Mary")
    visitor = (await register(host_id=charles.user_id)).json()["id"]
    path = f"visitors/{visitor}/"
    move = {"visit_date": "2026-11-23", "visit_time": "11:00"}
    await mailbox.deliver()
    assert (await admin.post(f"{path}reschedule/", move)).status_code == 200
    await mailbox.deliver()
    # A user names another host; the visitor's data was still typed by the visitor.
    assert (await admin.patch(path, {"host_id": mary.user_id})).status_code == 200
    await mailbox.deliver()
    [site] = (await (await api.superadmin()).get("sites/")).json()["items"]
    changed = await (await api.superadmin("r@example.com")).patch(
        f"sites/{site['id']}/", {"name": "Berlin"}
    )
    assert changed.status_code == 200
    await bring_to_visits(database, _nobody, clock.now())
    clock.set(datetime.fromisoformat("2026-11-23T10:45:00Z"))
    await mailbox.deliver()
    admin = await api.sign_in("desk@example.com", admin.user_id)
    code = (await admin.get(path)).json()["qr_code"]
    assert (await admin.scan(code)).status_code == 200
    await mailbox.deliver()
    assert (await admin.post(f"{path}undo/")).status_code == 200
    await mailbox.deliver()
    later = (await register(host_id=charles.user_id, visit_date="2026-11-24")).json()["id"]
    await admin.post(f"visitors/{later}/cancel/")
    gone = (await register(host_id=charles.user_id, visit_date="2026-11-25")).json()["id"]
    await mailbox.deliver()
    await admin.delete(f"visitors/{gone}/")
    mails = await mailbox.deliver()
    to_hosts = [mail for mail in mails if "zorro" not in str(mail["To"])]
    sent = {mail.kind for mail in await all_mails(database) if mail.status == "sent"}
    assert sent > READ_BY_HOSTS - {Kind.host_bulk_summary}
    for mail in mails:
        assert "Zorro" not in str(mail["Subject"])
        assert "SUMMARY:Visit of" not in whole(mail)
    for mail in to_hosts:
        assert "Zorro" in body_of(mail)
        assert "zorro@" not in whole(mail)  # an address typed by the visitor


async def _nobody() -> None: ...


async def test_whom_the_house_registers_is_named_in_mails_of_before(
    api: Api, database: Database, mailbox: Mailbox
):
    """The fact is read from the visit, since rows of the previous release lack it."""
    await (await api.admin()).register()
    async with database.write() as unit:
        silent = Notification.payload.op("-")("is_typed_by_stranger")
        await unit.write(update(Notification).values(payload=silent))
    [mail] = [m for m in await mailbox.deliver() if "charles" in str(m["To"])]
    assert str(mail["Subject"]).startswith("Ada Lovelace will visit you")


async def test_a_row_of_the_release_before_is_known_by_its_host(
    api: Api, register: Register, database: Database, mailbox: Mailbox
):
    await register(host_id=(await api.host()).user_id)
    async with database.write() as unit:
        await unit.write(update(Visitor).values(registered_by_stranger=False))
    for mail in await mailbox.deliver():
        assert "Zorro" not in str(mail["Subject"])


async def test_no_address_that_is_typed_comes_back(
    api: Api, register: Register, database: Database, mailbox: Mailbox, http: httpx.AsyncClient
):
    """An account without a name would be shown by its address, which would disclose it."""
    admin = await api.admin("boss@example.com")
    async with database.write() as unit:
        await unit.write(update(User).values(first_name="", last_name=""))
    typed = ("boss@example.com", "nobody@example.com")
    answers = [
        await register(host_email=email, visit_time=f"{hour}:00")
        for hour, email in enumerate(typed, 10)
    ]
    assert [answer.json()["host_email"] for answer in answers] == [None, None]
    assert "boss@" not in answers[0].text
    for mail in await mailbox.deliver():
        assert not [email for email in typed if email in whole(mail)]
    for answer in answers:
        code = (await admin.get(f"visitors/{answer.json()['id']}/")).json()["qr_code"]
        for page in ("", "/visit.ics", "/cancel"):
            shown = await http.get(f"/pass/{code}{page}")
            assert shown.status_code == 200
            assert not [
                email
                for email in (*typed, "11@example.com", "12@example.com")
                if email in shown.text
            ]


@pytest.mark.parametrize("field", ["name", "company", "host_name"])
@pytest.mark.parametrize(
    "value",
    ["Win at https://evil.example", "WWW.evil.example", "mailto:x", "to mallory@evil.example"],
)
async def test_no_address_gets_through_the_door(register: Register, field: str, value: str):
    assert faulty_fields(await register(**{field: value})) == {field}


@pytest.mark.parametrize("field", ["name", "host_name"])
@pytest.mark.parametrize(
    "value", ["evil.example", "Win at evil.com now", "münchen.de", "x-y.xn--p1ai"]
)
async def test_nobody_is_called_like_a_domain(register: Register, field: str, value: str):
    assert faulty_fields(await register(**{field: value})) == {field}


@pytest.mark.parametrize(
    "fields",
    [
        {"company": "booking.com"},
        {"name": "J.R.R. Tolkien"},
        {"name": "Prof.Dr.Ing. Müller-Lüdenscheidt"},
        {"name": "M.de Boer"},
        {"name": "Dr. Martin King, Jr."},
    ],
)
async def test_ordinary_names_are_taken(
    register: Register, mailbox: Mailbox, fields: dict[str, str]
):
    answer = await register(**fields)
    assert answer.status_code == 201
    assert fields.items() <= answer.json().items()
    [mail] = await mailbox.deliver()
    assert "booking.com" not in whole(mail)


async def test_the_recipient_is_named_without_a_link(api: Api, mailbox: Mailbox):
    await (await api.admin()).register(name="Evil.com Team")
    assert [m for m in await mailbox.deliver() if "Evil. com Team" in str(m["To"])]


async def test_no_word_of_theirs_stands_beside_an_address(
    api: Api, register: Register, mailbox: Mailbox
):
    admin = await api.admin()
    invited = await admin.register(name="Grace Hopper", email="grace@example.com")
    path = f"visitors/{(await register(name='W' * 200)).json()['id']}/"
    assert (await admin.post(f"{path}resend-email/")).status_code == 202
    assert (await admin.post(f"{path}cancel/")).status_code == 200
    assert (await admin.delete(f"visitors/{invited['id']}/")).status_code == 204
    mails = await mailbox.deliver()
    to = {str(mail["To"]) for mail in mails if "charles@" not in str(mail["To"])}
    assert to == {"Grace Hopper <grace@example.com>", "zorro@example.com"}
    for mail in mails:
        if "zorro@" in str(mail["To"]):
            assert f"Hello {'W' * 59}…," in body_of(mail)


async def test_an_account_is_called_like_no_link(http: httpx.AsyncClient, api: Api):
    body = {"email": "mallory@example.com", "password": "correct horse battery"}
    for name in ("https://evil.example click here", "evil.com", "www.x"):
        sent = body | {"first_name": name, "last_name": "Typed"}
        answer = await http.post("/api/auth/register/", json=sent)
        assert faulty_fields(answer) == {"first_name"}
    host: Client = await api.host()
    assert faulty_fields(await host.patch("auth/me/", {"last_name": "evil.com"})) == {"last_name"}
