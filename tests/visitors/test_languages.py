"""The language of a visitor."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.languages import Language
from app.visitors.reminder_jobs import remind
from app.visitors.site_change_jobs import bring_to_visits
from tests.conftest import MONDAY
from tests.devices.devices import add_device
from tests.passes.helpers import look
from tests.support.api import VISITOR, Api
from tests.support.database import all_events, all_mails, change_default_site
from tests.support.mailbox import Mailbox
from tests.support.problems import faulty_fields
from tests.visitors.told import LATER, subjects

ADA, HOST = "ada@example.com", "charles@example.com"


async def nobody() -> None: ...


async def test_a_language_is_written_and_read(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register(language="de")
    assert visitor["language"] == "de"
    path = f"visitors/{visitor['id']}/"
    assert (await admin.get(path)).json() == visitor
    assert (await admin.get("visitors/")).json()["items"] == [visitor]
    sent = len(await all_mails(database))
    for language in ("en", None, "de"):  # mails nobody
        changed = (await admin.patch(path, {"language": language})).json()
        assert changed == visitor | {"language": language}
    for body, language in (({}, "de"), ({"language": None}, None), ({}, None)):
        changed = (await admin.put(path, VISITOR | body)).json()
        assert changed == visitor | {"language": language}
    assert len(await all_mails(database)) == sent
    changes = [event.details for event in await all_events(database)][1:]
    assert changes == [{"fields": ["language"]}] * 4


@pytest.mark.parametrize("language", ["xx", "de-DE", "DE", "", 1, ["de"]])
async def test_only_a_known_language_is_taken(api: Api, language: Any):
    admin = await api.admin()
    visitor = await admin.register()
    path = f"visitors/{visitor['id']}/"
    for answer in (
        await admin.post("visitors/", VISITOR | {"language": language}),
        await admin.put(path, VISITOR | {"language": language}),
        await admin.patch(path, {"language": language}),
    ):
        assert faulty_fields(answer) == {"language"}
    assert (await admin.get(path)).json()["language"] is None


async def test_every_language_of_the_catalogue_is_taken(api: Api):
    admin = await api.admin()
    for language in Language:
        assert (await admin.register(language=language))["language"] == language


async def test_kiosks_and_strangers_choose_their_language(
    api: Api, database: Database, clock: SettableClock
):
    await change_default_site(database, self_registration=True)
    body = {name: VISITOR[name] for name in ("name", "email", "visit_date", "visit_time")}
    answer = await api.http.post("/api/visitors/", json=body | {"language": "de"})
    assert answer.json()["language"] == "de"
    clock.set(datetime.fromisoformat("2026-11-23T10:30:45Z"))
    kiosk = await add_device(api, "kiosk", name="Lobby")
    answer = await kiosk.post("visitors/", {"name": "Ada", "language": "de"})
    assert answer.json()["language"] == "de"


GERMAN, ENGLISH = ("Montag", "Dienstag"), ("Monday", "Tuesday")


def are_all_in(days: tuple[str, str], found: list[str]) -> bool:
    return all(any(day in subject for day in days) for subject in found)


async def test_mails_to_the_visitor_are_in_their_language(
    api: Api, database: Database, mailbox: Mailbox
):
    """Those to the host are in the language of the site."""
    admin = await api.superadmin()
    for own, host in (("de", HOST), (None, "mary@example.com")):
        ada = await admin.register(language=own, host_email=host)
        await mailbox.deliver()
        await admin.post(f"visitors/{ada['id']}/reschedule/", LATER)
        await mailbox.deliver()
        await admin.patch(f"sites/{ada['site']}/", {"address": f"for {own}"})
        await bring_to_visits(database, nobody, MONDAY)
        await mailbox.deliver()
        await admin.delete(f"visitors/{ada['id']}/")
        await change_default_site(database, language="de")
    mails = await mailbox.deliver()
    assert len(subjects(mails, ADA)) == 8
    assert are_all_in(GERMAN, subjects(mails, ADA))
    assert are_all_in(ENGLISH, subjects(mails, HOST))
    assert are_all_in(GERMAN, subjects(mails, "mary@example.com"))
    of_ada = next(mail for mail in mails if ADA in str(mail["To"]))
    calendar = next(part for part in of_ada.walk() if part.get_content_type() == "text/calendar")
    assert "SUMMARY:Besuch bei Main site" in calendar.get_content()


async def test_a_mail_leaves_in_the_language_of_that_moment(
    api: Api, database: Database, mailbox: Mailbox, clock: SettableClock
):
    admin = await api.admin()
    ada = await admin.register(host_email=None, visit_date="2026-11-25")
    path = f"visitors/{ada['id']}/"
    await admin.patch(path, {"language": "de"})
    await mailbox.deliver()
    clock.set(datetime(2026, 11, 24, 11, tzinfo=UTC))
    assert await remind(database, nobody, clock.now()) == 1
    admin = await api.sign_in("desk@example.com", admin.user_id)
    await admin.patch(path, {"language": "en"})
    queued, reminder = await mailbox.deliver()
    assert "Mittwoch" in queued["Subject"]
    assert "Wednesday" in reminder["Subject"]


@pytest.mark.parametrize(
    ("own", "reader", "shown"), [("de", "en", "de"), ("en", "de", "en"), (None, "de", "de")]
)
async def test_a_pass_is_in_the_language_of_the_visitor(
    api: Api, own: str | None, reader: str, shown: str
):
    ada = await (await api.admin()).register(language=own)
    title, question, event = {
        "de": ("Besucherausweis", "Diesen Besuch absagen?", "SUMMARY:Besuch bei Main site"),
        "en": ("Visitor pass", "Cancel this visit?", "SUMMARY:Visit to Main site"),
    }[shown]
    headers = {"Accept-Language": reader}
    answer = await api.http.get(f"/pass/{ada['qr_code']}", headers=headers)
    assert (answer.headers["Content-Language"], title in answer.text) == (shown, True)
    assert question in (await look(api.http, ada["qr_code"], "/cancel", **headers)).words
    calendar = await api.http.get(f"/pass/{ada['qr_code']}/visit.ics", headers=headers)
    assert event in calendar.text
