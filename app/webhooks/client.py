"""Posts to the servers of customers, and to no address inside.

Addresses are checked when the connection is made, and it is made to one that was checked: what a
name resolves to later does not count.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from ssl import SSLContext
from time import monotonic

import httpcore2

from app.webhooks.addresses import Network, is_allowed, literal_address

SECONDS = 15.0
CONNECT_SECONDS = 5.0
# The status decides; what follows is read so that ordinary servers see no broken connection.
READ_SECONDS = 1.0
MOST_BYTES = 64 * 1024
MOST_REASON = 300
# Names that are being looked up at the same time; one that hangs holds one thread.
LOOK_UPS = 64
RESOLVE_SECONDS = 5.0
# A connection that is used again saves most of the work of a message.
IDLE_SECONDS = 4.0
LONGEST_SECONDS = 60.0  # then the name is looked up again
MOST_IDLE = 256
_ERRORS = (
    httpcore2.NetworkError,
    httpcore2.TimeoutException,
    httpcore2.ProtocolError,
    OSError,
    ValueError,
)

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
Kept = tuple[float, httpcore2.AsyncHTTPConnection]
"""A connection and when it was made."""


class Unanswered(Exception):  # noqa: N818 - a verdict
    """A receiver gave no answer; `str()` is the reason, for the maker of the webhook."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver answered."""

    status: int
    retry_after: str | None


class Resolver:
    """Looks up names in threads of its own, each name once at a time."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOK_UPS, thread_name_prefix="resolve")
        self._pending: dict[tuple[str, int], asyncio.Future[list[str]]] = {}

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of a host; raise `OSError` or `UnicodeError`."""
        pending = self._pending.get((host, port))
        if pending is None:
            loop = asyncio.get_running_loop()
            pending = loop.run_in_executor(self._threads, _look_up, host, port)
            self._pending[host, port] = pending
            pending.add_done_callback(lambda done: self._forget(host, port, done))
        return await asyncio.shield(pending)

    def _forget(self, host: str, port: int, done: "asyncio.Future[list[str]]") -> None:
        self._pending.pop((host, port), None)
        if not done.cancelled():
            done.exception()  # whoever waited may have left

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class GuardedBackend(httpcore2.AnyIOBackend):
    """Connects only to addresses that are allowed; one that is not spoils all of a name."""

    def __init__(self, opened: Sequence[Network] | None, resolve: Resolve) -> None:
        self._opened = opened
        self._resolve = resolve

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - each address has its own
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        addresses = await self._addresses(host, port)
        if self._opened is not None:
            opened = self._opened
            if not all(is_allowed(address, opened) for address in addresses):
                raise Unanswered("The address is not allowed")
        error: Exception = Unanswered("The name has no address")
        for address in addresses:
            try:
                return await super().connect_tcp(
                    address, port, CONNECT_SECONDS, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as failed:
                error = failed
        raise error

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        literal = literal_address(host)
        if literal is not None:
            return [literal]
        try:
            async with asyncio.timeout(RESOLVE_SECONDS):
                return await self._resolve(host, port)
        except (OSError, UnicodeError, TimeoutError):
            raise Unanswered("The name could not be resolved") from None


class IdleConnections:
    """Connections that wait for the next message to the same server."""

    def __init__(self) -> None:
        self._idle: dict[str, list[Kept]] = {}
        self._number = 0
        self._swept_at = monotonic()

    async def take(self, origin: httpcore2.Origin) -> Kept | None:
        """Return one that still works, or None."""
        while kept := self._idle.get(str(origin)):
            made_at, connection = kept.pop()
            self._number -= 1
            if not _is_over(made_at, connection):
                return made_at, connection
            await connection.aclose()
        return None

    async def put(self, origin: httpcore2.Origin, kept: Kept) -> None:
        await self.sweep()
        if self._number >= MOST_IDLE or not kept[1].is_idle() or _is_over(*kept):
            await kept[1].aclose()
            return
        self._idle.setdefault(str(origin), []).append(kept)
        self._number += 1

    async def sweep(self, *, every_one: bool = False) -> None:
        """Close those that nobody took for a while, or `every_one`."""
        if not every_one and monotonic() - self._swept_at < IDLE_SECONDS:
            return
        self._swept_at = monotonic()
        former, self._idle, self._number = self._idle, {}, 0
        for origin, kept in former.items():
            for each in kept:
                if every_one or _is_over(*each):
                    await each[1].aclose()
                else:
                    self._idle.setdefault(origin, []).append(each)
                    self._number += 1


def _is_over(made_at: float, connection: httpcore2.AsyncHTTPConnection) -> bool:
    return monotonic() - made_at > LONGEST_SECONDS or connection.has_expired()


class Poster:
    """Posts messages; with `opened`, to allowed addresses and those networks alone."""

    def __init__(
        self,
        opened: Sequence[Network] | None,
        *,
        resolve: Resolve | None = None,
        seconds: float = SECONDS,
        ssl_context: SSLContext | None = None,
    ) -> None:
        self._resolver = Resolver()
        self._backend = GuardedBackend(opened, resolve or self._resolver)
        self._ssl_context = ssl_context or httpcore2.default_ssl_context()
        self._seconds = seconds
        self._idle = IdleConnections()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Return the answer to a message; raise `Unanswered`. Redirects are not followed."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._post(httpcore2.URL(url), headers, body)
        except TimeoutError:
            raise Unanswered(f"No answer within {self._seconds:g} seconds") from None
        except _ERRORS as error:
            raise Unanswered(_reason(error)) from error

    async def _post(self, url: httpcore2.URL, headers: Mapping[str, str], body: bytes) -> Answer:
        if (kept := await self._idle.take(url.origin)) is not None:
            # A server may close a connection while a message is on its way.
            with suppress(httpcore2.NetworkError, httpcore2.RemoteProtocolError):
                return await self._through(kept, url, headers, body)
        connection = httpcore2.AsyncHTTPConnection(
            url.origin,
            ssl_context=self._ssl_context,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=self._backend,
        )
        return await self._through((monotonic(), connection), url, headers, body)

    async def _through(
        self, kept: Kept, url: httpcore2.URL, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        connection = kept[1]
        given = list(headers.items())
        try:
            async with connection.stream("POST", url, headers=given, content=body) as answer:
                await _drain(answer)
                wishes = [v for name, v in answer.headers if name.lower() == b"retry-after"]
        except BaseException:
            await connection.aclose()
            raise
        await self._idle.put(url.origin, kept)
        return Answer(answer.status, wishes[0].decode("latin-1") if wishes else None)

    async def close(self) -> None:
        await self._idle.sweep(every_one=True)
        self._resolver.close()


async def _drain(answer: httpcore2.Response) -> None:
    size = 0
    with suppress(TimeoutError, *_ERRORS):
        async with asyncio.timeout(READ_SECONDS):
            async for part in answer.aiter_stream():
                size += len(part)
                if size > MOST_BYTES:
                    return


def _reason(error: Exception) -> str:
    if isinstance(error, httpcore2.ProtocolError):
        return "The answer is not HTTP"  # what it says instead may be private
    return str(error)[:MOST_REASON] or f"The connection failed ({type(error).__name__})"
