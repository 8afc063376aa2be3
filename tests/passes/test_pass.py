"""The visitor's page behind the link of a mail."""

import base64
import hashlib
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from icalendar import Calendar

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.passes.pages import STYLE
from tests.passes.helpers import FORGED, Page, look, plain_text, press_cancel
from tests.support.api import Api
from tests.support.counting import statements
from tests.support.database import change_default_site
from tests.support.mailbox import Mailbox

BERLIN = {"name": "Berlin", "timezone": "Europe/Berlin", "address": "Hauptstraße 1\n10115 Berlin"}
LATER = {"visit_date": "2026-11-24", "visit_time": "14:00"}


async def test_a_pass_shows_who_when_where_and_with_whom(api: Api, database: Database):
    await change_default_site(database, **BERLIN)
    ada = await (await api.admin()).register(company="Engines Ltd", purpose="interview")
    page = await look(api.http, ada["qr_code"])
    for words in (
        "Ada Lovelace",
        "Engines Ltd",
        "Monday, 23 November 2026",
        "10:00",
        "(Europe/Berlin, CET)",
        "Berlin",
        "Hauptstraße 1, 10115 Berlin",
        "Charles Babbage",
        "interview",
        ada["qr_code"],
    ):
        assert words in page.words
    assert any(
        link.endswith("query=Hauptstra%C3%9Fe%201%2C%2010115%20Berlin") for link in page.links
    )


async def test_a_pass_shows_how_to_reach_the_site(api: Api, database: Database):
    admin = await api.admin()
    ada = await admin.register()
    assert "Contact" not in (await look(api.http, ada["qr_code"])).words
    await change_default_site(
        database, contact_phone="+49 (0)30 123-456", contact_email="visits@example.com"
    )
    for path in ("", "/cancel"):
        page = await look(api.http, ada["qr_code"], path)
        assert "Contact +49 (0)30 123-456" in page.words
        assert "visits@example.com" in page.words
        assert {"tel:+4930123456", "mailto:visits@example.com"} <= set(page.links)
    await admin.post(f"visitors/{ada['id']}/cancel/")
    assert "+49 (0)30 123-456" in (await look(api.http, ada["qr_code"])).words


async def test_the_mail_leads_to_the_page(api: Api, mailbox: Mailbox):
    ada = await (await api.admin()).register()
    mails = await mailbox.deliver()
    [mail] = [mail for mail in mails if mail["To"] == "Ada Lovelace <ada@example.com>"]
    assert f"http://localhost:8000/pass/{ada['qr_code']}" in plain_text(mail).splitlines()


async def test_a_page_is_for_one_reader_and_runs_nothing(api: Api):
    ada = await (await api.admin()).register()
    answer = await api.http.get(f"/pass/{ada['qr_code']}")
    style_hash = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow, noarchive"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{style_hash}'; img-src data:;")
    page = Page(answer)
    assert page.all("script") == []
    assert {"name": "robots", "content": "noindex, nofollow, noarchive"} in page.all("meta")
    assert not any(name.startswith("on") or name == "style" for _, tag in page.tags for name in tag)


async def test_looking_changes_nothing(api: Api, app: FastAPI):
    """Programs follow the links of mails before readers do."""
    ada = await (await api.admin()).register()
    with statements(app) as sent:
        for path in ("", "/visit.ics", "/cancel"):
            await api.http.get(f"/pass/{ada['qr_code']}{path}")
    assert sent
    assert all(statement.startswith("SELECT") for statement in sent)
    assert not any("FOR UPDATE" in statement for statement in sent)


@pytest.mark.parametrize("path", ["", "/visit.ics", "/cancel"])
@pytest.mark.parametrize("token", [FORGED, "x", "V1" + "a" * 40, "%00", "%F0%9F%98%80", "V1" * 900])
async def test_a_forged_token_is_a_404_page_without_a_look_up(
    http: httpx.AsyncClient, app: FastAPI, token: str, path: str
):
    with statements(app) as sent:
        answer = await http.get(f"/pass/{token}{path}")
    assert (answer.status_code, sent) == (404, [])
    assert "Pass not found" in Page(answer).words
    assert token not in answer.text or token == "x"


async def test_a_forged_token_can_not_cancel(http: httpx.AsyncClient, app: FastAPI):
    with statements(app) as sent:
        answer = await http.post(f"/pass/{FORGED}/cancel", data={"confirmed": "yes"})
    assert (answer.status_code, sent) == (404, [])


async def test_who_guesses_is_stopped_and_genuine_links_still_open(api: Api):
    ada = await (await api.admin()).register()
    answers = [await api.http.get(f"/pass/{FORGED}") for _ in range(31)]
    assert [answer.status_code for answer in answers] == [404] * 30 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert "Too many attempts" in Page(answers[-1]).words
    await look(api.http, ada["qr_code"])


async def test_a_genuine_token_of_nobody_is_the_same_page(http: httpx.AsyncClient, app: FastAPI):
    answer = await http.get(f"/pass/{app.state.qr_tokens.new()}")
    assert answer.status_code == 404
    assert "Pass not found" in Page(answer).words


