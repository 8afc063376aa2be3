"""`Idempotency-Key` for POST requests that create something."""

from typing import Annotated

from fastapi import Depends, Header, Request
from python_multipart.multipart import parse_options_header

from app.auth.guards import resolve_caller
from app.core.db.database import WriteSession
from app.core.http.dependencies import SingleStatement, Writing
from app.core.http.idempotency import (
    IdempotencyKeyReused,
    Repeatable,
    RequestInProgress,
    Sent,
    scope_of,
)
from app.core.http.routing import REPEATABLE
from app.core.http.services import core_services
from app.core.keys import mac
from app.core.request_context import current_client_address

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Makes repeats safe: the same key and body return the first response for 24 "
        "hours",
    ),
]


async def _once(request: Request, unit: Writing, key: Key = None) -> None:
    """Replay the stored response, or store that of a first request."""
    await begin(request, unit, key)


async def _once_single(request: Request, unit: SingleStatement, key: Key = None) -> None:
    """Do the same where a request without a key needs a single statement."""
    await begin(request, unit, key)


async def begin(request: Request, unit: WriteSession, key: str | None) -> None:
    """Replay the stored response to a key, or store that of this request in its unit of work."""
    sent = await _sent(request, key)
    if sent is None:
        return
    repeatable = Repeatable(unit, sent)
    await repeatable.require_first()
    request.scope[REPEATABLE] = repeatable


async def _replay_known(request: Request, key: Key = None) -> None:
    """Replay the stored response before costly work, without keeping a connection."""
    sent = await _sent(request, key)
    if sent is None:
        return
    async with core_services(request).database.read() as session:
        await sent.refuse_known(session)


async def _sent(request: Request, key: str | None) -> Sent | None:
    caller = await resolve_caller(request)
    if key is None:
        return None
    # Anonymous callers differ by address.
    owner = str(caller.id or current_client_address())
    # An answer about a site or host is not for whoever has lost the site or host since.
    reach = "" if caller.scope.sites is None else f" {sorted(caller.scope.sites)}"
    reach += f" for {sorted(caller.acts_for)}" if caller.acts_for else ""
    return Sent(
        scope=scope_of(f"{caller.role.value} {owner}{reach}", request.url.path, key),
        # A plain hash could reveal a password in the body.
        body_hash=mac(core_services(request).repeat_key, await _said(request), 32),
        now=core_services(request).clock.now(),
    )


async def _said(request: Request) -> bytes:
    """Return the query and the body, without a form's random boundary."""
    body = await request.body()
    kind, options = parse_options_header(request.headers.get("Content-Type"))
    if kind == b"multipart/form-data":
        body = body.replace(b"--" + options.get(b"boundary", b""), b"--")
    return b"\0".join((request.scope["query_string"], body))


REPEATED = (IdempotencyKeyReused, RequestInProgress)
# Read by ApiRoute.
_once.problems = REPEATED  # type: ignore[attr-defined] # see ApiRoute
_once_single.problems = REPEATED  # type: ignore[attr-defined] # see ApiRoute

Once = Depends(_once)
OnceForSingleStatement = Depends(_once_single)
# Slow work belongs between this and `Once`, which holds a connection.
ReplayKnown = Depends(_replay_known)
