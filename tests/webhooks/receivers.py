"""Receivers of webhooks: real HTTP servers on sockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook

Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[Any]]
MEGABYTE = 1024 * 1024
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Message:
    """A message as it came."""

    headers: dict[str, str]
    body: str

    def verified(self, secret: str) -> Any:
        """Return the body, which the library of Standard Webhooks has verified."""
        return Webhook(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """A server that keeps what it gets; `answer` is what it sends, or does."""

    answer: bytes | Speak = OK
    messages: list[Message] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?for=visits"

    @property
    def ids(self) -> list[str]:
        return [each.headers["webhook-id"] for each in self.messages]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                self.messages.append(await _read(reader))
                if callable(self.answer):
                    await self.answer(reader, writer)
                    break
                writer.write(self.answer)
                await writer.drain()
        self._open.discard(writer)
        writer.close()

    @asynccontextmanager
    async def running(self, host: str = "127.0.0.1", **options: Any) -> AsyncIterator["Receiver"]:
        server = await asyncio.start_server(self.serve, host, self.port, **options)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for writer in self._open:
                writer.transport.abort()
            await asyncio.sleep(0)  # until they have noticed


async def _read(reader: asyncio.StreamReader) -> Message:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    lines = [line.partition(":") for line in head.split("\r\n")[1:] if line]
    headers = {name.strip().lower(): value.strip() for name, _, value in lines}
    body = await reader.readexactly(int(headers["content-length"]))
    return Message(headers, body.decode())


def answering(status: int, **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} Status\r\n{lines}Content-Length: 0\r\n\r\n".encode()


async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Answer nothing until the client leaves."""
    await reader.read()


async def a_gigabyte(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    """Send a gigabyte; return how many bytes until the client left."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
    sent = 0
    with suppress(OSError):
        for _ in range(1024):
            writer.write(bytes(MEGABYTE))
            await writer.drain()
            sent += MEGABYTE
    return sent


async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send the head of an answer one byte a second."""
    with suppress(OSError):
        for byte in OK:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(1)
