"""The context of the current request or job, for logs and problem documents."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network
from uuid import UUID

from starlette.types import Receive

# The key of the authenticated caller in a request's scope.
CALLER = "vms.caller"
SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")


@dataclass(slots=True)
class RequestContext:
    """The request id and client address; a worker job has its own id as request id.

    `is_request_id_of_client` is false for ids that this service made.

    `subjects` are the ids of the records concerned (`visitor_id`, `notification_id` and so on),
    which every log line carries. They are ids only: no names, no addresses. `receive` is the
    connection's ASGI callable. `writer` is the id of the person who is signed in, known once the
    caller is.
    """

    request_id: str
    client_address: str | None = None
    is_request_id_of_client: bool = True
    subjects: dict[str, str] = field(default_factory=dict)
    receive: Receive | None = field(default=None, repr=False, compare=False)
    writer: str | None = field(default=None, repr=False, compare=False)


_context: ContextVar[RequestContext | None] = ContextVar("request_context", default=None)


def set_request_context(context: RequestContext | None) -> None:
    _context.set(context)


@contextmanager
def on_behalf_of(request_id: str) -> Iterator[None]:
    """Use the id of the request that caused the work in the block."""
    before = _context.set(RequestContext(request_id))
    try:
        yield
    finally:
        _context.reset(before)


def current_context() -> RequestContext | None:
    return _context.get()


def current_request_id() -> str:
    """Return the id of the current request or job, or `-` outside one."""
    context = _context.get()
    return context.request_id if context else "-"


def is_request_id_of_client() -> bool:
    """Return whether a client may have made the current request id."""
    context = _context.get()
    return context.is_request_id_of_client if context else False


def current_client_address() -> str | None:
    """Return the network address of the caller, or None outside a request."""
    context = _context.get()
    return context.client_address if context else None


def note_writer(id_: UUID | None) -> None:
    """Set whose changes the current request makes."""
    context = _context.get()
    if context:
        context.writer = str(id_)


def current_writer() -> str | None:
    """Return whose changes the current request makes, or None for devices, strangers and jobs."""
    context = _context.get()
    return context.writer if context else None


async def until_hung_up() -> None:
    """Wait until the caller closes the connection; the request body must have been read."""
    context = _context.get()
    if context is None or context.receive is None:
        await asyncio.Event().wait()
        return
    while (await context.receive())["type"] != "http.disconnect":
        pass


def note_subject(**ids: UUID | None) -> None:
    """Add ids of the records concerned to the log lines of the current request."""
    context = _context.get()
    if context:
        context.subjects.update(subjects(**ids))


def subjects(**ids: UUID | None) -> dict[str, str]:
    """Return ids for a log line, without those that are None."""
    return {name: str(id_) for name, id_ in ids.items() if id_ is not None}


def client_network() -> str:
    """Return the key of limits per address: the IPv4 address or the IPv6 /64 network.

    An IPv6 caller owns at least a /64.
    """
    address = current_client_address()
    if address is None:
        return "-"
    try:
        known = ip_address(address)
    except ValueError:
        return address
    is_v6 = isinstance(known, IPv6Address)
    return str(ip_network((known, 64), strict=False)) if is_v6 else str(known)
