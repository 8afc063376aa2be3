"""The language of mails and pages."""

import pytest

from app.core.db.database import Database
from tests.passes.helpers import FORGED, Page, look
from tests.support.api import Api
from tests.support.database import all_mails, change_default_site
from tests.support.mailbox import Mailbox

RESET = "/api/auth/forgot-password/"


async def test_mails_are_in_the_language_of_the_site(
    api: Api, database: Database, mailbox: Mailbox
):
    await change_default_site(database, language="de")
    await (await api.admin()).register()
    subjects = {mail["Subject"] for mail in await mailbox.deliver()}
    assert subjects == {
        "Ihr Besuch bei Main site: Montag, 23. November 2026, 10:00 Uhr",
        "Ada Lovelace besucht Sie: Montag, 23. November 2026, 10:00 Uhr",
    }


async def test_a_mail_leaves_in_the_language_that_its_site_has(
    api: Api, database: Database, mailbox: Mailbox
):
    """Like its other facts, the language is that of the time of sending."""
    await (await api.admin()).register()
    await change_default_site(database, language="de")
    assert all("Montag" in mail["Subject"] for mail in await mailbox.deliver())


@pytest.mark.parametrize(
    ("site", "reader", "shown", "title"),
    [
        ("en", "", "en", "Visitor pass"),
        ("de", "", "de", "Besucherausweis"),
        ("en", "de-AT,de;q=0.9", "de", "Besucherausweis"),
        ("de", "en-GB", "en", "Visitor pass"),
        ("de", "fr", "de", "Besucherausweis"),
    ],
)
async def test_a_pass_is_in_the_language_of_its_reader_or_of_the_site(
    api: Api, database: Database, site: str, reader: str, shown: str, title: str
):
    await change_default_site(database, language=site)
    ada = await (await api.admin()).register()
    answer = await api.http.get(f"/pass/{ada['qr_code']}", headers={"Accept-Language": reader})
    assert answer.headers["Content-Language"] == shown
    assert answer.headers["Vary"] == "Accept-Language"
    page = Page(answer)
    assert page.all("html") == [{"lang": shown, "dir": "ltr"}]
    assert title in page.words


async def test_the_other_pages_are_translated_too(api: Api):
    ada = await (await api.admin()).register()
    german = {"Accept-Language": "de"}
    question = await look(api.http, ada["qr_code"], "/cancel", **german)
    assert "Diesen Besuch absagen?" in question.words
    unknown = Page(await api.http.get(f"/pass/{FORGED}", headers=german))
    assert "Ausweis nicht gefunden" in unknown.words
    calendar = await api.http.get(f"/pass/{ada['qr_code']}/visit.ics", headers=german)
    assert "SUMMARY:Besuch bei Main site" in calendar.text


@pytest.mark.parametrize(
    ("reader", "subject"), [("de", "Neues Passwort wählen"), ("", "Reset your password")]
)
async def test_mails_about_an_account_are_in_the_language_of_who_asks(
    api: Api, mailbox: Mailbox, reader: str, subject: str
):
    await api.admin()
    headers = {"Accept-Language": reader}
    await api.http.post(RESET, json={"email": "desk@example.com"}, headers=headers)
    assert [mail["Subject"] for mail in await mailbox.deliver()] == [subject]


async def test_the_language_is_a_fact_of_the_outbox(api: Api, database: Database):
    await change_default_site(database, language="de")
    await (await api.admin()).register()
    assert {mail.payload["language"] for mail in await all_mails(database)} == {"de"}
