"""`If-Match` for requests that change one record."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from fastapi.params import Depends as Dependency
from pydantic import BaseModel

from app.auth.caller import Caller
from app.auth.guards import resolve_caller
from app.core.db.database import ReadSession
from app.core.db.models import Entity
from app.core.http.dependencies import Writing
from app.core.http.etags import ChangedMeanwhile, Condition, IfMatch
from app.services import Services, services

Shown = Callable[[ReadSession, UUID, Caller, Services], Awaitable[BaseModel]]
"""Returns a record as the caller sees it."""
Given = Callable[..., Awaitable[Condition | None]]


def given_condition(model: type[Entity], name: str | None, shown: Shown) -> Given:
    """Return a dependency that reads `If-Match`.

    `name` is the path parameter with the id of the record, None for the caller's own.
    """

    async def condition(request: Request, _: IfMatch = None) -> Condition | None:
        given = request.headers.getlist("if-match")
        if not given:
            return None
        caller = await resolve_caller(request)
        id_: UUID | None = request.path_params[name] if name else caller.id
        if id_ is None:
            return None
        read = partial(_read, shown, id_, caller, services(request))
        return Condition(model, id_, given, read)

    condition.problems = (ChangedMeanwhile,)  # type: ignore[attr-defined] # see ApiRoute
    return condition


async def _read(
    shown: Shown, id_: UUID, caller: Caller, ours: Services, session: ReadSession
) -> BaseModel:
    return await shown(session, id_, caller, ours)


def if_match(model: type[Entity], name: str | None, shown: Shown) -> Dependency:
    """Return the dependency of a route that locks the record in its unit of work."""
    given = given_condition(model, name, shown)

    async def only_if(
        unit: Writing, condition: Annotated[Condition | None, Depends(given)]
    ) -> None:
        if condition is not None:
            unit.only_if(condition)

    dependency: Dependency = Depends(only_if)
    return dependency
