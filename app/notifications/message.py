"""From a rendered mail to what goes over the wire: RFC 5322, MIME, RFC 6532 where needed."""

import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr

from email_validator import EmailNotValidError, validate_email

from app.notifications.rendering import CalendarFile, RenderedMail
from app.notifications.wording import brief, one_line

LONGEST_NAME = 100
LONGEST_SUBJECT = 180

# Neither spaces nor the marks that end or part an address (RFC 5322, 3.2.3).
_ADDRESS = re.compile(r'[^\s@<>()\[\]\\,:;"]+@[^\s@<>()\[\]\\,:;"]+')
_MESSAGE_ID = re.compile(r"<[!-;=?-~]+@[!-;=?-~]+>")


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


def build_message(
    mail: RenderedMail, *, sender: Mailbox, recipient: Mailbox, message_id: str, date: datetime
) -> EmailMessage:
    """The message; `date` is aware, `message_id` (with its angle brackets) stays with every retry.

    Raises ValueError for a wrong address or Message-ID. Names and subjects can be anything.
    """
    if not _MESSAGE_ID.fullmatch(message_id):
        raise ValueError("not a Message-ID")
    message = EmailMessage(policy=SMTP if _is_ascii(recipient) else SMTPUTF8)
    message["From"] = _address(sender)
    message["To"] = _address(recipient)
    message["Subject"] = _header_text(mail.subject, LONGEST_SUBJECT)
    message["Date"] = format_datetime(date)
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no absence notices, please
    message["X-Auto-Response-Suppress"] = "OOF, AutoReply"  # the same for Exchange
    _add_bodies(message, mail)
    for file in mail.attachments:
        _attach(message, file)
    return message


def _address(mailbox: Mailbox) -> Address:
    local_part, _, domain = wire_address(mailbox.address).rpartition("@")
    name = _header_text(mailbox.name, LONGEST_NAME)
    return Address(display_name=name, username=local_part, domain=domain)


def _header_text(text: str, length: int) -> str:
    # "=?" opens an encoded word (RFC 2047), behind which a name could hide what `one_line` takes.
    return brief(one_line(text), length).replace("=?", "= ?")


def _is_ascii(mailbox: Mailbox) -> bool:
    return wire_address(mailbox.address).isascii()


def _add_bodies(message: EmailMessage, mail: RenderedMail) -> None:
    """alternative(text, related(html, images)): the structure that every client shows inline."""
    # Quoted-printable keeps lines short and passes relays that recode eight-bit mail.
    message.set_content(mail.text, cte="quoted-printable")
    message.add_alternative(mail.html, subtype="html", cte="quoted-printable")
    html = _last_part(message)
    for image in mail.images:
        html.add_related(
            image.png,
            maintype="image",
            subtype="png",
            cid=f"<{image.content_id}>",
            disposition="inline",
            filename=image.filename,
        )


def _last_part(message: EmailMessage) -> MIMEPart:
    return list(message.iter_parts())[-1]


def _attach(message: EmailMessage, file: CalendarFile) -> None:
    # The method must be told in the header too, and be the same there (RFC 6047, 2.4).
    message.add_attachment(
        file.text,
        subtype="calendar",
        params={"method": file.method.value},
        cte="base64",
        filename=file.filename,
    )
