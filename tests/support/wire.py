"""A proxy that reads the messages of clients to PostgreSQL."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from sqlalchemy import URL, make_url

HOST = "127.0.0.1"
PARSE = "P"
CUT = (OSError, asyncio.IncompleteReadError)


@dataclass
class Heard:
    """The message types of all clients, by connection."""

    url: str
    letters: list[list[str]] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)
    """The names of prepared statements; empty for unnamed ones."""


@asynccontextmanager
async def overheard(url: str) -> AsyncIterator[Heard]:
    """Start a proxy for the database at `url`; `Heard.url` leads through it."""
    address = make_url(url)
    listening: set[asyncio.Task[None]] = set()

    async def accept(client: StreamReader, back: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        listening.add(task)
        with suppress(*CUT):
            await _pass_on(client, back, address, heard)
        back.close()

    server = await asyncio.start_server(accept, HOST, 0)
    port = server.sockets[0].getsockname()[1]
    here = address.set(host=HOST, port=port).difference_update_query(["host", "port", "ssl"])
    here = here.update_query_dict({"ssl": "disable"})
    heard = Heard(here.render_as_string(hide_password=False))
    try:
        yield heard
    finally:
        server.close()
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)


async def _pass_on(client: StreamReader, back: StreamWriter, address: URL, heard: Heard) -> None:
    answers, server = await _opened(address)
    letters: list[str] = []
    heard.letters.append(letters)
    returning = asyncio.create_task(_copy(answers, back))
    try:
        server.write(await _sized(client))  # the first message has no type
        while True:
            letter = await client.readexactly(1)
            message = await _sized(client)
            letters.append(letter.decode())
            if letters[-1] == PARSE:
                heard.statements.append(message[4 : message.index(0, 4)].decode())
            server.write(letter + message)
            await server.drain()
    finally:
        returning.cancel()
        server.close()


async def _opened(address: URL) -> tuple[StreamReader, StreamWriter]:
    host, port = address.query.get("host"), int(str(address.query.get("port", address.port)))
    if host is None:
        return await asyncio.open_connection(address.host, port)
    return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")


async def _sized(source: StreamReader) -> bytes:
    size = await source.readexactly(4)
    return size + await source.readexactly(int.from_bytes(size) - 4)


async def _copy(source: StreamReader, target: StreamWriter) -> None:
    while part := await source.read(65_536):
        target.write(part)
        await target.drain()
    target.close()
