import asyncio
from typing import Literal

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from sqlalchemy import func, select

from app.auth.guards import Public
from app.core.db.database import Database
from app.core.db.errors import OUTAGES
from app.core.errors import NotAuthenticated, NotFound, problems
from app.core.http.dependencies import Db, Now
from app.core.http.routing import ApiRoute
from app.core.http.services import core_services
from app.core.leaving import leaving
from app.health import redis
from app.health.figures import exposition
from app.health.scraper import Scraper

router = APIRouter(tags=["health"], route_class=ApiRoute)

DATABASE_SECONDS = 1.0

State = Literal["up", "down"]
DatabaseState = Literal["up", "down", "read_only"]


class Liveness(BaseModel):
    """The process is running."""

    status: Literal["up"] = "up"


class Readiness(BaseModel):
    """The state of each dependency. Without Redis, mail is delayed."""

    status: State
    database: DatabaseState
    redis: State


@router.get(
    "/health/live/",
    operation_id="health_live",
    summary="Check liveness",
    dependencies=[Public],
)
async def live() -> Liveness:
    """Return 200 while the process is running."""
    return Liveness()


@router.get(
    "/health/ready/",
    operation_id="health_ready",
    summary="Check readiness",
    dependencies=[Public],
    responses={
        503: {
            "model": Readiness,
            "description": "The database is down or read-only, or the process is shutting down",
        }
    },
)
async def ready(request: Request, response: Response, database: Db) -> Readiness:
    """Return 200 while requests can be served.

    Load balancers should only use ready processes.
    """
    database_state, redis_state = await asyncio.gather(
        _database_state(database), _redis_state(request)
    )
    is_up = database_state == "up" and not leaving.is_set()
    if not is_up:
        response.status_code = 503
        response.headers["Retry-After"] = "2"
    return Readiness(status="up" if is_up else "down", database=database_state, redis=redis_state)


async def _database_state(database: Database) -> DatabaseState:
    """Return the state of the database; a replica is `read_only`."""
    try:
        async with asyncio.timeout(DATABASE_SECONDS), database.read() as session:
            setting = await session.scalar(select(func.current_setting("transaction_read_only")))
    except TimeoutError:
        # All connections are in use. Removing this process would shift its load to the others.
        return "down" if database.monitor.silent else "up"
    except OUTAGES:
        return "down"
    return "read_only" if setting == "on" else "up"


async def _redis_state(request: Request) -> State:
    return "up" if await redis.answers(core_services(request).redis) else "down"


class MetricsResponse(Response):
    media_type = CONTENT_TYPE_LATEST


@router.get(
    "/metrics",
    operation_id="metrics_read",
    summary="Read the Prometheus metrics",
    dependencies=[Public, Scraper],
    response_class=MetricsResponse,
    responses=problems(NotAuthenticated, NotFound),
)
async def metrics(request: Request, database: Db, now: Now) -> Response:
    """Return the metrics in Prometheus's text format.

    Requires `METRICS_TOKEN` as a bearer token. Without that setting, production answers 404.
    """
    return MetricsResponse(await exposition(database, core_services(request).redis, now))
