import re
from html.parser import HTMLParser
from io import BytesIO
from typing import Any

import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError
from PIL import Image
from pydantic import ValidationError

from app.core.languages import Language
from app.notifications.kinds import READ_BY_HOSTS, WITH_QR_CODE
from app.notifications.kinds import NotificationKind as Kind
from app.notifications.rendering import (
    QR_CONTENT_ID,
    TEMPLATES,
    environment_of,
    render,
)
from tests.notifications.examples import (
    LINKS,
    MADE_AT,
    ORGANIZER,
    TOKEN,
    VALUES,
    payload,
    rendered,
)

VISIT_KINDS = [kind for kind in Kind if "visitor_id" in kind.mail.payload.model_fields]
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}'


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def skeleton(html: str) -> list[str]:
    return [tag for tag, _ in Tags(html).found]


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_its_template_and_renders(kind):
    assert (TEMPLATES / f"{kind}.jinja").exists()
    mail = rendered(kind)
    assert mail.subject
    assert "Hello" in mail.text
    assert "Hello" in mail.html


@pytest.mark.parametrize("kind", Kind)
def test_a_payload_survives_its_way_through_json(kind):
    before = payload(kind)
    assert kind.mail.payload.model_validate(before.model_dump(mode="json")) == before


def test_a_payload_of_another_kind_is_refused():
    with pytest.raises(TypeError, match="MovedVisitPayload"):
        render(
            Kind.visitor_rescheduled,
            payload(Kind.visitor_confirmation),
            made_at=MADE_AT,
            organizer=ORGANIZER,
            links=LINKS,
        )


def test_a_template_that_names_what_is_not_there_fails():
    with pytest.raises(UndefinedError):
        environment_of("text", Language.ENGLISH).from_string("{{ vistor_name }}").render(VALUES)


@pytest.mark.parametrize("kind", VISIT_KINDS)
def test_both_parts_have_time_zone_place_and_purpose(kind):
    mail = rendered(kind)
    html = Tags(mail.html).text
    for part in (mail.text, html):
        assert "Monday, 23 November 2026, 09:30" in part
        assert "(Europe/Berlin, CET)" in part
        assert "Berlin Campus" in part
        assert "Invalidenstraße 120, 10115 Berlin" in part
        assert "business meeting" in part


@pytest.mark.parametrize("kind", [Kind.visitor_rescheduled, Kind.host_rescheduled])
def test_a_move_shows_the_old_time_in_its_own_season(kind):
    mail = rendered(kind)
    assert "Tuesday, 20 October 2026, 14:00 (Europe/London, BST)" in mail.text
    assert "Tuesday, 20 October 2026, 14:00" in Tags(mail.html).text


SITE_CHANGED = [Kind.visitor_updated, Kind.host_updated]
FACTS = ("site_name", "site_address", "timezone", "duration")
SAME = {f"previous_{fact}": None for fact in FACTS}


@pytest.mark.parametrize("kind", SITE_CHANGED)
def test_a_changed_site_mails_old_and_new_values(kind):
    mail = rendered(kind)
    for part in (mail.text, Tags(mail.html).text):
        assert "now called Berlin Campus (previously: Berlin Works)" in part
        assert (
            "Invalidenstraße 120, 10115 Berlin (previously: Chausseestraße 5, 10115 Berlin)" in part
        )
        assert "time zone is now Europe/Berlin, CET (previously: Europe/London, GMT)" in part


@pytest.mark.parametrize("kind", SITE_CHANGED)
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"previous_site_name": "Works"}, "now called Berlin Campus (previously: Works)"),
        ({"previous_site_address": ""}, "The address is now Invalidenstraße 120, 10115 Berlin."),
        ({"previous_site_address": "Old", "site_address": ""}, "no longer applies: Old"),
        ({"previous_timezone": "UTC"}, "(previously: UTC)"),
        ({"previous_timezone": "Europe/Berlin"}, ""),  # it has returned in between
        ({"previous_duration": 30}, "now ends at 11:00 (previously: 10:00)"),
        (
            {"previous_duration": 30, "duration_minutes": 1440},
            "now ends on Tuesday, 24 November 2026, 09:30 (previously: Monday, 23",
        ),
        ({"previous_duration": 90}, ""),
    ],
)
def test_a_changed_site_mails_only_what_has_changed(kind, change, words):
    mail = rendered(kind, **SAME | change)
    said = [part for part in ("now called", "address", "time of day", "ends") if part in mail.text]
    assert words in mail.text
    assert len(said) == bool(words)