async def test_a_moved_visit_sends_its_old_link_to_the_newest_mail(api: Api):
    admin = await api.admin()
    ada = await admin.register()
    moved = (await admin.post(f"visitors/{ada['id']}/reschedule/", LATER)).json()
    old = await api.http.get(f"/pass/{ada['qr_code']}")
    assert old.status_code == 410
    assert "use the QR code in the newest mail" in Page(old).words
    assert moved["qr_code"] not in old.text
    assert "Tuesday, 24 November 2026" in (await look(api.http, moved["qr_code"])).words


async def test_a_visitor_inside_sees_it_and_keeps_the_code(api: Api, clock: SettableClock):
    admin = await api.admin()
    ada = await admin.register()
    await admin.scan(ada["qr_code"])
    page = await look(api.http, ada["qr_code"])
    assert "You have been checked in since 08:00" in page.words
    assert ada["qr_code"] in page.words
    assert not any(link.endswith("/cancel") for link in page.links)


@pytest.mark.parametrize(
    ("action", "words"),
    [("cancel", "This visit is cancelled"), ("complete", "Thank you for coming")],
)
async def test_an_ended_visit_says_so_without_a_code(api: Api, action: str, words: str):
    admin = await api.admin()
    ada = await admin.register()
    if action == "complete":
        await admin.scan(ada["qr_code"])
    assert (await admin.post(f"visitors/{ada['id']}/{action}/")).status_code == 200
    page = await look(api.http, ada["qr_code"])
    assert words in page.words
    assert page.all("img") == []
    assert ada["qr_code"] not in page.words


async def test_a_visit_is_over_with_its_day_at_the_site(
    api: Api, database: Database, clock: SettableClock
):
    """Even before the worker has closed it: in Auckland it is Tuesday at 11:00 UTC on Monday."""
    await change_default_site(database, timezone="Pacific/Auckland", booking_lead_minutes=0)
    clock.set(clock.now() - timedelta(hours=13))
    ada = await (await api.admin()).register()
    assert "Visitor pass" in (await look(api.http, ada["qr_code"])).words
    clock.set(clock.now() + timedelta(hours=16))
    assert "The time of the visit has passed" in (await look(api.http, ada["qr_code"])).words


async def test_the_calendar_file_is_the_visit_without_its_code(api: Api, database: Database):
    await change_default_site(database, **BERLIN)
    ada = await (await api.admin()).register()
    answer = await api.http.get(f"/pass/{ada['qr_code']}/visit.ics")
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8; method=PUBLISH"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="visit.ics"'
    [event] = Calendar.from_ical(answer.text).walk("VEVENT")
    assert event["UID"] == f"{ada['id']}@vms"
    assert event.decoded("DTSTART").isoformat() == "2026-11-23T09:00:00+00:00"
    assert ada["qr_code"] not in answer.text


async def test_a_visit_without_a_host_is_the_receptions(api: Api):
    ada = await (await api.admin()).register(host_name=None, host_email=None)
    page = await look(api.http, ada["qr_code"])
    assert "Please ask reception" in page.words
    assert "Host" not in page.words


async def test_hostile_facts_are_shown_and_do_nothing(api: Api, database: Database):
    evil = '"><script>alert(1)</script>{{ 7*7 }}'
    await change_default_site(database, name=evil, address=evil)
    ada = await (await api.admin()).register(name=evil, company=evil, host_name=evil)
    page = await look(api.http, ada["qr_code"])
    assert page.all("script") == []
    assert page.words.count(evil) >= 5


async def test_the_pages_are_no_part_of_the_api(app: FastAPI):
    assert not any(path.startswith("/pass") for path in app.openapi()["paths"])


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
async def test_another_method_is_a_page_too(http: httpx.AsyncClient, method: str):
    answer = await http.request(method, f"/pass/{FORGED}")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET"
    assert "Something went wrong" in Page(answer).words


async def test_a_crash_is_a_page_with_its_reference(api: Api, monkeypatch: pytest.MonkeyPatch):
    ada = await (await api.admin()).register()
    monkeypatch.setattr("app.passes.dependencies.find_pass", None)
    answer = await api.http.get(f"/pass/{ada['qr_code']}")
    assert answer.status_code == 500
    assert answer.headers["X-Request-ID"] in Page(answer).words


async def test_the_token_is_not_logged(api: Api, caplog: pytest.LogCaptureFixture):
    ada = await (await api.admin()).register()
    for token in (ada["qr_code"], FORGED):
        for path in ("", "/visit.ics", "/cancel", "/nothing"):
            await api.http.get(f"/pass/{token}{path}")
        await press_cancel(api.http, token)
    ours = " ".join(record.getMessage() for record in caplog.records if record.name != "httpx")
    assert "/pass/{token}/cancel" in ours
    assert ada["qr_code"] not in ours
    assert FORGED not in ours
