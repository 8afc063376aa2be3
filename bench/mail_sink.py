"""A mail server that accepts everything, and only records arrival times."""

import asyncio
import re
import time
from typing import cast

from bench.installation import HOST

RECIPIENT = re.compile(rb"TO:<([^>]*)>", re.IGNORECASE)
END = b"\r\n.\r\n"
OK = b"250 OK\r\n"
REPLIES = {b"DATA": b"354 Go on\r\n", b"QUIT": b"221 Bye\r\n"}


class MailSink:
    """Arrival times from `time.perf_counter`: the last by recipient, and all in order."""

    def __init__(self) -> None:
        self.by_recipient: dict[str, float] = {}
        self.arrivals: list[float] = []
        self.port = 0

    async def start(self) -> asyncio.Server:
        server = await asyncio.get_running_loop().create_server(lambda: _Session(self), HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def arrived(self, recipient: str) -> None:
        now = time.perf_counter()
        self.by_recipient[recipient] = now
        self.arrivals.append(now)

    async def quiet(self, seconds: float) -> None:
        """Wait until no mail has come for this time."""
        count = -1
        while count != len(self.arrivals):
            count = len(self.arrivals)
            await asyncio.sleep(seconds)


class _Session(asyncio.Protocol):
    """An SMTP connection (RFC 5321), without extensions."""

    def __init__(self, sink: MailSink) -> None:
        self._sink = sink
        self._received = bytearray()
        self._in_message = False
        self._recipient = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        self._transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self._received += data
        while self._in_message or b"\r\n" in self._received:
            if not (self._end_message() if self._in_message else self._command()):
                return

    def _end_message(self) -> bool:
        if not self._received.endswith(END):
            return False
        self._received.clear()
        self._in_message = False
        self._sink.arrived(self._recipient)
        self._transport.write(OK)
        return True

    def _command(self) -> bool:
        line, _, rest = bytes(self._received).partition(b"\r\n")
        self._received[:] = rest
        word = line[:4].upper()
        if word == b"RCPT" and (found := RECIPIENT.search(line)):
            self._recipient = found[1].decode()
        self._in_message = word == b"DATA"
        self._transport.write(REPLIES.get(word, OK))
        return True
