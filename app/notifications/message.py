"""From a rendered mail to what goes over the wire: RFC 5322, MIME, RFC 6532 where needed."""

import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, parseaddr

from email_validator import EmailNotValidError, validate_email

from app.notifications.mime import CRLF, field, file_part, mailbox_field, multipart, text_part
from app.notifications.rendering import CalendarFile, InlineImage, RenderedMail
from app.notifications.wording import brief, one_line

LONGEST_NAME = 100
LONGEST_SUBJECT = 180

# Neither spaces nor the marks that end or part an address (RFC 5322, 3.2.3).
_ADDRESS = re.compile(r'[^\s@<>()\[\]\\,:;"]+@[^\s@<>()\[\]\\,:;"]+')
_MESSAGE_ID = re.compile(r"<[!-;=?-~]+@[!-;=?-~]+>")
_OF_EVERY_MAIL = (
    "Auto-Submitted: auto-generated\r\n"  # RFC 3834: no absence notices, please
    "X-Auto-Response-Suppress: OOF, AutoReply\r\n"  # the same for Exchange
    "MIME-Version: 1.0\r\n"
)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A display name, which may be empty, and an address."""

    name: str
    address: str

    @classmethod
    def parse(cls, text: str) -> "Mailbox":
        """The sender from `Visitor desk <visitors@example.com>` or a bare address; else ValueError.

        ASCII only in the address: one beyond that could not write to most of the world.
        """
        name, address = parseaddr(text)
        address = wire_address(address)
        if not address.isascii():
            raise ValueError("not an ASCII mail address")
        return cls(name, address)


def wire_address(address: str) -> str:
    """The address as SMTP takes it, its domain in ASCII (RFC 5891). ValueError for a wrong one.

    Only the form counts: whether a domain exists is for the server to say. A local part beyond
    ASCII stays as it is, and only servers with SMTPUTF8 (RFC 6531) take it.
    """
    local_part, _, domain = address.rpartition("@")
    if not _ADDRESS.fullmatch(address) or one_line(address) != address:
        raise ValueError("not a mail address")
    return f"{local_part}@{domain if domain.isascii() else _ascii_domain(domain)}"


def _ascii_domain(domain: str) -> str:
    try:
        return validate_email(f"postmaster@{domain}", check_deliverability=False).ascii_domain
    except EmailNotValidError as error:
        raise ValueError("not a mail address") from error


@dataclass(frozen=True, slots=True)
class Message:
    """What SMTP is handed: the sender's address, and the lines of the mail, ended by CRLF."""

    sender: str
    content: bytes


def build_message(
    mail: RenderedMail,
    *,
    sender: Mailbox,
    recipient: Mailbox,
    message_id: str,
    date: datetime,
    reply_to: Mailbox | None = None,
) -> Message:
    """Return the message; `message_id` (with its angle brackets) stays with every retry.

    `date` is aware. `reply_to` is who reads replies, where somebody does.
    The same mail gives the same bytes. Raises ValueError for a wrong address or Message-ID. Names
    and subjects can be anything.
    """
    if not _MESSAGE_ID.fullmatch(message_id):
        raise ValueError("not a Message-ID")
    lines = (
        _mailbox_field("From", sender),
        _mailbox_field("To", recipient),
        _reply_field(reply_to) if reply_to else "",
        field("Subject", _header_text(mail.subject, LONGEST_SUBJECT)),
        f"Date: {format_datetime(date)}{CRLF}",
        f"Message-ID: {message_id}{CRLF}",
        _OF_EVERY_MAIL,
    )
    return Message(wire_address(sender.address), "".join(lines).encode() + _body(mail))


def _reply_field(mailbox: Mailbox) -> str:
    """Return the Reply-To, or nothing for an address that many servers would not take."""
    is_plain = wire_address(mailbox.address).isascii()
    return _mailbox_field("Reply-To", mailbox) if is_plain else ""


def _mailbox_field(name: str, mailbox: Mailbox) -> str:
    shown = _header_text(mailbox.name, LONGEST_NAME)
    return mailbox_field(name, shown, wire_address(mailbox.address))


def _header_text(text: str, length: int) -> str:
    # "=?" opens an encoded word (RFC 2047), behind which a name could hide what `one_line` takes.
    return brief(one_line(text), length).replace("=?", "= ?")


def _body(mail: RenderedMail) -> bytes:
    """mixed(alternative(text, related(html, images)), files), without the frames of one part:
    the structure that every client shows inline."""
    html = text_part("html", mail.html)
    if mail.images:
        images = map(_image_part, mail.images)
        html = multipart("related", html, *images, parameters='; type="text/html"')
    words = multipart("alternative", text_part("plain", mail.text), html)
    if not mail.attachments:
        return words
    return multipart("mixed", words, *map(_calendar_part, mail.attachments))


def _image_part(image: InlineImage) -> bytes:
    content_id = f"Content-ID: <{image.content_id}>"
    return file_part("image/png", image.png, f'inline; filename="{image.filename}"', content_id)


def _calendar_part(file: CalendarFile) -> bytes:
    # The method must be told in the header too, and be the same there (RFC 6047, 2.4).
    content_type = f'text/calendar; charset="utf-8"; method="{file.method.value}"'
    return file_part(content_type, file.text.encode(), f'attachment; filename="{file.filename}"')
