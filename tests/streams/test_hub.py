"""The hub: one reader for all, slow clients, other processes, and what it costs."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from uuid import UUID

import pytest
from arq.connections import ArqRedis

from app.auth.caller import Caller, CallerRole
from app.core.clock import Clock, SettableClock
from app.core.db.database import Database
from app.core.jobs import connect
from app.core.nudges import NEW_EVENTS, Nudger
from app.events.filters import EventFilter
from app.settings import Settings
from app.streams import hub_service, listener
from app.streams.hub_service import Hub
from app.streams.listener import Listener
from tests.e2e.installation import eventually, free_port
from tests.streams.ears import PATIENCE_SECONDS, give_numbers, happen, pend, until
from tests.support.api import Api
from tests.support.counting import sent_to

ALL = EventFilter()
EVERYONE = 1_000


@asynccontextmanager
async def hub_of(database: Database, clock: Clock, redis_url: str) -> AsyncIterator[Hub]:
    """Run the hub of another process."""
    redis = connect(redis_url)
    hub = Hub(database, clock, redis, most_of_caller=EVERYONE)
    async with hub.running():
        yield hub
    await redis.aclose(close_connection_pool=True)


@pytest.fixture
async def hub(database: Database, clock: SettableClock, settings: Settings) -> AsyncIterator[Hub]:
    async with hub_of(database, clock, settings.redis_url) as hub:
        yield hub


@pytest.fixture
async def caller(api: Api) -> Caller:
    """Return a user who is signed in."""
    root = await api.superadmin()
    session = (await root.get("auth/sessions/")).json()["items"][0]["id"]
    return Caller(CallerRole.SUPERADMIN, UUID(root.user_id), "Super", session_id=UUID(session))


class Reader:
    """A client of the hub in this process; it reads when it is asked to."""

    def __init__(self, parts: AsyncGenerator[bytes, None]) -> None:
        self._parts = parts
        self._frames: deque[bytes] = deque()

    async def next(self) -> bytes:
        """Return the next event."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self._frames:
                part = await anext(self._parts)
                self._frames += [each for each in part.split(b"\n\n") if each[:1] not in b":"]
        return self._frames.popleft()

    async def numbers(self, number: int) -> list[int]:
        return [number_of(await self.next()) for _ in range(number)]


def number_of(event: bytes) -> int:
    return int(event.split(b"\n")[0].removeprefix(b"id: "))


@asynccontextmanager
async def reading(hub: Hub, caller: Caller, after: int | None = None) -> AsyncIterator[Reader]:
    client = await hub.admit(caller, ALL, after)
    async with aclosing(hub.parts(client)) as parts:
        await anext(parts)  # opened
        yield Reader(parts)


async def test_a_slow_client_is_bounded_and_loses_nothing(
    hub: Hub, caller: Caller, database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(listener, "MOST_WAITING_BYTES", 5_000)
    async with reading(hub, caller) as slow, reading(hub, caller) as quick:
        numbers = await happen(database, 2)
        assert await slow.numbers(1) == numbers[:1]  # it follows
        await quick.numbers(2)
        for _ in range(5):
            numbers += await happen(database, 30)
            await quick.numbers(30)
        sizes = [each._size for each in hub._listeners]
        assert max(sizes) <= 5_000
        assert len(hub._following) == 1
        numbers += await happen(database, 250)  # more than one part
        assert await slow.numbers(len(numbers) - 1) == numbers[1:]
        numbers = await happen(database)
        assert await slow.numbers(1) == numbers  # it follows again


async def test_every_client_hears_each_event_once_in_order(
    hub: Hub, caller: Caller, database: Database
):
    """Whenever it begins, while events are written and numbered."""
    began = (await happen(database, 5))[-1]
    waves, at_once, of_each = 20, 3, 5
    last = began + waves * at_once * of_each + 1

    async def listen(number: int) -> list[int]:
        await asyncio.sleep(number * 0.05)
        async with reading(hub, caller, None if number % 2 else began) as reader:
            heard = await reader.numbers(1)
            return heard + await reader.numbers(last - heard[0])

    listening = asyncio.gather(*(listen(number) for number in range(12)))
    for _ in range(waves):
        await asyncio.gather(*(pend(database, of_each) for _ in range(at_once)))
        await give_numbers(database)
    await until(lambda: len(hub._listeners) == 12)
    assert await happen(database) == [last]  # for those who began late
    everything = [*range(began + 1, last + 1)]
    for number, heard in enumerate(await listening):
        assert heard == everything[-len(heard) :]
        assert number % 2 or heard == everything


async def test_idle_clients_cost_no_task_and_no_statement(
    hub: Hub, caller: Caller, database: Database
):
    async with AsyncExitStack() as stack:
        first = await hub.admit(caller, ALL, None)
        for _ in range(EVERYONE):
            client = Listener(caller, ALL, first.standing, first.cursor)
            await anext(await stack.enter_async_context(aclosing(hub.parts(client))))
            hub._let_follow(client)
        assert len(hub._following) == EVERYONE
        tasks = len(asyncio.all_tasks())
        with sent_to(database) as sent:
            await asyncio.sleep(1)
        assert 0 < len(sent) < 10  # the hub's, whoever listens
        assert len(asyncio.all_tasks()) < tasks + 10


async def test_a_nudge_saves_the_wait(
    caller: Caller,
    database: Database,
    clock: SettableClock,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
):
    """As the sequencer sends it, in whichever process."""
    monkeypatch.setattr(hub_service, "POLL_SECONDS", 10 * PATIENCE_SECONDS)
    channel = f"{NEW_EVENTS} of {database.engine.url.database}"  # tests share the server
    monkeypatch.setattr(hub_service, "NEW_EVENTS", channel)
    redis = connect(settings.redis_url)
    nudge = Nudger(redis, channel)
    async with hub_of(database, clock, settings.redis_url) as hub, reading(hub, caller) as reader:
        await eventually(lambda: subscribed(redis, channel))
        for _ in range(3):  # the first may come with what the reader missed
            [number] = await happen(database)
            await nudge()
            assert number_of(await reader.next()) == number
    await nudge.close()
    await redis.aclose(close_connection_pool=True)


async def subscribed(redis: ArqRedis, channel: str) -> bool:
    return bool(dict(await redis.pubsub_numsub(channel))[channel.encode()])


async def test_streams_need_no_redis_and_outlast_the_database(
    caller: Caller, database: Database, clock: SettableClock, settings: Settings
):
    redis_url = f"redis://127.0.0.1:{free_port()}/0"
    its_own = Database(settings.database_url)
    async with hub_of(its_own, clock, redis_url) as hub, reading(hub, caller) as reader:
        [number] = await happen(database)
        assert await reader.numbers(1) == [number]
        its_own.monitor.cut()
        [number] = await happen(database)
        assert await reader.numbers(1) == [number]
    await its_own.close()
