import asyncio

from redis.asyncio import Redis
from redis.exceptions import RedisError

# Health checks must be answered even while Redis is frozen.
REDIS_SECONDS = 1.0


async def answers(redis: Redis) -> bool:
    try:
        async with asyncio.timeout(REDIS_SECONDS):
            await redis.ping()
    except (RedisError, OSError):  # includes time-outs
        return False
    return True
