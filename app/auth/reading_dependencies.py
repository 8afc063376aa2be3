"""Reads for people who look around: they may be answered by a replica.

What is looked at and not decided on belongs here: lists, figures, exports. Whoever has just changed
something is answered by the primary, so that nobody misses what they did themselves.
"""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request

from app.auth.caller import Caller
from app.auth.guards import resolve_caller
from app.core.db.database import ReadSession
from app.core.http.dependencies import Db
from app.core.http.services import core_services


async def _may_lag(request: Request, caller: Annotated[Caller, Depends(resolve_caller)]) -> bool:
    writers = core_services(request).database.recent_writers
    return writers is not None and not await writers.include(str(caller.id))


MayLag = Annotated[bool, Depends(_may_lag)]


async def _browse(database: Db, may_lag: MayLag) -> AsyncIterator[ReadSession]:
    async with database.browse(may_lag=may_lag) as session:
        yield session


Browsing = Annotated[ReadSession, Depends(_browse, scope="function")]
