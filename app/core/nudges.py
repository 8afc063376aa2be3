"""Nudges through Redis: they only save waiting, so a lost one delays what it announces."""

import asyncio

from arq.connections import ArqRedis
from redis.exceptions import RedisError

from app.core.jobs import REDIS_SECONDS, Gathered
from app.core.observability.outages import Outage

RETRY_SECONDS = 2.0
NEW_EVENTS = "vms:events"


class Nudger(Gathered):
    """Announces on a channel that there is something new, without delaying its caller."""

    # Each reader asks the database once for all that is new, so this is its most frequent question.
    gather_seconds = 0.02

    def __init__(self, redis: ArqRedis, channel: str) -> None:
        super().__init__("nudge lost", "nudges arrive again")
        self._redis, self._channel = redis, channel

    async def _send(self) -> None:
        await self._redis.publish(self._channel, "")


async def hear(redis: ArqRedis, channel: str, nudged: asyncio.Event) -> None:
    """Set `nudged` at each nudge, and once more after an outage, until cancelled."""
    outage = Outage("no nudges arrive", "nudges arrive again")
    while True:
        try:
            async with redis.pubsub(ignore_subscribe_messages=True) as heard:
                await heard.subscribe(channel)
                nudged.set()
                outage.over()
                while True:
                    if await heard.get_message(timeout=REDIS_SECONDS) is not None:
                        nudged.set()
        except (RedisError, OSError) as error:
            outage.report(error)
            await asyncio.sleep(RETRY_SECONDS)
