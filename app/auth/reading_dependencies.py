"""Read sessions that may use a replica, unless the caller has just written."""

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
