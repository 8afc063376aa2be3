"""Rate limits: counted in Redis, or without it in the process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import sleep

import pytest
from pydantic import TypeAdapter, ValidationError
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisDown

from app.core.http import limits
from app.core.http.limits import Breaker, Lots, RateLimiter, Rule, TooManyRequests, _lot
from app.core.keys import KeyRing
from app.core.observability.metrics import LIMITS_STALLED, LIMITS_WITHOUT_REDIS
from app.core.request_context import RequestContext, client_network, set_request_context
from app.settings import Rate
from tests.conftest import forget_limits

RULE = Rule("tries", "3/minute")
MAKE = Callable[[str], RateLimiter]


@pytest.fixture
async def make() -> AsyncIterator[MAKE]:
    """Yield a function that makes limiters, each that of another process; close them at the end."""
    made: list[RateLimiter] = []

    def make(url: str) -> RateLimiter:
        made.append(RateLimiter(url, KeyRing(["a secret of the tests"])))
        return made[-1]

    yield make
    for limiter in made:
        await limiter.close()


@pytest.fixture
async def limiter(make: MAKE, redis_url: str) -> RateLimiter:
    limiter = make(redis_url)
    async with Redis.from_url(redis_url) as redis:
        await forget_limits(redis)
    return limiter


@pytest.fixture
async def frozen() -> AsyncIterator[tuple[str, list[object]]]:
    """Yield the address of a server that takes connections and says nothing, and who connected."""
    came: list[object] = []

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(writer)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield f"redis://127.0.0.1:{port}", came
    server.close()


async def passed(limiter: RateLimiter, *keys: str, rule: Rule = RULE, tries: int = 6) -> int:
    """Return how many of these hits are allowed."""
    count = 0
    for _ in range(tries):
        try:
            await limiter.hit(rule, *keys)
        except TooManyRequests:
            continue
        count += 1
    return count


async def test_the_limit_is_the_limit(limiter: RateLimiter):
    assert await passed(limiter, "ada") == 3


async def test_a_refusal_says_when_to_come_back(limiter: RateLimiter):
    await passed(limiter, "ada")
    with pytest.raises(TooManyRequests) as caught:
        await limiter.hit(RULE, "ada")
    assert (caught.value.status, caught.value.code) == (429, "too_many_requests")
    assert 1 <= int(caught.value.headers["Retry-After"]) <= 61


async def test_of_many_at_once_no_more_are_let_through(limiter: RateLimiter):
    hits = [limiter.hit(RULE, "ada") for _ in range(30)]
    outcomes = await asyncio.gather(*hits, return_exceptions=True)
    assert outcomes.count(None) == 3


async def test_a_check_counts_nothing(limiter: RateLimiter):
    for _ in range(10):
        await limiter.check(RULE, "ada")
    assert await passed(limiter, "ada") == 3
    with pytest.raises(TooManyRequests):
        await limiter.check(RULE, "ada")


async def test_what_is_cleared_begins_anew(limiter: RateLimiter):
    await passed(limiter, "ada")
    await limiter.clear(RULE.of("ada"))
    assert await passed(limiter, "ada") == 3


async def test_what_is_given_back_was_not_counted(limiter: RateLimiter):
    await passed(limiter, "ada", tries=2)
    await limiter.give_back(RULE.of("ada"), RULE.of("nobody"))
    assert await passed(limiter, "ada") == 2
    assert await passed(limiter, "nobody") == 3


@pytest.mark.parametrize("has_redis", [True, False])
async def test_what_is_reserved_counts_as_a_whole(
    limiter: RateLimiter, make: MAKE, has_redis: bool
):
    limiter = limiter if has_redis else make("unix:///nowhere/redis.sock")
    await limiter.reserve(RULE.of("ada"), number=2)
    for number in (2, 4):
        with pytest.raises(TooManyRequests):
            await limiter.reserve(RULE.of("ada"), RULE.of("bob"), number=number)
    assert await passed(limiter, "ada") == 1
    await limiter.give_back(RULE.of("ada"), number=2)
    assert await passed(limiter, "ada") == 2
    assert await passed(limiter, "bob") == 3


async def test_where_one_limit_is_reached_none_counts(limiter: RateLimiter):
    wider = Rule("wider", "3/minute", times=10)
    assert await passed(limiter, "ada") == 3
    for _ in range(5):
        with pytest.raises(TooManyRequests):
            await limiter.count(wider.of("x"), RULE.of("ada"))
    assert await limiter.number(wider.of("x")) == 0
    assert await passed(limiter, "y", rule=wider, tries=40) == 30


async def test_a_limit_in_lots_is_that_limit(limiter: RateLimiter, make: MAKE, redis_url: str):
    limit = Rule("scans", "180/minute").of("gate")
    many = [Lots(limiter), Lots(make(redis_url))]

    async def passes(lots: Lots) -> bool:
        try:
            await lots.hit(limit)
        except TooManyRequests:
            return False
        return True

    assert sum([await passes(many[number % 2]) for number in range(300)]) == 180
    assert not await passes(many[0])


@pytest.mark.parametrize(("most", "size"), [(1, 1), (59, 1), (120, 2), (600, 10), (601, 1)])
def test_a_limit_is_a_whole_number_of_lots(most: int, size: int):
    assert _lot(most) == size


async def test_keys_and_rules_are_counted_apart(limiter: RateLimiter):
    assert await passed(limiter, "ada") == 3
    assert await passed(limiter, "bob") == 3
    assert await passed(limiter, "ada", "x") == 3
    assert await passed(limiter, "ada", rule=Rule("others", "3/minute")) == 3


async def test_processes_count_together(limiter: RateLimiter, make: MAKE, redis_url: str):
    other = make(redis_url)
    assert await passed(limiter, "ada", tries=2) == 2
    assert await passed(other, "ada") == 1


async def test_a_counter_ends_with_its_window(limiter: RateLimiter, redis_url: str):
    await passed(limiter, "ada")
    async with Redis.from_url(redis_url) as redis:
        [key] = await redis.keys("limit*")
        assert 0 < await redis.ttl(key) <= 60


async def test_redis_holds_no_address_in_the_clear(limiter: RateLimiter, redis_url: str):
    await passed(limiter, "ada@example.com")
    async with Redis.from_url(redis_url) as redis:
        [key] = await redis.keys("limit*")
        assert b"ada" not in key
        assert b"example" not in key


@pytest.mark.parametrize(
    "url", ["unix:///nowhere/redis.sock", "redis://127.0.0.1:9", "redis://nowhere.invalid"]
)
async def test_without_redis_the_door_is_neither_open_nor_locked(make: MAKE, url: str):
    limiter = make(url)
    assert await passed(limiter, "ada") == 3
    assert await passed(limiter, "bob") == 3
    with pytest.raises(TooManyRequests):
        await limiter.check(RULE, "ada")
    await limiter.clear(RULE.of("ada"))
    await limiter.check(RULE, "ada")


async def test_a_frozen_redis_is_waited_for_once(
    make: MAKE, frozen: tuple[str, list[object]], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(limits, "REDIS_SECONDS", 0.1)
    url, came = frozen
    limiter = make(url)
    assert await passed(limiter, "ada", tries=20) == 3
    assert len(came) == 1


async def test_who_is_refused_stays_refused_without_redis(
    limiter: RateLimiter, monkeypatch: pytest.MonkeyPatch
):
    await passed(limiter, "ada")
    await passed(limiter, "bob", tries=2)
    monkeypatch.setattr(limiter.shared, "add", _down)
    assert await passed(limiter, "ada") == 0
    assert await passed(limiter, "bob") == 1


async def test_a_redis_that_comes_back_empty_is_told_who_is_refused(
    limiter: RateLimiter, make: MAKE, redis_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(limits, "PAUSE_SECONDS", 0)
    await passed(limiter, "ada")
    with monkeypatch.context() as patched:
        patched.setattr(limiter.shared, "add", _down)
        await passed(limiter, "bob", tries=2)
    async with Redis.from_url(redis_url) as redis:
        await forget_limits(redis)
    assert await passed(limiter, "bob") == 1
    assert await passed(make(redis_url), "ada") == 0


async def test_a_stall_of_our_own_is_no_outage(
    limiter: RateLimiter, redis_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(limits, "REDIS_SECONDS", 0.05)
    stalled = LIMITS_STALLED._value.get()
    async with busy(0.1):
        assert await passed(limiter, "ada") == 3
    assert limiter._breaker.allows()
    assert LIMITS_WITHOUT_REDIS._value.get() == 0
    assert LIMITS_STALLED._value.get() > stalled
    async with Redis.from_url(redis_url) as redis:
        assert len(await redis.keys("limit:*")) == 1


async def test_who_stands_still_and_hears_nothing_goes_on_alone(
    make: MAKE, frozen: tuple[str, list[object]], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(limits, "REDIS_SECONDS", 0.005)
    limiter = make(frozen[0])
    async with busy(0.01):
        assert await passed(limiter, "ada", tries=4) == 3
    assert limiter._breaker._retry_at is None


@asynccontextmanager
async def busy(seconds: float) -> AsyncIterator[None]:
    """Let the loop of this process come round so seldom."""
    over = False

    async def stand_still() -> None:
        while not over:
            sleep(seconds)  # noqa: ASYNC251 - that is what is wrong here
            await asyncio.sleep(0)

    standing = asyncio.create_task(stand_still())
    yield
    over = True
    await standing


async def _down(*_: object) -> None:
    raise RedisDown


async def test_redis_is_asked_again_once_it_is_back(
    limiter: RateLimiter, redis_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(limits, "PAUSE_SECONDS", 0)
    with monkeypatch.context() as patched:
        patched.setattr(limiter.shared, "add", _down)
        assert await passed(limiter, "bob") == 3
    assert await passed(limiter, "ada", tries=1) == 1
    async with Redis.from_url(redis_url) as redis:
        assert len(await redis.keys("limit:*")) == 2


def test_after_the_pause_one_caller_tries():
    breaker = Breaker()
    breaker.open(RedisDown())
    assert not breaker.allows()
    breaker._retry_at = 0
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    breaker.close()
    assert [breaker.allows() for _ in range(3)] == [True, True, True]


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:2", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("testclient", "testclient"),
        (None, "-"),
    ],
)
def test_an_ipv6_caller_counts_as_a_network(address: str | None, key: str):
    set_request_context(RequestContext("x", address))
    try:
        assert client_network() == key
    finally:
        set_request_context(None)


@pytest.mark.parametrize("rate", ["10/15minute", "1/second", "3/hour", "100/day"])
def test_a_setting_is_a_rate_of_the_library(rate: str):
    assert TypeAdapter(Rate).validate_python(rate)
    assert Rule("x", rate).most == int(rate.partition("/")[0])


@pytest.mark.parametrize(
    "rate", ["", "10", "0/minute", "-1/minute", "5/0minute", "5/fortnight", "5/minute;9/hour"]
)
def test_a_setting_that_is_no_rate_is_refused(rate: str):
    with pytest.raises(ValidationError):
        TypeAdapter(Rate).validate_python(rate)
