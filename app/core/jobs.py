"""Wake the worker through ARQ; work is in tables, so a lost wake-up only delays it."""

import asyncio
import json
from typing import Any

from arq.connections import ArqRedis
from arq.constants import default_queue_name
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from app.core.observability.metrics import LOST_WAKE_UPS
from app.core.observability.outages import Outage

REDIS_SECONDS = 2.0
DRAIN_OUTBOX = "drain_outbox"
TELL_OF_SITE_CHANGES = "tell_of_site_changes"
# A worker that is awake continues as long as there is mail, so ten wake-ups a second are enough.
GATHER_SECONDS = 0.1


def serialize(job: dict[str, Any]) -> bytes:
    """Encode a job as JSON.

    ARQ's default, pickle, would run code from anyone who can write to Redis.
    """
    return json.dumps(job).encode()


def deserialize(data: bytes) -> dict[str, Any]:
    job: dict[str, Any] = json.loads(data)
    return job


def connect(redis_url: str) -> ArqRedis:
    """Return a client whose calls time out even when Redis hangs."""
    pool: ConnectionPool = ConnectionPool.from_url(
        redis_url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS
    )
    return ArqRedis(
        pool,
        job_serializer=serialize,
        job_deserializer=deserialize,
        default_queue_name=default_queue_name,
    )


class Gathered:
    """Sends something to Redis after commits without delaying the requests.

    Calls within `gather_seconds` are combined into one, so a frozen Redis holds one task at most.
    """

    gather_seconds = GATHER_SECONDS

    def __init__(self, lost: str, over: str) -> None:
        self._task: asyncio.Task[None] | None = None
        self._again = False
        self._outage = Outage(lost, over)

    async def __call__(self) -> None:
        self._again = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while self._again:
            self._again = False
            try:
                await self._send()
            except (RedisError, OSError) as error:
                LOST_WAKE_UPS.inc()
                self._outage.report(error)
            else:
                self._outage.over()
            await asyncio.sleep(self.gather_seconds)

    async def _send(self) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        if self._task is not None:
            await asyncio.wait([self._task], timeout=2 * REDIS_SECONDS)


class Waker(Gathered):
    """Enqueues a job for the worker."""

    def __init__(self, redis: ArqRedis, function: str) -> None:
        super().__init__("wake-up lost", "wake-ups arrive again")
        self._redis = redis
        self._function = function

    async def _send(self) -> None:
        await self._redis.enqueue_job(self._function)
