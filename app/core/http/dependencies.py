"""Dependencies of routes: sessions, the current time, limits, a page.

FastAPI resolves sub-dependencies anew, so most of these take only the request.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Query, Request

from app.core.db.database import Database, ReadSession, WriteSession
from app.core.errors import Conflict, InvalidCursor
from app.core.http.limits import RateLimiter, TooManyRequests
from app.core.http.pagination import MAX_CURSOR_LENGTH, MOST_ITEMS, PageRequest
from app.core.http.services import core_services
from app.core.security.passwords import PasswordHasher

IDEMPOTENCY_KEY = "idempotency-key"


async def _now(request: Request) -> datetime:
    return core_services(request).clock.now()


async def _hasher(request: Request) -> PasswordHasher:
    return core_services(request).hasher


async def _limiter(request: Request) -> RateLimiter:
    return core_services(request).limiter


async def _database(request: Request) -> Database:
    return core_services(request).database


async def _read_session(request: Request) -> AsyncIterator[ReadSession]:
    async with core_services(request).database.read() as session:
        yield session


async def _write_session(request: Request) -> AsyncIterator[WriteSession]:
    async with core_services(request).database.write() as unit:
        yield unit


async def _single_statement(request: Request) -> AsyncIterator[WriteSession]:
    """Open a unit of work for a single statement.

    With an idempotency key the answer is written too, which needs a transaction.
    """
    single = IDEMPOTENCY_KEY not in request.headers
    async with core_services(request).database.write(single_statement=single) as unit:
        yield unit


async def _page_request(
    request: Request,
    limit: Annotated[
        int, Query(ge=1, le=MOST_ITEMS, description="The number of items on a page")
    ] = 50,
    cursor: Annotated[
        str | None,
        Query(max_length=MAX_CURSOR_LENGTH, description="`next_cursor` of the previous page"),
    ] = None,
    include_total: Annotated[bool, Query(description="Also count all matching items")] = False,
) -> PageRequest:
    return PageRequest(limit, cursor, include_total, core_services(request).cursor_codec)


# Read by ApiRoute.
_limiter.problems = (TooManyRequests,)  # type: ignore[attr-defined] # see ApiRoute
_write_session.problems = (Conflict,)  # type: ignore[attr-defined] # see ApiRoute
_single_statement.problems = (Conflict,)  # type: ignore[attr-defined] # see ApiRoute
_page_request.problems = (InvalidCursor,)  # type: ignore[attr-defined] # see ApiRoute

# Commits before the response is sent; the default scope would commit after the client has its 201.
Reading = Annotated[ReadSession, Depends(_read_session, scope="function")]
Writing = Annotated[WriteSession, Depends(_write_session, scope="function")]
SingleStatement = Annotated[WriteSession, Depends(_single_statement, scope="function")]
Db = Annotated[Database, Depends(_database)]
Now = Annotated[datetime, Depends(_now)]
Hasher = Annotated[PasswordHasher, Depends(_hasher)]
Limiter = Annotated[RateLimiter, Depends(_limiter)]
Paging = Annotated[PageRequest, Depends(_page_request)]
