from email import message_from_bytes
from email.header import decode_header, make_header
from email.headerregistry import AddressHeader
from email.message import EmailMessage, MIMEPart
from email.policy import default as default_policy
from email.utils import getaddresses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.notifications.kinds import NotificationKind as Kind
from app.notifications.message import Mailbox, Message, build_message, wire_address
from app.notifications.rendering import RenderedMail
from tests.notifications.examples import MADE_AT, TOKEN, rendered

SENDER = Mailbox("Visitor desk", "visitors@example.com")
RECIPIENT = Mailbox("Maria Sánchez", "maria@example.net")
MESSAGE_ID = "<019a0000.1@vms.example.com>"
HEADERS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
]


def built(mail: RenderedMail | None = None, **changes: Any) -> Message:
    values: dict[str, Any] = {
        "sender": SENDER,
        "recipient": RECIPIENT,
        "message_id": MESSAGE_ID,
        "date": MADE_AT,
    }
    return build_message(mail or RenderedMail("Subject", "text", "<p>html</p>"), **values | changes)


def received(message: Message) -> EmailMessage:
    """Parse the message with the standard library, which must find no defects."""
    read = message_from_bytes(message.content, policy=default_policy)
    assert [part.defects for part in read.walk() if part.defects] == []
    return read


def shape(message: MIMEPart) -> Any:
    if not message.is_multipart():
        return message.get_content_type()
    return {message.get_content_subtype(): [shape(part) for part in message.iter_parts()]}


def display_name(message: EmailMessage) -> str:
    header = message["To"]
    assert isinstance(header, AddressHeader)
    [address] = header.addresses
    assert address.addr_spec == RECIPIENT.address
    return address.display_name


def test_a_confirmation_is_nested_as_mail_programs_expect():
    message = received(built(rendered(Kind.visitor_confirmation)))
    related = {"related": ["text/html", "image/png"]}
    assert shape(message) == {"mixed": [{"alternative": ["text/plain", related]}, "text/calendar"]}


def test_a_mail_without_image_and_file_is_a_plain_alternative():
    message = received(built(rendered(Kind.password_reset)))
    assert shape(message) == {"alternative": ["text/plain", "text/html"]}


def test_what_was_rendered_arrives_unchanged():
    mail = rendered(Kind.visitor_rescheduled)
    parts = {part.get_content_type(): part for part in received(built(mail)).walk()}
    assert parts["text/plain"].get_content().replace("\r\n", "\n") == mail.text
    assert parts["text/html"].get_content().replace("\r\n", "\n") == mail.html
    assert parts["image/png"].get_content() == mail.images[0].png
    assert parts["image/png"]["Content-ID"] == f"<{mail.images[0].content_id}>"
    assert parts["image/png"].get_content_disposition() == "inline"


@pytest.mark.parametrize(
    ("kind", "method"),
    [(Kind.visitor_confirmation, "PUBLISH"), (Kind.visitor_cancelled, "CANCEL")],
)
def test_the_calendar_part_names_its_method_in_the_header_too(kind, method):
    mail = rendered(kind)
    [part] = received(built(mail)).iter_attachments()
    assert part["Content-Type"].params["method"] == method
    assert f"METHOD:{method}\r\n" in mail.attachments[0].text
    assert part.get_filename() == "visit.ics"
    assert part.get_payload(decode=True) == mail.attachments[0].text.encode()


def test_the_headers_are_those_of_an_automatic_mail():
    message = received(built())
    assert message["Message-ID"] == MESSAGE_ID
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime == MADE_AT
    assert str(message["From"]) == "Visitor desk <visitors@example.com>"


@pytest.mark.parametrize(
    "name",
    ['Doe, "Jo" <x@y.z>; (boss)', "Ünal Øre", "דוד בן־גוריון", "🎉 Party", "back\\slash", ""],
)
def test_any_name_is_displayed_as_it_is(name):
    assert display_name(received(built(recipient=Mailbox(name, RECIPIENT.address)))) == name


def test_the_same_mail_gives_the_same_bytes():
    first, again = (built(rendered(Kind.visitor_confirmation)) for _ in range(2))
    assert first == again


def test_lines_of_every_origin_end_as_those_of_mails_do():
    message = built(RenderedMail("Subject", "one\rtwo\r\nthree\nfour", "<p>html</p>"))
    assert b"one\r\ntwo\r\nthree\r\nfour\r\n" in message.content


