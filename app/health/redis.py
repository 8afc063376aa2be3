"""Whether Redis answers."""

import asyncio

from redis.asyncio import Redis
from redis.exceptions import RedisError

# The question must be answered while Redis is frozen, too.
REDIS_SECONDS = 1.0


async def answers(redis: Redis) -> bool:
    """Ask it, for a second at most."""
    try:
        async with asyncio.timeout(REDIS_SECONDS):
            await redis.ping()
    except (RedisError, OSError):  # an OSError is also what a time-out raises
        return False
    return True