def test_who_has_the_code_already_keeps_it():
    assert "Your QR code stays the same" in rendered(Kind.visitor_updated).text


def test_a_former_host_reads_who_receives_the_visitor():
    mail = rendered(Kind.host_handed_over)
    assert "Jonas Weber is now the host of your visitor Maria Sánchez." in mail.text
    without = rendered(Kind.host_handed_over, new_host_name=None)
    assert "Reception now takes care of your visitor Maria Sánchez." in without.text


@pytest.mark.parametrize("kind", sorted(READ_BY_HOSTS - {Kind.host_bulk_summary}))
def test_a_co_host_is_addressed_as_a_co_host(kind):
    mail = rendered(kind, to_co_host=True)
    for part in (mail.text, Tags(mail.html).text):
        assert "Hello Grace Hopper," in part
        assert "a co-host of this visit" in part
        assert ("Jonas Weber" if kind is Kind.host_handed_over else "Lena Hoffmann") in part
        assert "in the visitor management system" not in part
    german = rendered(kind, to_co_host=True, language="de").text
    assert "weitere Ansprechperson dieses Besuchs" in german


def test_the_reception_is_addressed_as_the_reception():
    mail = rendered(Kind.host_arrival, to_reception=True)
    assert "Hello," in mail.text
    assert "Host: Lena Hoffmann" in mail.text
    assert "the reception address of Berlin Campus" in mail.text
    assert "Your visitor" not in mail.text


@pytest.mark.parametrize("kind", [kind for kind in VISIT_KINDS if kind not in READ_BY_HOSTS])
def test_the_sites_contacts_stand_in_the_visitors_mails(kind):
    mail = rendered(kind, contact_phone="+49 (0)30 123-456", contact_email="visits@example.com")
    assert "Contact: +49 (0)30 123-456, visits@example.com" in mail.text
    links = {attrs["href"] for tag, attrs in Tags(mail.html).found if tag == "a"}
    assert {"tel:+4930123456", "mailto:visits@example.com"} <= links
    only = rendered(kind, contact_email="visits@example.com")
    assert "Contact: visits@example.com" in only.text
    assert "tel:" not in only.html


@pytest.mark.parametrize("kind", sorted(READ_BY_HOSTS))
def test_the_sites_contacts_are_for_visitors(kind):
    mail = rendered(kind, contact_phone="+49 30 123456", contact_email="visits@example.com")
    assert "123456" not in mail.text + mail.html


@pytest.mark.parametrize("kind", Kind)
def test_a_mail_says_whether_replies_are_read(kind):
    values: dict[str, Any] = {"made_at": MADE_AT, "organizer": ORGANIZER, "links": LINKS}
    unread, read = (
        render(kind, payload(kind), **values, is_answered=answered) for answered in (False, True)
    )
    for part in (unread.text, unread.html):
        assert "replies to it are not read" in part
    for part in (read.text, read.html):
        assert "replies go to the people expecting you" in part


@pytest.mark.parametrize(
    ("zone", "day", "at", "words"),
    [
        ("Europe/Berlin", "2026-03-29", "02:30", "03:30 (Europe/Berlin, CEST)"),  # skipped
        ("Europe/Berlin", "2026-10-25", "02:30", "02:30 (Europe/Berlin, CEST)"),  # comes twice
        ("America/Sao_Paulo", "2026-11-23", "09:30", "09:30 (America/Sao_Paulo, UTC\u221203:00)"),
        ("Asia/Kathmandu", "2026-11-23", "09:30", "09:30 (Asia/Kathmandu, UTC+05:45)"),
        ("UTC", "2026-11-23", "09:30", "09:30 (UTC)"),
    ],
)
def test_times_are_right_at_clock_changes_and_in_unnamed_zones(zone, day, at, words):
    mail = rendered(Kind.visitor_reminder, timezone=zone, visit_date=day, visit_time=at)
    assert words in mail.text