@pytest.mark.parametrize("text", ["--=_alternative--\n", "=_related", ".", "-- ", "Bcc: x\n\ny"])
def test_no_text_ends_its_part(text):
    read = received(built(RenderedMail("Subject", text, text)))
    contents = [part.get_payload(decode=True) for part in read.iter_parts()]
    assert contents == [text.replace("\n", "\r\n").encode()] * 2


def test_long_and_foreign_headers_are_folded_and_whole():
    name, subject = "Ä B" * 33, "Ein Besuch in Köln, " * 9
    mail = RenderedMail(subject.strip(), "text", "<p>html</p>")
    lines = built(mail, recipient=Mailbox(name, RECIPIENT.address)).content.split(b"\r\n")
    assert max(map(len, lines)) <= 78
    folded = message_from_bytes(b"\r\n".join(lines))
    [(shown, _)] = getaddresses([folded["To"]])
    assert str(make_header(decode_header(shown))) == name
    assert str(make_header(decode_header(folded["Subject"]))) == subject.strip()


def test_control_characters_and_separators_become_spaces():
    name = "Eve\r\nBcc: all@example.com\0\u2028\u202ex\ud800"
    message = received(built(recipient=Mailbox(name, RECIPIENT.address)))
    assert display_name(message) == "Eve Bcc: all@example.com x"


def test_an_encoded_word_in_a_name_stays_what_it_is():
    name = "=?utf-8?q?a=0D=0ABcc:_all=40example.com?="
    shown = display_name(received(built(recipient=Mailbox(name, RECIPIENT.address))))
    assert shown == name.replace("=?", "= ?")


@given(st.text(max_size=1200), st.text(max_size=1200))
def test_no_name_or_subject_injects_a_header(name: str, subject: str):
    mail = RenderedMail(subject + "\nBcc: all@example.com", "text", "<p>html</p>")
    message = built(mail, recipient=Mailbox(name, RECIPIENT.address))
    assert set(received(message).keys()) <= set(HEADERS)
    display_name(received(message))
    assert_sendable(message)


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_keeps_the_limits_of_smtp(kind):
    names = dict.fromkeys(("visitor_name", "company", "site_name", "host_name"), "ÄW" * 100)
    assert_sendable(built(rendered(kind, **names)))


def assert_sendable(message: Message) -> None:
    lines = message.content.split(b"\r\n")
    assert all(b"\r" not in line and b"\n" not in line for line in lines)
    assert max(map(len, lines)) <= 998
    assert all(line.isascii() for line in lines)


def test_a_domain_beyond_ascii_needs_nothing_special():
    message = built(recipient=Mailbox("", "maria@straße.example"))
    assert b"To: maria@xn--strae-oqa.example\r\n" in message.content


def test_a_local_part_beyond_ascii_is_written_for_smtputf8():
    message = built(recipient=Mailbox("Юля", "юля@пример.рф"))
    assert "юля@xn--e1afmkfd.xn--p1ai".encode() in message.content


@pytest.mark.parametrize(
    "address",
    ["", "nobody", "a@", "@b", "a b@c", "a@b\r\nRCPT TO:<x@y>", "a@b,c@d", "<a@b>", "a@ü..d"],
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ValueError, match="not a mail address"):
        wire_address(address)


@pytest.mark.parametrize("message_id", ["", "no-brackets@x", "<a b@c>", "<a@b>\r\nX: y", "<a@b>\n"])
def test_what_is_no_message_id_is_refused(message_id):
    with pytest.raises(ValueError, match="Message-ID"):
        built(message_id=message_id)


def test_a_sender_is_read_from_the_setting():
    assert Mailbox.parse("Visitor desk <visitors@localhost>") == Mailbox(
        "Visitor desk", "visitors@localhost"
    )
    assert Mailbox.parse("visitors@localhost").name == ""


@pytest.mark.parametrize("text", ["", "Visitor desk", "Besuch <büro@example.com>"])
def test_a_sender_that_no_server_takes_is_refused(text):
    with pytest.raises(ValueError, match="mail address"):
        Mailbox.parse(text)


def test_the_token_stays_out_of_the_headers():
    message = built(rendered(Kind.visitor_confirmation))
    assert TOKEN not in "".join(str(value) for value in received(message).values())


def test_a_reply_goes_to_who_reads_it():
    assert received(built())["Reply-To"] is None
    read = received(built(reply_to=Mailbox("Jörg Weiß", "joerg@example.com")))
    assert str(read["Reply-To"]) == "Jörg Weiß <joerg@example.com>"


def test_an_address_that_few_servers_take_delays_no_mail():
    assert received(built(reply_to=Mailbox("", "jörg@example.com")))["Reply-To"] is None
