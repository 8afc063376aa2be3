"""`/health/` and `/metrics`: what operators and orchestrators ask."""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from app.auth.guards import Public
from app.core.database import Database, get_database
from app.core.dependencies import Now
from app.core.errors import NotAuthenticated, NotFound, problems
from app.core.leaving import leaving
from app.core.routing import ApiRoute
from app.health import redis
from app.health.figures import exposition
from app.health.scraper import Scraper

router = APIRouter(tags=["health"], route_class=ApiRoute)

DATABASE_SECONDS = 1.0

State = Literal["up", "down"]
DatabaseState = Literal["up", "down", "read_only"]


class Liveness(BaseModel):
    """The process answers."""

    status: Literal["up"] = "up"


class Readiness(BaseModel):
    """Each part's state. Without Redis requests are served all the same; mail is late."""

    status: State
    database: DatabaseState
    redis: State


@router.get(
    "/health/live/",
    operation_id="health_live",
    summary="Ask whether the process answers",
    dependencies=[Public],
)
async def live() -> Liveness:
    """Whether the process answers."""
    return Liveness()


@router.get(
    "/health/ready/",
    operation_id="health_ready",
    summary="Ask whether requests can be served",
    dependencies=[Public],
    responses={
        503: {"model": Readiness, "description": "The database is down, or takes no writes"}
    },
)
async def ready(
    request: Request, response: Response, database: Annotated[Database, Depends(get_database)]
) -> Readiness:
    """Whether requests can be served."""
    database_state, redis_state = await asyncio.gather(
        _database_state(database), _redis_state(request)
    )
    is_up = database_state == "up" and not leaving.is_set()
    if not is_up:
        response.status_code = 503
        response.headers["Retry-After"] = "2"
    return Readiness(status="up" if is_up else "down", database=database_state, redis=redis_state)


async def _database_state(database: Database) -> DatabaseState:
    """A server that has become a replica answers as well, but takes no writes."""
    try:
        async with asyncio.timeout(DATABASE_SECONDS), database.read() as session:
            setting = await session.scalar(select(func.current_setting("transaction_read_only")))
    except TimeoutError:
        # Every connection is in use. To take this process out would put its load on the others.
        return "down" if database.pulse.silent else "up"
    except (SQLAlchemyError, OSError):
        return "down"
    return "read_only" if setting == "on" else "up"


async def _redis_state(request: Request) -> State:
    return "up" if await redis.answers(request.app.state.redis) else "down"


class MetricsResponse(Response):
    """The Prometheus text format."""

    media_type = CONTENT_TYPE_LATEST


@router.get(
    "/metrics",
    operation_id="metrics_read",
    summary="Read the figures for Prometheus",
    dependencies=[Public, Scraper],
    response_class=MetricsResponse,
    responses=problems(NotAuthenticated, NotFound),
)
async def metrics(
    request: Request, database: Annotated[Database, Depends(get_database)], now: Now
) -> Response:
    """Figures for Prometheus, for who knows `METRICS_TOKEN`; 404 in production without one."""
    return MetricsResponse(await exposition(database, request.app.state.redis, now))
