"""Check the host, size and pace of requests."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import Problem, TooLarge

MAX_TARGET_BYTES = 8 * 1024  # recommended minimum (RFC 9110, section 4.1)
MAX_HEADER_BYTES = 16 * 1024
# Orchestrators and Prometheus use the IP address.
ASKED_BY_ADDRESS = ("/health/", "/metrics")
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:[0-9]{1,5})?", re.IGNORECASE)


# An unread body could be taken for the next request.
CLOSE = {"Connection": "close"}


class InvalidHost(Problem):
    status, code, title = 400, "invalid_host", "This host is not served"


class ForThisMachine(Problem):
    status, code, title = 403, "for_this_machine", "Development mode only serves this machine"


class BodyTimeout(Problem):
    status, code, title = 408, "body_timeout", "The request body took too long to arrive"


class UrlTooLong(Problem):
    status, code, title = 414, "url_too_long", "The URL is too long"


class HeadersTooLarge(Problem):
    status, code, title = 431, "headers_too_large", "The request headers are too large"


class SaneRequestMiddleware:
    """Refuses other hosts, overlong URLs and oversized headers.

    A host is `example.com`, `*.example.com` for subdomains, or `*`; `loopback_only` refuses
    addresses that other machines can reach.
    """

    def __init__(
        self, app: ASGIApp, allowed_hosts: Sequence[str], *, loopback_only: bool = False
    ) -> None:
        self.app = app
        self.loopback_only = loopback_only
        self.names = {host.lower() for host in allowed_hosts}
        self.domains = tuple(name[1:] for name in self.names if name.startswith("*."))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._fault(scope) if scope["type"] == "http" else None
        await (fault.response() if fault else self.app)(scope, receive, send)

    def _fault(self, scope: Scope) -> Problem | None:
        if self.loopback_only and _is_open(scope.get("server")):
            return ForThisMachine()
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MAX_TARGET_BYTES:
            return UrlTooLong()
        if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADER_BYTES:
            return HeadersTooLarge()
        if scope["path"].startswith(ASKED_BY_ADDRESS):
            return None
        return None if self._serves(Headers(scope=scope).getlist("host")) else InvalidHost()

    def _serves(self, given: Sequence[str]) -> bool:
        if "*" in self.names:
            return True
        found = HOST.fullmatch(given[0]) if len(given) == 1 else None
        name = found[1].lower().removesuffix(".") if found else ""
        return name in self.names or (bool(self.domains) and name.endswith(self.domains))


def _is_open(server: tuple[str, int | None] | None) -> bool:
    """Return whether other machines can reach the address."""
    try:
        address = ip_address(server[0]) if server else None
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address is not None and not address.is_loopback


class BodyMiddleware:
    """Refuses a body that is too large or takes longer than `seconds`.

    `limit` is in bytes; `limits` overrides it by regular expressions of paths.
    """

    def __init__(
        self, app: ASGIApp, *, seconds: float, limit: int, limits: Mapping[str, int]
    ) -> None:
        self.app = app
        self.seconds = seconds
        self.limit = limit
        self.limits = {re.compile(path): number for path, number in limits.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        own = (number for known, number in self.limits.items() if known.fullmatch(path))
        limit = next(own, self.limit)
        exchange = _Exchange(receive, send, self.seconds, limit)
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > limit:
            exchange.fault = _too_large(limit)
        else:
            await self._run(scope, exchange)
        if exchange.fault:
            await exchange.fault.response()(scope, receive, send)

    async def _run(self, scope: Scope, exchange: "_Exchange") -> None:
        try:
            await self.app(scope, exchange.receive, exchange.send)
        except Exception:
            if exchange.fault is None:
                raise


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The request is larger than {limit} bytes", headers=CLOSE)


class _Exchange:
    """A request and its response; a fault replaces the response."""

    def __init__(self, receive: Receive, send: Send, seconds: float, limit: int) -> None:
        self._receive, self._send = receive, send
        self._seconds, self._limit, self._left = seconds, limit, limit
        self._deadline: float | None = None
        self._complete = self._answered = False
        self.fault: Problem | None = None

    async def receive(self) -> Message:
        if self._complete or self._answered:  # the next message is the disconnect
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until()):
                message = await self._receive()
        except TimeoutError:
            return self._give_up(BodyTimeout(headers=CLOSE))
        self._complete = not message.get("more_body", False)
        self._left -= len(message.get("body", b""))
        return message if self._left >= 0 else self._give_up(_too_large(self._limit))

    def _until(self) -> float:
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().time() + self._seconds
        return self._deadline

    def _give_up(self, fault: Problem) -> Message:
        self.fault = fault
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if self.fault is None:
            self._answered = True
            await self._send(message)
