"""Sends mails by SMTP (RFC 5321)."""

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

# The operator must fix refused credentials (RFC 4954, 6); the mail has not failed.
_CREDENTIALS_REFUSED = frozenset({530, 534, 535, 538})
# The address is also in the headers, which then have 8-bit characters (RFC 6531, 3.4).
_BEYOND_ASCII = ("SMTPUTF8", "BODY=8BITMIME")
_REFUSALS = (
    aiosmtplib.SMTPRecipientRefused,
    aiosmtplib.SMTPSenderRefused,
    aiosmtplib.SMTPDataError,
)


class MailError(Exception):
    """A mail was not accepted; `reply` is the server's, in one line."""

    def __init__(self, reply: str) -> None:
        self.reply = one_line(reply)[:LONGEST_REPLY]
        super().__init__(self.reply)


class TemporaryMailError(MailError):
    """A failure worth a retry: no connection, TLS or reply, 4xx, or refused credentials."""


class PermanentMailError(MailError):
    """A failure that no retry can fix: 5xx, or an address that the server cannot accept."""


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """Settings of the SMTP server; `timeout` limits `Mailer.send`, in seconds."""

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Literal["none", "starttls", "implicit"] = "none"
    timeout: float = 15.0


class Mailer:
    """A connection that is opened with the first mail, for one mail at a time."""

    def __init__(
        self, settings: SmtpSettings, *, tls_context: ssl.SSLContext | None = None
    ) -> None:
        self._timeout = settings.timeout
        self._turn = asyncio.Lock()
        self._is_refused = False  # the last mail was refused, and its envelope must be reset
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
            # Every mail has had its reply, so errors do not matter.
            with suppress(aiosmtplib.SMTPException, OSError):
                await self._client.quit(timeout=min(self._timeout, 2.0))
        self._client.close()

    async def send(self, message: Message, recipient: str) -> None:
        """Send a message; raise TemporaryMailError or PermanentMailError.

        If the final reply is lost, the server may have accepted the mail.
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
        """Send MAIL, reconnecting if needed: servers drop idle connections silently."""
        if self._client.is_connected:
            try:
                if self._is_refused:
                    await self._client.rset(timeout=self._timeout / 3)
                return await self._mail(sender, encoding, timeout=self._timeout / 3)
            except OSError:  # includes what the client raises for timeouts and lost connections
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
                    "The server accepts only ASCII addresses (no SMTPUTF8)"
                )
            options = _BEYOND_ASCII
        await self._client.mail(sender, options=options, timeout=timeout)

    def _drop_connection_after(self, error: BaseException) -> None:
        # After a timeout, a late reply could be mistaken for that of the next mail.
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
    # OSError includes TimeoutError and SSLError; ValueError is a wrong host or sender setting.
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise TemporaryMailError(str(error) or "No reply in time") from error


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
