"""Text typed by visitors: not in subjects, not as links, not as addresses."""

import re
from html import unescape
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from app.core.link_marks import unlinked
from app.notifications.kinds import READ_BY_HOSTS
from app.notifications.kinds import NotificationKind as Kind
from app.notifications.rendering import RenderedMail
from tests.notifications.examples import TOKEN, VALUES, rendered

DOT = "[.\u3002\uff0e\uff61\u2024\ufe52]"
# Texts that Gmail, Outlook, Apple Mail or linkify-it would link, with any top-level domain.
LINKED = re.compile(
    rf"""(?:https?|ftp|mailto|tel|sms|javascript|data|file)[:\uff1a]\S
    | [/\uff0f\\]{{2}}\S
    | \bwww{DOT}\S
    | [^\s@]@[\w-]
    | [\w-]{DOT}[\w-]{{2,}}
    | \bxn--\S+{DOT}\S
    """,
    re.VERBOSE | re.IGNORECASE,
)
HOSTILE = [
    "https://evil.example click here",
    "HTTP://EVIL.EXAMPLE",
    "http:\\\\evil.example",
    "//evil.example/a.b?c=d@e.f",
    "evil.example",
    "see www.evil.example.",
    "(evil.com),evil.de;evil.org",
    "evil\u3002example",
    "evil\uff0eexample",
    "evil\uff61example",
    "evil\u2024example",
    "www\uff0eevil\uff0eexample",
    "münchen.de",
    "bücher.example/ß",
    "пример.рф",
    "例え.テスト",
    "xn--mnchen-3ya.de",
    "mailto:mallory@evil.example",
    "mallory@evil.example",
    "mallory\uff20evil.example",
    "tel:+4930123456",
    "javascript:alert(1)",
    "evil.example:8080/login",
    "a.evil.example",
    "<a href='https://evil.example'>x</a>",
]
# Trusted text: the links of a mail, the facts of a site, the names of zones.
OURS = [
    f"https://visitors.example.com/pass/{TOKEN}",
    "https://maps.example.com/?q=Invalidenstra%C3%9Fe%20120%2C%2010115%20Berlin",
    VALUES["link"],
]
TYPED = ("visitor_name", "company", "host_name", "new_host_name", "first_name")


def typed(kind: Kind, words: str, **changes: Any) -> RenderedMail:
    """Return the mail with these words in every field that somebody may have typed."""
    row = VALUES["visitors"][0] | {"name": words, "company": words}
    return rendered(kind, **dict.fromkeys(TYPED, words), visitors=[row], **changes)


def shown(mail: RenderedMail) -> dict[str, str]:
    """Return the parts of a mail as people read them, without what is ours."""
    html = re.sub(r"(?s)<style>.*?</style>|<title>", "", mail.html)
    parts = {
        "subject": mail.subject,
        "text": mail.text,
        "html": unescape(re.sub(r"(?s)<[^>]*>", " ", html)),
        "tags": " ".join(re.findall(r'(?:href|src|alt|title)="([^"]*)"', unescape(html))),
        "calendar": "\n".join(_calendar(file.text) for file in mail.attachments),
    }
    for own in (*OURS, "cid:qr-code@vms"):
        parts = {name: part.replace(own, "") for name, part in parts.items()}
    return parts


def _calendar(text: str) -> str:
    [event] = Calendar.from_ical(text).walk("VEVENT")
    return "\n".join(str(event.get(name, "")) for name in ("SUMMARY", "LOCATION", "DESCRIPTION"))


@pytest.mark.parametrize("kind", Kind)
def test_nothing_that_is_typed_is_linked(kind: Kind):
    for words in HOSTILE:
        for by_stranger in (True, False):
            mail = typed(kind, words, is_typed_by_stranger=by_stranger)
            for name, part in shown(mail).items():
                assert not LINKED.search(part), (name, words, LINKED.findall(part))


@pytest.mark.parametrize("kind", Kind)
def test_our_own_words_look_like_no_link(kind: Kind):
    assert not LINKED.search("\n".join(shown(rendered(kind)).values()))


@pytest.mark.parametrize("words", HOSTILE)
def test_the_test_knows_a_link(words: str):
    assert LINKED.search(words)
    assert not LINKED.search(unlinked(words))


@given(st.text("ab.-:/\\@\u3002\uff0e\uff61 wé\ufe0f1,", max_size=30))
def test_no_text_is_linked_and_twice_is_once(words: str):
    assert not LINKED.search(unlinked(words))
    assert unlinked(unlinked(words)) == unlinked(words)


@pytest.mark.parametrize(
    "name",
    [
        "Dr. Ada King, Countess of Lovelace",
        "Jean-Luc O'Neill (jr.)",
        "Müller & Co. KG",
        "C/O Smith 10:30",
        "अदा. लवलेस",
    ],
)
def test_an_ordinary_name_stays_as_it_is(name: str):
    assert unlinked(name) == name


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("kind", Kind)
def test_no_subject_has_a_word_of_a_stranger(kind: Kind, language: str):
    mail = typed(kind, "Zorro", is_typed_by_stranger=True, language=language)
    assert ("Zorro" in mail.text) is (kind is not Kind.muster_started)  # about no visit
    assert "Zorro" not in mail.subject
    for file in mail.attachments:
        [event] = Calendar.from_ical(file.text).walk("VEVENT")
        assert "Zorro" not in str(event["SUMMARY"])
    if kind in READ_BY_HOSTS and kind is not Kind.host_bulk_summary:
        assert "Berlin Campus" in mail.subject
        assert ("November 2026" in mail.subject) is True


def test_whom_the_house_has_registered_is_named():
    assert rendered(Kind.host_registration).subject.startswith("Maria Sánchez will visit you")