def test_a_wrong_zone_is_found_when_the_mail_is_queued():
    with pytest.raises(ValidationError, match="IANA"):
        payload(Kind.visitor_reminder, timezone="Mars/Olympus")


@pytest.mark.parametrize("kind", Kind)
def test_only_the_visitor_gets_the_token_and_gets_it_as_it_is(kind):
    mail = rendered(kind)
    with_code = kind in WITH_QR_CODE
    assert (TOKEN in mail.text.splitlines()) is with_code
    assert (f">{TOKEN}<" in mail.html) is with_code
    assert TOKEN not in mail.subject
    assert TOKEN not in "".join(file.text for file in mail.attachments)


@pytest.mark.parametrize("kind", sorted(WITH_QR_CODE))
def test_the_inline_image_is_the_token(kind):
    mail = rendered(kind)
    [image] = mail.images
    [code] = zxingcpp.read_barcodes(Image.open(BytesIO(image.png)).convert("L"))
    assert code.text == TOKEN
    [shown] = [attrs for tag, attrs in Tags(mail.html).found if tag == "img"]
    assert shown["src"] == f"cid:{QR_CONTENT_ID}" == f"cid:{image.content_id}"
    assert shown["alt"]
    assert TOKEN not in shown["alt"]


def test_a_visitor_without_a_code_is_sent_to_the_reception():
    mail = rendered(Kind.visitor_confirmation, qr_code=None)
    assert mail.images == ()
    assert "cid:" not in mail.html
    assert "reception" in mail.text


@pytest.mark.parametrize("kind", Kind)
def test_nothing_is_loaded_from_outside(kind):
    html = rendered(kind).html
    assert not re.search(r"url\(|@import|<script|<link", html)
    assert {attrs["src"] for tag, attrs in Tags(html).found if "src" in attrs} <= {
        f"cid:{QR_CONTENT_ID}"
    }


@pytest.mark.parametrize("kind", Kind)
def test_the_html_is_readable_by_screen_readers(kind):
    found = Tags(rendered(kind).html).found
    assert ("html", {"lang": "en", "dir": "ltr"}) in found
    layout_tables = [attrs for tag, attrs in found if tag == "table"]
    data_tables = [attrs for attrs in layout_tables if attrs.get("role") != "presentation"]
    assert len(data_tables) == (kind is Kind.host_bulk_summary)


@pytest.mark.parametrize("kind", [Kind.password_reset, Kind.email_verification])
def test_an_account_link_is_in_both_parts_with_its_validity(kind):
    mail = rendered(kind)
    assert VALUES["link"] in mail.text.splitlines()
    assert VALUES["link"] in {attrs["href"] for tag, attrs in Tags(mail.html).found if tag == "a"}
    assert "1 hour" in mail.text


@pytest.mark.parametrize("kind", Kind)
def test_optional_details_can_be_missing(kind):
    mail = rendered(kind, company=None, gate=None, purpose="other", site_address="")
    assert "None" not in mail.text + mail.html
    assert "Purpose" not in mail.text + mail.html
    assert "maps.example.com" not in mail.text + mail.html


@pytest.mark.parametrize("kind", VISIT_KINDS)
def test_without_a_host_the_reception_receives_the_visitor(kind):
    mail = rendered(kind, host_name=None)
    assert "None" not in mail.text + mail.html + mail.subject
    if "visitor" in kind:
        assert "reception" in mail.text


@pytest.mark.parametrize("kind", sorted(WITH_QR_CODE))
def test_both_parts_lead_to_the_pass_and_to_a_map(kind):
    mail = rendered(kind)
    links = {
        f"https://visitors.example.com/pass/{TOKEN}",
        "https://maps.example.com/?q=Invalidenstra%C3%9Fe%20120%2C%2010115%20Berlin",
    }
    assert {attrs["href"] for tag, attrs in Tags(mail.html).found if tag == "a"} == links
    assert all(link in mail.text for link in links)
    assert "photo ID" in mail.text
    assert "cancel on your visitor pass" in mail.text


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in WITH_QR_CODE])
def test_no_other_mail_leads_to_a_pass(kind):
    mail = rendered(kind)
    assert "/pass/" not in mail.text + mail.html


