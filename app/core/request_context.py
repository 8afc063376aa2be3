"""What is known of the request or job in hand, for logs and problem documents."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import UUID

from starlette.types import Receive

# Where a request's scope has whom the guards have recognised.
CALLER = "vms.caller"
SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Who asked, as far as the transport tells. A job of the worker has its own id as request id.

    `subjects` are the ids of what it is about (`visitor_id`, `notification_id` …); every line of
    the log bears them. Ids alone: no names, no addresses. `receive` is the connection's.
    """

    request_id: str
    client_address: str | None = None
    subjects: dict[str, str] = field(default_factory=dict)
    receive: Receive | None = field(default=None, repr=False, compare=False)


_context: ContextVar[RequestContext | None] = ContextVar("request_context", default=None)


def set_request_context(context: RequestContext | None) -> None:
    _context.set(context)


@contextmanager
def on_behalf_of(request_id: str) -> Iterator[None]:
    """Have what is written in the block bear the id of the request that has caused it."""
    before = _context.set(RequestContext(request_id))
    try:
        yield
    finally:
        _context.reset(before)


def current_context() -> RequestContext | None:
    return _context.get()


def current_request_id() -> str:
    """The id of the request or job in hand, or `-` outside one."""
    context = _context.get()
    return context.request_id if context else "-"


def current_client_address() -> str | None:
    """The network address of the caller, or None outside a request."""
    context = _context.get()
    return context.client_address if context else None


async def until_hung_up() -> None:
    """Wait until the caller of the request in hand, whose body was read, closes the connection."""
    context = _context.get()
    if context is None or context.receive is None:
        await asyncio.Event().wait()
        return
    while (await context.receive())["type"] != "http.disconnect":
        pass


def note_subject(**ids: UUID | None) -> None:
    """Have the log say what the request in hand is about."""
    context = _context.get()
    if context:
        context.subjects.update(subjects(**ids))


def subjects(**ids: UUID | None) -> dict[str, str]:
    """Ids for a log line, without those that there are not."""
    return {name: str(id_) for name, id_ in ids.items() if id_ is not None}
