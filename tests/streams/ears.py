"""Clients of the stream over real connections, and events for them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
from sqlalchemy import func, select

from app.audit.chain import Signer
from app.core.clock import SystemClock
from app.core.db.database import Database
from app.core.keys import KeyRing
from app.events.kinds import EventType
from app.events.models import Event
from app.events.outbox import emit
from app.events.sequencer_service import Sequencer

T = TypeVar("T")

PATIENCE_SECONDS = 30
HOLDER = uuid4()
SIGNER = Signer(KeyRing(["a secret of the tests, long enough to be one"]))


@dataclass(frozen=True)
class Heard:
    """One event of a stream; `data` is decoded."""

    event: str
    id: int | None
    data: Any


class Ear:
    """An open stream."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.comments = 0
        self._lines = response.aiter_lines()

    async def next(self) -> Heard | None:
        """Return the next event, None at the end of the stream."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._next()

    async def _next(self) -> Heard | None:
        fields: dict[str, str] = {}
        async for line in self._lines:
            if line.startswith(":"):
                self.comments += 1
            elif line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif fields:
                number = int(fields["id"]) if "id" in fields else None
                return Heard(fields["event"], number, json.loads(fields["data"]))
        return None

    async def some(self, number: int) -> list[Heard]:
        found = [await self.next() for _ in range(number)]
        return [heard for heard in found if heard is not None]

    async def comment(self) -> None:
        """Wait for the next comment."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for line in self._lines:
                if line.startswith(":"):
                    return


@asynccontextmanager
async def listening(
    url: str, headers: dict[str, str] | None = None, **params: Any
) -> AsyncIterator[Ear]:
    """Open a stream; it is open when the block begins."""
    async with (
        httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS) as client,
        client.stream("GET", "/api/events/stream/", headers=headers, params=params) as response,
    ):
        assert response.status_code == 200, await response.aread()
        ear = Ear(response)
        await ear.comment()
        yield ear


async def happen(
    database: Database,
    number: int = 1,
    *,
    type_: EventType = EventType.SCAN_REFUSED,
    site: UUID | None = None,
    host: UUID | None = None,
) -> list[int]:
    """Let something happen so many times; return the numbers of these events."""
    before = await newest(database)
    await pend(database, number, type_=type_, site=site, host=host)
    await give_numbers(database)
    return [*range(before + 1, await newest(database) + 1)]


async def pend(
    database: Database,
    number: int = 1,
    *,
    type_: EventType = EventType.SCAN_REFUSED,
    site: UUID | None = None,
    host: UUID | None = None,
) -> Sequence[UUID]:
    """Commit events that have no number yet; return their subjects."""
    subjects = [uuid4() for _ in range(number)]
    async with database.write() as unit:
        for subject in subjects:
            now = SystemClock().now()
            emit(unit, type_, "scan", subject, now, site=site, host=host)
    return subjects


async def until(look: Callable[[], T]) -> T:
    """Wait until a look finds something, and return it."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (found := look()):  # noqa: ASYNC110 - it has no event to wait for
            await asyncio.sleep(0.01)
    return found


async def give_numbers(database: Database) -> None:
    """Do what the sequencer does, by one holder of its lease, so that none waits for another."""
    sequencer = Sequencer(database, SystemClock(), SIGNER)
    sequencer.holder = HOLDER
    while await sequencer.chain_next():
        pass


async def newest(database: Database) -> int:
    async with database.read() as session:
        return await session.scalar(select(func.coalesce(func.max(Event.seq), 0))) or 0
