"""The context of a request or job, for logs and problems."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network
from uuid import UUID

from starlette.types import Receive

# The key of the caller in a request's scope.
CALLER = "vms.caller"
SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")


@dataclass(frozen=True, slots=True)
class Quota:
    """Where a limit stands: `left` of `most` until it is reset in some seconds."""

    policy: str
    most: int
    seconds: int
    left: int
    ends_in: int


@dataclass(slots=True)
class RequestContext:
    """The context of a request, or of a job with its own id.

    `is_request_id_of_client` is false for ids that this service made.

    `subjects` are ids for the log, without names and addresses; `writer` is the user's or key's id;
    `quotas` are the limits that counted the request, by policy.
    """

    request_id: str
    client_address: str | None = None
    is_request_id_of_client: bool = True
    subjects: dict[str, str] = field(default_factory=dict)
    receive: Receive | None = field(default=None, repr=False, compare=False)
    writer: str | None = field(default=None, repr=False, compare=False)
    quotas: dict[str, Quota] = field(default_factory=dict, repr=False, compare=False)


_context: ContextVar[RequestContext | None] = ContextVar("request_context", default=None)


def set_request_context(context: RequestContext | None) -> None:
    _context.set(context)


@contextmanager
def on_behalf_of(request_id: str) -> Iterator[None]:
    """Use the id of the request that caused the work."""
    before = _context.set(RequestContext(request_id))
    try:
        yield
    finally:
        _context.reset(before)


def current_context() -> RequestContext | None:
    return _context.get()


def current_request_id() -> str:
    """Return the id of the request or job, or `-` if there is none."""
    context = _context.get()
    return context.request_id if context else "-"


def is_request_id_of_client() -> bool:
    """Return whether a client may have made the current request id."""
    context = _context.get()
    return context.is_request_id_of_client if context else False


def current_client_address() -> str | None:
    context = _context.get()
    return context.client_address if context else None


def note_quota(quota: Quota) -> None:
    """Tell the client where a limit stands; the latest of a policy counts."""
    context = _context.get()
    if context:
        context.quotas[quota.policy] = quota


def note_writer(id_: UUID | None) -> None:
    """Record the user or key that makes the changes of this request."""
    context = _context.get()
    if context:
        context.writer = str(id_)


def current_writer() -> str | None:
    """Return who makes the changes, a user or key; None for devices, strangers and jobs."""
    context = _context.get()
    return context.writer if context else None


async def until_hung_up() -> None:
    """Wait until the caller disconnects; the body must have been read."""
    context = _context.get()
    if context is None or context.receive is None:
        await asyncio.Event().wait()
        return
    while (await context.receive())["type"] != "http.disconnect":
        pass


def note_subject(**ids: UUID | None) -> None:
    """Add ids to the log lines of this request."""
    context = _context.get()
    if context:
        context.subjects.update(subjects(**ids))


def subjects(**ids: UUID | None) -> dict[str, str]:
    return {name: str(id_) for name, id_ in ids.items() if id_ is not None}


def client_network() -> str:
    """Return the key of limits: the IPv4 address, or the /64 network that an IPv6 caller owns."""
    address = current_client_address()
    if address is None:
        return "-"
    try:
        known = ip_address(address)
    except ValueError:
        return address
    is_v6 = isinstance(known, IPv6Address)
    return str(ip_network((known, 64), strict=False)) if is_v6 else str(known)
