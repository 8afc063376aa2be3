"""A load generator with prepared HTTP/1.1 requests.

A general HTTP client needs more CPU per request than the server.
"""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count, repeat
from typing import Any, NamedTuple, Self, cast

from bench.installation import HOST

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
HEAD_END = b"\r\n\r\n"
PART = 1 << 16


class Answer(NamedTuple):
    """A response; `size` is in bytes, including the head."""

    status: int
    body: bytes
    size: int


@dataclass
class Outcome:
    """The results of a run; latencies are in seconds."""

    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    bytes: int = 0
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Return a percentile of the latencies in milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000


def get(path: str, headers: Mapping[str, str]) -> bytes:
    return f"GET {path} HTTP/1.1\r\n{_lines(headers)}\r\n".encode()


def post(path: str, body: Any, headers: Mapping[str, str]) -> bytes:
    return post_content(path, json.dumps(body).encode(), "application/json", headers)


def post_content(path: str, content: bytes, kind: str, headers: Mapping[str, str]) -> bytes:
    lines = _lines({**headers, "Content-Type": kind, "Content-Length": str(len(content))})
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + content


def _lines(headers: Mapping[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in {"Host": HOST, **headers}.items())


class Connection(asyncio.Protocol):
    """A persistent connection, for one request at a time."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._transport: asyncio.WriteTransport | None = None
        self._answered: asyncio.Future[Answer] | None = None

    @classmethod
    async def open(cls, port: int) -> Self:
        _, connection = await asyncio.get_running_loop().create_connection(cls, HOST, port)
        return connection

    async def ask(self, request: bytes) -> Answer:
        """Send a request and return the response, which must declare its length."""
        if self._transport is None:
            raise ConnectionError("The server has closed the connection")
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answered

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(ConnectionError(f"The connection broke off: {exc}"))

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        head = received.find(HEAD_END)
        if head < 0 or self._answered is None:
            return
        length = LENGTH.search(received, 0, head)
        begins = head + len(HEAD_END)
        ends = begins + (int(length[1]) if length else 0)
        if len(received) >= ends:
            answer = Answer(int(received[9:12]), bytes(received[begins:ends]), ends)
            received.clear()
            self._answered.set_result(answer)


async def drive(
    port: int, requests: Iterable[bytes], *, connections: int, per_second: float | None = None
) -> Outcome:
    """Send every request once, as fast as `connections` allow or at a fixed rate.

    At a fixed rate, latency counts from the instant at which the request was due.
    """
    outcome, began = Outcome(), time.perf_counter()
    due: Iterator[float | None] = repeat(None)
    if per_second is not None:
        due = (began + number / per_second for number in count())
    waiting = zip(requests, due, strict=False)
    opened = [await Connection.open(port) for _ in range(connections)]
    try:
        await asyncio.gather(*(_send(connection, waiting, outcome) for connection in opened))
    finally:
        for connection in opened:
            connection.close()
    outcome.seconds = time.perf_counter() - began
    return outcome


async def _send(
    connection: Connection, waiting: Iterator[tuple[bytes, float | None]], outcome: Outcome
) -> None:
    for request, due in waiting:
        began = time.perf_counter()
        if due is not None:
            await asyncio.sleep(max(0.0, due - began))
            began = due
        answer = await connection.ask(request)
        outcome.latencies.append(time.perf_counter() - began)
        outcome.statuses[answer.status] += 1
        outcome.bytes += answer.size


@dataclass(frozen=True)
class Download:
    first_byte: float
    seconds: float
    complete: bool


async def download(port: int, path: str, headers: Mapping[str, str]) -> Download:
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(get(path, {**headers, "Connection": "close"}))
    head = await reader.readuntil(HEAD_END)
    part = end = await reader.read(PART)
    first_byte = time.perf_counter() - began
    while part := await reader.read(PART):
        end = (end + part)[-8:]
    writer.close()
    complete = head[9:12] == b"200" and end.endswith(b"0\r\n\r\n")
    return Download(first_byte, time.perf_counter() - began, complete)
