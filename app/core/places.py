"""Limit how much work of one kind a process does at once."""

from asyncio import Lock
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from uuid import UUID

from app.core.errors import Problem, Unavailable


class Places:
    def __init__(self, number: int) -> None:
        self.free = number

    @contextmanager
    def taken(self, *, refusal: type[Problem]) -> Iterator[None]:
        """Hold a place during the block; raise `refusal` if none is free."""
        if not self.free:
            raise refusal()
        self.free -= 1
        try:
            yield
        finally:
            self.free += 1


# More at once than a device that retries ever sends.
MOST_BATCHES = 5


class BatchTurns:
    """Runs the batches of a caller one after the other; those that wait hold no connection."""

    def __init__(self) -> None:
        self.under_way: Counter[UUID] = Counter()
        self._locks: dict[UUID, Lock] = {}

    @asynccontextmanager
    async def turn(self, caller: UUID) -> AsyncIterator[None]:
        """Hold a turn during the block; raise `Unavailable` if too many wait."""
        if self.under_way[caller] >= MOST_BATCHES:
            raise Unavailable("Too many batches of this device at once: try again")
        self.under_way[caller] += 1
        try:
            async with self._locks.setdefault(caller, Lock()):
                yield
        finally:
            self.under_way[caller] -= 1
            if not self.under_way[caller]:
                del self.under_way[caller], self._locks[caller]