@pytest.mark.parametrize("kind", [Kind.visitor_cancelled, Kind.host_cancelled])
def test_the_mail_says_who_cancelled(kind):
    by_visitor, by_others = rendered(kind, by_visitor=True), rendered(kind)
    assert "has cancelled" in by_visitor.text or "You have cancelled" in by_visitor.text
    assert "has been cancelled" in by_others.text


@pytest.mark.parametrize("kind", Kind)
def test_the_plain_text_says_what_the_html_says(kind):
    """The same template makes both; a macro that one of them lacks would show here."""
    mail = rendered(kind)
    said = " ".join(
        Tags(re.sub(r"<style>.*?</style>", "", mail.html, flags=re.DOTALL)).text.split()
    )
    for line in mail.text.split("\n\n"):
        sentence = line.strip().removeprefix("-- \n")
        if sentence.endswith(".") and "\n" not in sentence:
            assert sentence in said


@pytest.mark.parametrize("kind", Kind)
def test_german_mails_are_german(kind):
    mail = rendered(kind, language="de", gate="Nordtor")
    assert "Guten Tag" in mail.text
    assert ("html", {"lang": "de", "dir": "ltr"}) in Tags(mail.html).found
    english = rendered(kind, gate="Nordtor")
    shared = set(mail.text.splitlines()) & set(english.text.splitlines())
    # Names, links, codes and marks, the same in every language.
    allowed = r"-- ?|V1.*|7KQ.*|https?://.*|Host: .*|- .*|"
    assert [line for line in shared if not re.fullmatch(allowed, line)] == []
    assert mail.subject != english.subject


def test_german_days_months_and_zones():
    mail = rendered(Kind.visitor_reminder, language="de")
    assert "Wann: Montag, 23. November 2026, 09:30\u00a0Uhr (Europe/Berlin, MEZ)" in mail.text


def test_a_language_of_a_later_release_is_english_here():
    assert payload(Kind.visitor_reminder, language="eo").language is Language.ENGLISH


@pytest.mark.parametrize("kind", Kind)
def test_a_hostile_name_is_shown_and_does_nothing(kind):
    names = ("visitor_name", "company", "host_name", "site_name", "site_address", "gate")
    row = VALUES["visitors"][0] | {"name": HOSTILE, "company": HOSTILE}
    mail = rendered(
        kind, **dict.fromkeys(names, HOSTILE), first_name=HOSTILE, link=HOSTILE, visitors=[row]
    )
    plain = rendered(kind, visitors=[row | {"name": "x", "company": "x"}])
    assert skeleton(mail.html) == skeleton(plain.html)
    assert "49" not in Tags(mail.html).text


@given(st.text(max_size=200))
def test_no_name_adds_markup_or_lines(name: str):
    kind = Kind.host_registration
    mail, plain = rendered(kind, visitor_name=name), rendered(kind, visitor_name="x")
    assert skeleton(mail.html) == skeleton(plain.html)
    assert len(mail.text.splitlines()) == len(plain.text.splitlines())
    assert len(mail.subject.splitlines()) == 1


def test_long_names_are_cut_in_the_subject_only():
    mail = rendered(Kind.host_registration, visitor_name="N" * 200)
    assert len(mail.subject) < 120
    assert "N" * 200 in mail.text


@pytest.mark.parametrize(("count", "words"), [(1, "1 visitor registered"), (2, "2 visitors")])
def test_a_summary_counts_its_visitors(count, words):
    mail = rendered(Kind.host_bulk_summary, visitors=VALUES["visitors"] * count)
    assert mail.subject.startswith(words)
    assert mail.text.count("Mon, 23 Nov 2026, 11:00: Tomáš Dvořák") == count
