import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd import smtp
from aiosmtpd.smtp import AuthResult, Envelope
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.notifications.message import Mailbox, Message, build_message
from app.notifications.rendering import RenderedMail
from app.notifications.smtp_client import (
    Mailer,
    PermanentMailError,
    SmtpSettings,
    TemporaryMailError,
)

SENDER = Mailbox("Visitor desk", "visitors@example.com")
TEXT = "text\n.\n.with dots\n.."


class Catcher:
    """What the server does: answers as told, keeps what it took, knows its connections."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.connections: list[smtp.SMTP] = []
        self.logins = 0
        self.mail_answer = self.rcpt_answer = self.data_answer = "250 OK"
        self.hangs = False
        self.reached, self.released = asyncio.Event(), asyncio.Event()

    async def handle_MAIL(  # noqa: N802
        self, _server: Any, session: Any, envelope: Envelope, address: str, _options: Any
    ) -> str:
        self.logins += session.authenticated is True
        envelope.mail_from = address
        return self.mail_answer

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any
    ) -> str:
        self.reached.set()
        if self.hangs:
            await self.released.wait()
        envelope.rcpt_tos.append(address)
        return self.rcpt_answer

    async def handle_DATA(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Envelope
    ) -> str:
        if self.data_answer.startswith("250"):
            self.taken.append(envelope)
        return self.data_answer

    def hang_up(self, connection: int) -> None:
        if (transport := self.connections[connection].transport) is not None:
            transport.close()

    @property
    def recipients(self) -> list[str]:
        return [address for envelope in self.taken for address in envelope.rcpt_tos]


@asynccontextmanager
async def running(
    catcher: Catcher, *, implicit_tls: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[SmtpSettings]:
    loop = asyncio.get_running_loop()

    def protocol() -> smtp.SMTP:
        catcher.connections.append(smtp.SMTP(catcher, hostname="mail.test", loop=loop, **options))
        return catcher.connections[-1]

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=implicit_tls)
    try:
        port = server.sockets[0].getsockname()[1]
        yield SmtpSettings("127.0.0.1", port, timeout=5.0)
    finally:
        server.close()
        for number in range(len(catcher.connections)):
            catcher.hang_up(number)
        await server.wait_closed()


def message(recipient: str = "maria@example.net") -> Message:
    return build_message(
        RenderedMail("Subject", TEXT, "<p>html</p>"),
        sender=SENDER,
        recipient=Mailbox("Maria", recipient),
        message_id="<1@example.com>",
        date=datetime(2026, 11, 23, tzinfo=UTC),
    )


async def send_one(settings: SmtpSettings, recipient: str = "maria@example.net") -> None:
    async with Mailer(settings) as mailer:
        await mailer.send(message(recipient), recipient)


async def test_a_mail_arrives_whole():
    catcher = Catcher()
    async with running(catcher) as settings:
        await send_one(settings)
    [envelope] = catcher.taken
    assert envelope.mail_from == SENDER.address
    assert envelope.rcpt_tos == ["maria@example.net"]
    assert isinstance(envelope.original_content, bytes)
    text = list(message_from_bytes(envelope.original_content).walk())[1]
    assert text.get_payload(decode=True) == TEXT.replace("\n", "\r\n").encode()
    assert b"\r\nMessage-ID: <1@example.com>\r\n" in envelope.original_content


async def test_no_connection_is_opened_without_a_mail():
    catcher = Catcher()
    async with running(catcher) as settings, Mailer(settings):
        pass
    assert catcher.connections == []


async def test_several_mails_share_one_connection():
    catcher = Catcher()
    addresses = [f"visitor{number}@example.net" for number in range(5)]
    async with running(catcher) as settings, Mailer(settings) as mailer:
        await asyncio.gather(*(mailer.send(message(address), address) for address in addresses))
    assert sorted(catcher.recipients) == addresses
    assert len(catcher.connections) == 1


async def test_a_dropped_idle_connection_is_opened_again():
    catcher = Catcher()
    async with running(catcher) as settings, Mailer(settings) as mailer:
        await mailer.send(message(), "first@example.net")
        catcher.hang_up(0)
        await mailer.send(message(), "second@example.net")
    assert catcher.recipients == ["first@example.net", "second@example.net"]
    assert len(catcher.connections) == 2


async def test_a_connection_seen_to_be_gone_is_opened_again():
    catcher = Catcher()
    async with running(catcher) as settings, Mailer(settings) as mailer:
        await mailer.send(message(), "first@example.net")
        catcher.hang_up(0)
        await asyncio.sleep(0.05)  # long enough to be noticed before the next mail, not by it
        await mailer.send(message(), "second@example.net")
    assert catcher.recipients == ["first@example.net", "second@example.net"]


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"rcpt_answer": "550 5.1.1 No such user"}, PermanentMailError),
        ({"data_answer": "554 5.7.1 Refused as spam"}, PermanentMailError),
        ({"rcpt_answer": "451 4.7.1 Greylisted"}, TemporaryMailError),
        ({"data_answer": "452 4.3.1 Disk full"}, TemporaryMailError),
        ({"rcpt_answer": "530 5.7.0 Authentication required"}, TemporaryMailError),
        ({"mail_answer": "553 5.7.1 Sender not allowed"}, TemporaryMailError),
        ({"rcpt_answer": "421 4.3.2 Shutting down"}, TemporaryMailError),
    ],
)
async def test_an_answer_tells_whether_to_try_again(answers, error):
    catcher = Catcher()
    for name, answer in answers.items():
        setattr(catcher, name, answer)
    async with running(catcher) as settings:
        with pytest.raises(error) as caught:
            await send_one(settings)
    assert caught.value.reply == next(iter(answers.values()))
    assert catcher.taken == []


async def test_after_a_refusal_the_connection_is_used_again():
    catcher = Catcher()
    catcher.rcpt_answer = "550 No such user"
    async with running(catcher) as settings, Mailer(settings) as mailer:
        with pytest.raises(PermanentMailError):
            await mailer.send(message(), "nobody@example.net")
        catcher.rcpt_answer = "250 OK"
        await mailer.send(message(), "maria@example.net")
    assert catcher.recipients == ["maria@example.net"]
    assert len(catcher.connections) == 1


async def test_a_hanging_server_costs_the_timeout_and_the_connection():
    catcher = Catcher()
    catcher.hangs = True
    async with running(catcher) as settings, Mailer(replace(settings, timeout=1.0)) as mailer:
        with pytest.raises(TemporaryMailError):
            await mailer.send(message(), "maria@example.net")
        catcher.hangs = False
        await mailer.send(message(), "maria@example.net")
    assert len(catcher.taken) == 1
    assert len(catcher.connections) == 2


async def test_a_cancelled_mail_does_not_spoil_the_next():
    catcher = Catcher()
    catcher.hangs = True
    async with running(catcher) as settings, Mailer(settings) as mailer:
        task = asyncio.create_task(mailer.send(message(), "first@example.net"))
        await catcher.reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        catcher.hangs = False
        catcher.released.set()  # the answer to the first comes while the second is sent
        await mailer.send(message(), "second@example.net")
    assert catcher.recipients == ["second@example.net"]


async def test_a_server_that_is_down_is_a_temporary_matter():
    async with running(Catcher()) as settings:
        pass
    with pytest.raises(TemporaryMailError, match="connect"):
        await send_one(settings)


@asynccontextmanager
async def asking_for_credentials(catcher: Catcher) -> AsyncIterator[SmtpSettings]:
    def known(*args: Any) -> AuthResult:
        right = (args[-1].login, args[-1].password) == (b"vms", b"right")
        return AuthResult(success=right, handled=right)  # what is not handled is answered by 535

    async with running(catcher, authenticator=known, auth_require_tls=False) as settings:
        yield settings


async def test_right_credentials_are_taken():
    catcher = Catcher()
    async with asking_for_credentials(catcher) as settings:
        await send_one(replace(settings, username="vms", password="right"))
    assert len(catcher.taken) == 1
    assert catcher.logins == 1


async def test_wrong_credentials_are_the_operators_fault_and_temporary():
    catcher = Catcher()
    async with asking_for_credentials(catcher) as settings:
        with pytest.raises(TemporaryMailError, match="535"):
            await send_one(replace(settings, username="vms", password="wrong"))
    assert catcher.taken == []


async def test_an_address_beyond_ascii_needs_a_server_with_smtputf8():
    catcher = Catcher()
    async with running(catcher, enable_SMTPUTF8=True) as settings:
        await send_one(settings, "юля@пример.рф")
    assert catcher.recipients == ["юля@xn--e1afmkfd.xn--p1ai"]
    async with running(Catcher(), enable_SMTPUTF8=False) as settings:
        with pytest.raises(PermanentMailError, match="SMTPUTF8"):
            await send_one(settings, "юля@пример.рф")


async def test_a_domain_beyond_ascii_reaches_every_server():
    catcher = Catcher()
    async with running(catcher, enable_SMTPUTF8=False) as settings:
        await send_one(settings, "maria@straße.example")
    assert catcher.recipients == ["maria@xn--strae-oqa.example"]


async def test_what_is_no_address_is_permanent():
    catcher = Catcher()
    async with running(catcher) as settings, Mailer(settings) as mailer:
        with pytest.raises(PermanentMailError):
            await mailer.send(message(), "x@y>\r\nRCPT TO:<z@example.net")
    assert catcher.connections == []


def test_a_reply_is_one_short_line():
    error = PermanentMailError("550 no\r\n\0\x1b[31m" + "x" * 1000)
    assert error.reply.startswith("550 no [31mx")
    assert len(error.reply) == 500


def test_a_password_stays_out_of_the_settings_repr():
    assert "secret" not in repr(SmtpSettings("mail", 25, "vms", "secret"))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a self-signed certificate for 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "mail.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + built.public_bytes(serialization.Encoding.PEM))
    return path


def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_mail_travels_implicit_tls_to_a_known_server(certificate, tls):
    catcher, context = Catcher(), server_context(certificate)
    how = (
        {"implicit_tls": context}
        if tls == "implicit"
        else {
            "tls_context": context,
            "require_starttls": True,
        }
    )
    known = ssl.create_default_context(cafile=str(certificate))
    async with (
        running(catcher, **how) as settings,
        Mailer(replace(settings, tls=tls), tls_context=known) as mailer,
    ):
        await mailer.send(message(), "maria@example.net")
    assert len(catcher.taken) == 1


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_a_certificate_that_nobody_knows_is_refused_for_now(certificate, tls):
    catcher, context = Catcher(), server_context(certificate)
    how = {"implicit_tls": context} if tls == "implicit" else {"tls_context": context}
    async with running(catcher, **how) as settings:
        with pytest.raises(TemporaryMailError, match="certificate"):
            await send_one(replace(settings, tls=tls))
    assert catcher.taken == []


async def test_a_server_without_starttls_gets_no_mail_in_the_clear():
    catcher = Catcher()
    async with running(catcher) as settings:
        with pytest.raises(TemporaryMailError, match="STARTTLS"):
            await send_one(replace(settings, tls="starttls"))
    assert catcher.taken == []
