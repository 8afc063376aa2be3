"""Handing mails to an SMTP server (RFC 5321), and telling faults that pass from those that stay."""

import asyncio
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

import aiosmtplib

from app.notifications.message import Message, wire_address
from app.notifications.wording import one_line

LONGEST_REPLY = 500

# RFC 4954, 6: our credentials are missing, wrong or of the wrong kind. That is for the
# operator to put right, and the mail should then still be there, so it is never the recipient's
# permanent fault, at whatever command a server chooses to say it.
_CREDENTIALS_REFUSED = frozenset({530, 534, 535, 538})
# The address then stands in the message, too, whose headers have eight bits (RFC 6531, 3.4).
_BEYOND_ASCII = ("SMTPUTF8", "BODY=8BITMIME")
_REFUSALS = (
    aiosmtplib.SMTPRecipientRefused,
    aiosmtplib.SMTPSenderRefused,
    aiosmtplib.SMTPDataError,
)


class MailError(Exception):
    """The mail was not taken; `reply` is the server's answer in one line, cut at 500 characters."""

    def __init__(self, reply: str) -> None:
        self.reply = one_line(reply)[:LONGEST_REPLY]
        super().__init__(self.reply)


class TemporaryMailError(MailError):
    """Worth another try: no connection, no TLS, no answer in time, 4xx, our credentials refused."""


class PermanentMailError(MailError):
    """No later try can succeed: 5xx to this recipient or this message, or an address that the
    server can't take."""


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """Where mails go. `timeout` is in seconds and bounds a whole `Mailer.send`."""

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Literal["none", "starttls", "implicit"] = "none"
    timeout: float = 15.0


class Mailer:
    """One connection, opened with the first mail and kept for those that follow.

    Mails of several tasks take turns. `tls_context` replaces the usual one, for servers with a
    certificate authority of their own.
    """

    def __init__(
        self, settings: SmtpSettings, *, tls_context: ssl.SSLContext | None = None
    ) -> None:
        self._timeout = settings.timeout
        self._turn = asyncio.Lock()
        self._is_refused = False  # the last mail was, and its envelope has to be thrown away
        self._client = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.username,
            password=settings.password,
            use_tls=settings.tls == "implicit",
            start_tls=settings.tls == "starttls",
            timeout=settings.timeout,
            tls_context=tls_context,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._client.is_connected:
            # Courtesy only: every mail has had its answer, nothing is lost without it.
            with suppress(aiosmtplib.SMTPException, OSError):
                await self._client.quit(timeout=min(self._timeout, 2.0))
        self._client.close()

    async def send(self, message: Message, recipient: str) -> None:
        """Hand `message` over for the address `recipient`; returns when the server has taken it.

        Raises TemporaryMailError or PermanentMailError. Where the answer to the message itself is
        lost (TemporaryMailError) the server may have taken it all the same.
        """
        async with self._turn:
            with _our_errors():
                try:
                    await self._send(message, _checked(recipient))
                    self._is_refused = False
                except BaseException as error:
                    self._drop_connection_after(error)
                    raise

    async def _send(self, message: Message, recipient: str) -> None:
        encoding = "ascii" if recipient.isascii() else "utf-8"
        async with asyncio.timeout(self._timeout):
            await self._begin(message.sender, encoding)
            await self._client.rcpt(recipient, encoding=encoding)
            await self._client.data(message.content)

    async def _begin(self, sender: str, encoding: str) -> None:
        """MAIL, over a living connection. Servers drop an idle one without a word.

        Before DATA nothing has been handed over, so that MAIL may be said again over a new one. The
        mail itself is not sent again after a fault, for in the midst of it nobody knows whether the
        server has taken it, and it would arrive twice.
        """
        if self._client.is_connected:
            try:
                if self._is_refused:
                    await self._client.rset(timeout=self._timeout / 3)
                return await self._mail(sender, encoding, timeout=self._timeout / 3)
            except OSError:  # which holds what the client raises for silence and a lost connection
                self._client.close()
        await self._client.connect()
        return await self._mail(sender, encoding, timeout=self._timeout)

    async def _mail(self, sender: str, encoding: str, *, timeout: float) -> None:
        options: Sequence[str] = ()
        if encoding != "ascii":
            if self._client.is_ehlo_or_helo_needed:
                await self._client.ehlo(timeout=timeout)
            if not self._client.supports_extension("smtputf8"):
                raise aiosmtplib.SMTPNotSupported(
                    "The server takes ASCII addresses alone (SMTPUTF8)"
                )
            options = _BEYOND_ASCII
        await self._client.mail(sender, options=options, timeout=timeout)

    def _drop_connection_after(self, error: BaseException) -> None:
        # After a refusal the server can take the next mail. After a timeout or a cancellation an
        # answer is still under way and would be taken for the next mail's.
        self._is_refused = isinstance(error, _REFUSALS)
        if not self._is_refused:
            self._client.close()


@contextmanager
def _our_errors() -> Iterator[None]:
    try:
        yield
    except aiosmtplib.SMTPResponseException as answer:
        raise _of_answer(answer) from answer
    except aiosmtplib.SMTPNotSupported as error:
        raise PermanentMailError(error.message) from error
    # OSError holds TimeoutError and SSLError; ValueError is a machine or a sender set up wrongly.
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise TemporaryMailError(str(error) or "No answer in time") from error


def _checked(recipient: str) -> str:
    try:
        return wire_address(recipient)
    except ValueError as error:
        raise PermanentMailError(str(error)) from error


def _of_answer(answer: aiosmtplib.SMTPResponseException) -> MailError:
    reply = f"{answer.code} {answer.message}"
    about_this_mail = isinstance(
        answer, (aiosmtplib.SMTPRecipientRefused, aiosmtplib.SMTPDataError)
    )
    if about_this_mail and 500 <= answer.code <= 599 and answer.code not in _CREDENTIALS_REFUSED:
        return PermanentMailError(reply)
    return TemporaryMailError(reply)
