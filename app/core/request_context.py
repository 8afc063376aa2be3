"""What is known of the request in hand, for logs and problem documents."""

import re
from contextvars import ContextVar
from dataclasses import dataclass

SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Who asked, as far as the transport tells."""

    request_id: str
    client_address: str | None


_context: ContextVar[RequestContext | None] = ContextVar("request_context", default=None)


def set_request_context(context: RequestContext | None) -> None:
    _context.set(context)


def current_request_id() -> str:
    """The id of the request in hand, or `-` outside one."""
    context = _context.get()
    return context.request_id if context else "-"


def current_client_address() -> str | None:
    """The network address of the caller, or None outside a request."""
    context = _context.get()
    return context.client_address if context else None
