"""`/health/` and `/metrics`: what operators and orchestrators ask."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from redis.exceptions import RedisError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.auth.guards import Public
from app.core.database import Database, get_database
from app.core.routing import ApiRoute

router = APIRouter(tags=["health"], route_class=ApiRoute)

State = Literal["up", "down"]


class LiveOut(BaseModel):
    """The process answers."""

    status: Literal["up"] = "up"


class ReadyOut(BaseModel):
    """Each part's state. Without Redis requests are served all the same; mail is late."""

    status: State
    database: State
    redis: State


@router.get("/health/live/", dependencies=[Public])
async def live() -> LiveOut:
    """Whether the process answers."""
    return LiveOut()


@router.get(
    "/health/ready/",
    dependencies=[Public],
    responses={503: {"model": ReadyOut, "description": "The database is down"}},
)
async def ready(
    request: Request, response: Response, database: Annotated[Database, Depends(get_database)]
) -> ReadyOut:
    """Whether requests can be served."""
    database_state = await _database_state(database)
    if database_state == "down":
        response.status_code = 503
        response.headers["Retry-After"] = "2"
    return ReadyOut(
        status=database_state, database=database_state, redis=await _redis_state(request)
    )


async def _database_state(database: Database) -> State:
    try:
        async with database.read() as session:
            await session.scalar(select(1))
    except (SQLAlchemyError, OSError):
        return "down"
    return "up"


async def _redis_state(request: Request) -> State:
    try:
        await request.app.state.redis.ping()
    except (RedisError, OSError):
        return "down"
    return "up"


class MetricsResponse(Response):
    """The Prometheus text format."""

    media_type = CONTENT_TYPE_LATEST


@router.get("/metrics", dependencies=[Public], response_class=MetricsResponse)
async def metrics() -> Response:
    """Figures for Prometheus."""
    return MetricsResponse(generate_latest())
