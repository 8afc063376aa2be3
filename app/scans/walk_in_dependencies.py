from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request

from app.auth.idempotency_dependencies import REPEATED, Key, begin
from app.core.db.database import WriteSession
from app.core.errors import Conflict
from app.core.http.dependencies import IDEMPOTENCY_KEY
from app.scans.walk_in_schemas import WalkInCreate
from app.scans.walk_in_service import WalkInService
from app.services import services
from app.visitors.budget_limits import Budgeted


async def _form(body: WalkInCreate) -> WalkInCreate:
    return body


async def _unit(request: Request, form: "WalkInForm") -> AsyncIterator[WriteSession]:
    """Open a unit of work for a single statement, unless there is more to do."""
    single = form.override is None and IDEMPOTENCY_KEY not in request.headers
    async with services(request).database.write(single_statement=single) as unit:
        yield unit


async def _once(request: Request, unit: "WalkInUnit", key: Key = None) -> None:
    await begin(request, unit, key)


async def _service(request: Request, unit: "WalkInUnit", budgets: Budgeted) -> WalkInService:
    ours = services(request)
    return WalkInService(unit, ours.qr_tokens, ours.wake_outbox, ours.clock.now(), budgets)


# Read by ApiRoute.
_unit.problems = (Conflict,)  # type: ignore[attr-defined] # see ApiRoute
_once.problems = REPEATED  # type: ignore[attr-defined] # see ApiRoute

WalkInForm = Annotated[WalkInCreate, Depends(_form)]
# Commits before the response is sent.
WalkInUnit = Annotated[WriteSession, Depends(_unit, scope="function")]
WalkInServiceDep = Annotated[WalkInService, Depends(_service)]
OnceForWalkIn = Depends(_once)
