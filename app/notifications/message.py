"""Internet messages: RFC 5322, MIME, and RFC 6532 if needed."""

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

# Without spaces and delimiters of addresses (RFC 5322, 3.2.3).
_ADDRESS = re.compile(r'[^\s@<>()\[\]\\,:;"]+@[^\s@<>()\[\]\\,:;"]+')
_MESSAGE_ID = re.compile(r"<[!-;=?-~]+@[!-;=?-~]+>")
_OF_EVERY_MAIL = (
    "Auto-Submitted: auto-generated\r\n"  # RFC 3834: suppresses automatic replies
    "X-Auto-Response-Suppress: OOF, AutoReply\r\n"  # the same for Exchange
    "MIME-Version: 1.0\r\n"
)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mail address with a display name, which may be empty."""

    name: str
    address: str

    @classmethod
    def parse(cls, text: str) -> "Mailbox":
        """Parse `Visitor desk <visitors@example.com>` or an ASCII address; raise ValueError."""
        name, address = parseaddr(text)
        address = wire_address(address)
        if not address.isascii():
            raise ValueError("not an ASCII mail address")
        return cls(name, address)


def wire_address(address: str) -> str:
    """Return the address with its domain in ASCII (RFC 5891); raise ValueError.

    A non-ASCII local part needs a server with SMTPUTF8 (RFC 6531).
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
    """A message for SMTP, with CRLF line ends."""

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
    """Return the message; `message_id` must be the same for every retry.

    Raise ValueError for an invalid address or Message-ID.
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
    """Return the Reply-To field, or nothing for an address that many servers reject."""
    is_plain = wire_address(mailbox.address).isascii()
    return _mailbox_field("Reply-To", mailbox) if is_plain else ""


def _mailbox_field(name: str, mailbox: Mailbox) -> str:
    shown = _header_text(mailbox.name, LONGEST_NAME)
    return mailbox_field(name, shown, wire_address(mailbox.address))


def _header_text(text: str, length: int) -> str:
    # "=?" begins an encoded word (RFC 2047), which could hide what `one_line` removes.
    return brief(one_line(text), length).replace("=?", "= ?")


def _body(mail: RenderedMail) -> bytes:
    """Return mixed(alternative(text, related(html, images)), files), as needed."""
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
    # The header must repeat the method (RFC 6047, 2.4).
    content_type = f'text/calendar; charset="utf-8"; method="{file.method.value}"'
    return file_part(content_type, file.text.encode(), f'attachment; filename="{file.filename}"')
