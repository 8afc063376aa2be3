"""Streams an export from a database cursor; a slow client slows down the reading."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import aclosing, closing
from typing import Any, Protocol

from starlette.responses import StreamingResponse
from starlette.types import Send

from app.core.db.database import Database, ReadSession
from app.core.errors import Problem
from app.core.places import Places

AT_ONCE = 2
RETRY_SECONDS = 10
# Converting a part blocks the event loop for a few milliseconds.
PART = 250
# Per fetch; the first one may have to sort everything.
QUERY_SECONDS = 300
# A client that reads nothing for this long loses its place.
STALL_SECONDS = 30

Parts = AsyncGenerator[Sequence[Sequence[Any]], None]


class TooManyExports(Problem):
    status, code, title = 429, "too_many_exports", "Too many exports are running: try again soon"

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": str(RETRY_SECONDS)})


class ExportFile(Protocol):
    """A file in parts: `head`, any number of `rows`, `tail`; always `close`d."""

    extension: str
    media_type: str

    def head(self) -> bytes: ...
    def rows(self, rows: Iterable[Sequence[Any]]) -> bytes: ...
    def tail(self) -> bytes: ...
    def close(self) -> None: ...


class ExportResponse(StreamingResponse):
    """A response that sends an export while it is generated.

    The first rows are read, and `on_begin` is awaited, before it begins, so that errors are
    problems; later ones cut it off. A disconnect frees place, cursor and connection.
    """

    def __init__(
        self,
        database: Database,
        places: Places,
        file: ExportFile,
        read: Callable[[ReadSession], Parts],
        *,
        on_begin: Callable[[], Awaitable[None]],
        name: str,
        may_lag: bool,
    ) -> None:
        self.database, self.places, self.file, self.read = database, places, file, read
        self.may_lag, self.on_begin = may_lag, on_begin
        named = {"Content-Disposition": f'attachment; filename="{name}.{file.extension}"'}
        super().__init__((), headers=named, media_type=file.media_type)

    async def stream_response(self, send: Send) -> None:
        with self.places.taken(refusal=TooManyExports), closing(self.file):
            async with (
                self.database.snapshot(
                    query_seconds=QUERY_SECONDS,
                    idle_seconds=2 * STALL_SECONDS,
                    may_lag=self.may_lag,
                ) as session,
                aclosing(self.read(session)) as parts,
            ):
                # Its own thread, which is done with the file before it is closed.
                with ThreadPoolExecutor(1, thread_name_prefix="export") as thread:
                    await self._send(parts, send, thread)

    async def _send(self, parts: Parts, send: Send, thread: Executor) -> None:
        begun = self.file.head() + await self._made(await anext(parts, []), thread)
        await self.on_begin()
        start = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **start})
        await _body(send, begun)
        async for rows in parts:
            await _body(send, await self._made(rows, thread))
        await _body(send, self.file.tail(), more=False)

    async def _made(self, rows: Sequence[Sequence[Any]], thread: Executor) -> bytes:
        return await asyncio.get_running_loop().run_in_executor(thread, self.file.rows, rows)


async def _body(send: Send, data: bytes, *, more: bool = True) -> None:
    """Send data; raise TimeoutError if the client reads nothing."""
    async with asyncio.timeout(STALL_SECONDS):
        await send({"type": "http.response.body", "body": data, "more_body": more})
