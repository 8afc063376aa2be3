"""The hub: it reads new events once for all clients of the stream in this process.

A client that begins, or is slow, reads the database on its own until it has caught up. So nothing
is lost whatever a client or the hub has missed.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from math import ceil
from time import monotonic

from arq.connections import ArqRedis

from app.auth.caller import Caller
from app.core.clock import Clock
from app.core.db.database import Database
from app.core.db.errors import OUTAGES
from app.core.errors import NotAuthenticated
from app.core.http.event_stream import COMMENT, frame
from app.core.http.limits import TooManyRequests
from app.core.leaving import closing
from app.core.nudges import NEW_EVENTS, hear
from app.core.observability.logging import logger
from app.core.observability.outages import Outage
from app.events.filters import EventFilter
from app.events.repository import EventReader, Found, ReadEvent
from app.events.schemas import Event
from app.streams.listener import Listener
from app.streams.metrics import STREAMS
from app.streams.standing_repository import sign_in_of, standings

# Without a nudge the database is asked this often, and with one no more often than this.
POLL_SECONDS = 0.25
NUDGED_SECONDS = 0.02
PULSE_SECONDS = 0.25
COMMENT_SECONDS = 15.0
STANDING_SECONDS = 1.0
RETRY_SECONDS = 1.0
PART = 200
EVERYTHING = EventFilter()
END, RESET = frame("end", "{}"), frame("reset", "{}")


class Hub:
    """The clients of the stream in this process, of each caller up to `most_of_caller`."""

    def __init__(
        self, database: Database, clock: Clock, redis: ArqRedis, most_of_caller: int
    ) -> None:
        self._database, self._clock, self._redis = database, clock, redis
        self._most_of_caller = most_of_caller
        self._listeners: set[Listener] = set()
        self._number_of: Counter[object] = Counter()
        # Those that have been offered everything up to `_position`.
        self._following: set[Listener] = set()
        self._position = 0
        self._comments: deque[tuple[float, Listener]] = deque()
        self._nudged = asyncio.Event()
        self._wanted = asyncio.Event()
        self._outage = Outage("streams wait for the database", "streams go on")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        works = (self._follow, self._watch, self._pulse, self._hear)
        tasks = [asyncio.create_task(self._repeat(work)) for work in works]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    # -- clients ------------------------------------------------------------------------------

    async def admit(self, caller: Caller, chosen: EventFilter, after: int | None) -> Listener:
        """Return a client that continues after an event, or begins with the next one.

        Raise `NotAuthenticated` if its sign-in has ended meanwhile, `TooManyRequests` if the caller
        has too many streams open.
        """
        async with self._database.read() as session:
            found = await standings(session, [caller], self._clock.now())
            head = await EventReader(session).head()
        standing = found.get(sign_in_of(caller))
        if standing is None:
            raise NotAuthenticated("The session has ended: sign in again")
        if self._is_full(caller):
            raise TooManyRequests(ceil(COMMENT_SECONDS))
        return Listener(caller, chosen, standing, head if after is None else after)

    async def parts(self, listener: Listener) -> AsyncGenerator[bytes, None]:
        """Yield what a client is sent, whole events at a time, until its stream ends."""
        if self._is_full(listener.caller):  # others began since it was admitted
            return
        with self._joined(listener):
            yield COMMENT
            while True:
                if part := listener.take():
                    yield part
                elif listener.is_over:
                    return
                elif listener in self._following:
                    await listener.wanted()
                elif part := await self._catch_up(listener):
                    yield part

    def _is_full(self, caller: Caller) -> bool:
        return self._number_of[caller.id] >= self._most_of_caller

    @contextmanager
    def _joined(self, listener: Listener) -> Iterator[None]:
        self._listeners.add(listener)
        self._number_of[listener.caller.id] += 1
        self._comments.append((monotonic() + COMMENT_SECONDS, listener))
        self._wanted.set()
        STREAMS.inc()
        try:
            yield
        finally:
            STREAMS.dec()
            self._listeners.discard(listener)
            self._following.discard(listener)
            self._number_of[listener.caller.id] -= 1
            if not self._number_of[listener.caller.id]:
                del self._number_of[listener.caller.id]
            if not self._listeners:
                self._wanted.clear()

    async def _catch_up(self, listener: Listener) -> bytes:
        """Return the next events from the database; after the last one the client follows."""
        try:
            async with self._database.read() as session:
                found = await EventReader(session).after(listener.cursor, listener.chosen, PART)
        except OUTAGES as error:
            self._outage.report(error)
            await asyncio.sleep(RETRY_SECONDS)
            return b""
        if _is_lost(listener.cursor, found):
            listener.cursor = 0
            return RESET
        listener.cursor = found.next_after
        if found.next_after == found.head:
            self._let_follow(listener)
        return b"".join(encoded(event) for event in found.events)

    def _let_follow(self, listener: Listener) -> None:
        if not self._following:
            self._position = listener.cursor
        if listener.cursor >= self._position:  # else it reads on
            self._following.add(listener)

    # -- what the hub does for all of them ----------------------------------------------------

    async def _repeat(self, work: Callable[[], Awaitable[None]]) -> None:
        """Work for as long as there are clients; nothing that fails ends it."""
        while True:
            await self._wanted.wait()
            try:
                await work()
            except OUTAGES as error:
                self._outage.report(error)
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:
                logger.exception("streams cannot go on")
                await asyncio.sleep(RETRY_SECONDS)

    async def _follow(self) -> None:
        """Offer new events to everybody who follows, and wait for the next."""
        self._nudged.clear()
        while await self._offer_next():
            pass
        self._outage.over()
        await asyncio.sleep(NUDGED_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._nudged.wait()

    async def _offer_next(self) -> bool:
        """Offer the next events; return whether there may be more."""
        position = self._position
        if not self._following:
            return False
        async with self._database.read() as session:
            found = await EventReader(session).after(position, EVERYTHING, PART)
        if self._position != position:  # everybody left, and somebody else came
            return True
        for event in found.events:
            self._offer(event)
        self._position = found.next_after
        return found.next_after < found.head

    def _offer(self, event: ReadEvent) -> None:
        part = encoded(event)
        for listener in [*self._following]:
            if listener.cursor >= event.seq:
                continue
            if listener.chosen.allows(event):
                if not listener.has_room(part):
                    self._following.discard(listener)  # it reads from its cursor on
                    continue
                listener.put(part)
            listener.cursor = event.seq

    async def _watch(self) -> None:
        """End the streams of callers who are no longer signed in, or may something else."""
        await self._end_the_dismissed()
        await asyncio.sleep(STANDING_SECONDS)

    async def _end_the_dismissed(self) -> None:
        present = [*self._listeners]
        async with self._database.read() as session:
            callers = [listener.caller for listener in present]
            found = await standings(session, callers, self._clock.now())
        for listener in present:
            if found.get(sign_in_of(listener.caller)) != listener.standing:
                listener.end(END)

    async def _pulse(self) -> None:
        """Send comments, and end everything when the process ends; asks nobody."""
        if closing.is_set():
            for listener in self._listeners:
                listener.end()
        self._send_comments(monotonic())
        await asyncio.sleep(PULSE_SECONDS)

    def _send_comments(self, now: float) -> None:
        while self._comments and self._comments[0][0] <= now:
            due, listener = self._comments.popleft()
            if listener in self._listeners:
                listener.comment(COMMENT)
                self._comments.append((due + COMMENT_SECONDS, listener))

    async def _hear(self) -> None:
        await hear(self._redis, NEW_EVENTS, self._nudged)


def _is_lost(position: int, found: Found) -> bool:
    """Return whether events after a position were deleted, or it is of another log: a restored one.

    0 is the oldest event, whichever that is.
    """
    return position > found.head or 0 < position < found.cut_through


def encoded(event: ReadEvent) -> bytes:
    """Return an event as it is sent, which is the same for everybody."""
    return frame(event.type, Event.of(event).model_dump_json(), number=event.seq)
