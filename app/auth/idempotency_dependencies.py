"""`Idempotency-Key`: for the POSTs that create something, whoever sends them."""

from typing import Annotated

from fastapi import Depends, Header, Request
from python_multipart.multipart import parse_options_header

from app.auth.guards import resolve_caller
from app.core.db.database import Writing, get_database
from app.core.http.idempotency import (
    IdempotencyKeyReused,
    Repeatable,
    RequestInProgress,
    Sent,
    scope_of,
)
from app.core.http.routing import REPEATABLE
from app.core.keys import mac
from app.core.request_context import current_client_address

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Makes a repeat safe: the same key and body get the first answer for 24 hours",
    ),
]


async def _once(request: Request, unit: Writing, key: Key = None) -> None:
    """Answers a repeat, and has the route keep the answer of a first request."""
    sent = await _sent(request, key)
    if sent is None:
        return
    repeatable = Repeatable(unit, sent)
    await repeatable.begin()
    request.scope[REPEATABLE] = repeatable


async def _look(request: Request, key: Key = None) -> None:
    """Answer a repeat before costly work; no connection is held afterwards."""
    sent = await _sent(request, key)
    if sent is None:
        return
    database = await get_database(request)
    async with database.read() as session:
        await sent.refuse_known(session)


async def _sent(request: Request, key: str | None) -> Sent | None:
    caller = await resolve_caller(request)
    if key is None:
        return None
    # Strangers share nothing but their address; people and devices are told apart by id.
    owner = str(caller.id or current_client_address())
    return Sent(
        scope=scope_of(f"{caller.role.value} {owner}", request.url.path, key),
        # Keyed, since a body may hold a password that could be guessed from a plain hash.
        body_hash=mac(request.app.state.repeat_key, await _said(request), 32),
        now=request.app.state.clock.now(),
    )


async def _said(request: Request) -> bytes:
    """The query and the body: a dry run is not what it tries.

    Without the boundary that a form gets anew each time it is sent (RFC 7578, section 4.1).
    """
    body = await request.body()
    kind, options = parse_options_header(request.headers.get("Content-Type"))
    if kind == b"multipart/form-data":
        body = body.replace(b"--" + options.get(b"boundary", b""), b"--")
    return b"\0".join((request.scope["query_string"], body))


_once.problems = (IdempotencyKeyReused, RequestInProgress)  # type: ignore[attr-defined] # for ApiRoute

Once = Depends(_once)
# What waits for a place to compute comes between these two: `Once` holds a connection.
Looked = Depends(_look)
