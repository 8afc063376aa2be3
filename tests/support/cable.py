"""A connection to a server that can be cut, for browsers whose emulation lets requests slip."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

HOST = "127.0.0.1"


@dataclass
class Cable:
    """What leads to the server by `url`, unless it is cut."""

    url: str = ""
    is_cut: bool = False
    ends: set[StreamWriter] = field(default_factory=set)

    def cut(self) -> None:
        self.is_cut = True
        for end in self.ends:
            end.close()

    def mend(self) -> None:
        self.is_cut = False


@asynccontextmanager
async def cable_to(address: str) -> AsyncIterator[Cable]:
    """Yield a cable to the server at an address."""
    port, cable = urlsplit(address).port, Cable()

    async def accept(client: StreamReader, back: StreamWriter) -> None:
        if cable.is_cut:
            back.close()
            return
        answers, server = await asyncio.open_connection(HOST, port)
        cable.ends |= {back, server}
        await asyncio.gather(_copy(client, server), _copy(answers, back))
        cable.ends -= {back, server}

    relay = await asyncio.start_server(accept, HOST, 0)
    cable.url = f"http://{HOST}:{relay.sockets[0].getsockname()[1]}"
    try:
        yield cable
    finally:
        relay.close()
        cable.cut()


async def _copy(source: StreamReader, target: StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    target.close()
