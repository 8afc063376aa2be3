"""Counters that expire, in Redis or in memory.

A window begins with the first hit, so that its end is known.
"""

from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Any, NamedTuple

from redis.asyncio import Redis

MOST_KEPT = 50_000
RESTORED_AT_ONCE = 500


class Counter(NamedTuple):
    """A counter; its window is in seconds."""

    key: str
    most: int
    seconds: int


class Window(NamedTuple):
    """A count, and the seconds until it is reset."""

    hits: int
    ends_in: float


class Answer(NamedTuple):
    """The windows after a call; `full` if one was full before it."""

    full: bool
    windows: Sequence[Window]


# Changes all counters, or none if one is full. ARGV: the change, then maximum and seconds of each.
_ADD = """
local number, full, counts = tonumber(ARGV[1]), 0, {}
for i, key in ipairs(KEYS) do
  counts[i] = tonumber(redis.call('GET', key) or 0)
  if counts[i] >= tonumber(ARGV[2 * i]) then full = 1 end
end
local answer = {full}
for i, key in ipairs(KEYS) do
  local before, count = counts[i], counts[i]
  if number < 0 or full == 0 then count = math.max(before + number, 0) end
  if count == 0 then
    redis.call('DEL', key)
  elseif before == 0 then
    redis.call('SET', key, count, 'EX', ARGV[2 * i + 1])
  elseif count ~= before then
    redis.call('INCRBY', key, count - before)
  end
  answer[2 * i], answer[2 * i + 1] = count, redis.call('PTTL', key)
end
return answer
"""
# ARGV: minimum count and milliseconds left of each.
_RAISE = """
for i, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or 0) < tonumber(ARGV[2 * i - 1]) then
    redis.call('SET', key, ARGV[2 * i - 1], 'PX', ARGV[2 * i])
  end
end
"""


class SharedWindows:
    """Counters in Redis, one script per call."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._add = redis.register_script(_ADD)
        self._raise = redis.register_script(_RAISE)

    async def add(self, counters: Sequence[Counter], number: int) -> Answer:
        """Add `number` to all counters unless one is full; 0 only reads."""
        bounds = (value for counter in counters for value in (counter.most, counter.seconds))
        full, *counted = await self._add([_named(c.key) for c in counters], [number, *bounds])
        pairs = zip(counted[::2], counted[1::2], strict=True)
        return Answer(bool(full), [Window(count, max(0, left) / 1000) for count, left in pairs])

    async def restore(self, windows: dict[str, Window]) -> None:
        """Raise counters to at least these counts."""
        items = list(windows.items())
        for begin in range(0, len(items), RESTORED_AT_ONCE):
            part = items[begin : begin + RESTORED_AT_ONCE]
            values: list[Any] = []
            for _, window in part:
                values += [window.hits, max(1, int(window.ends_in * 1000))]
            await self._raise([_named(key) for key, _ in part], values)


def _named(key: str) -> str:
    return f"limit:{key}"


class OwnWindows:
    """Counters in memory."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[int, float]] = {}

    def add(self, counters: Sequence[Counter], number: int) -> Answer:
        before = [self._window(counter) for counter in counters]
        full = any(w.hits >= c.most for w, c in zip(before, counters, strict=True))
        change = number if number < 0 or not full else 0
        after = [Window(max(w.hits + change, 0), w.ends_in) for w in before]
        self.note(counters, after)
        return Answer(full, after)

    def note(self, counters: Sequence[Counter], windows: Sequence[Window]) -> None:
        now = monotonic()
        for counter, window in zip(counters, windows, strict=True):
            if window.hits:
                self._kept[counter.key] = (window.hits, now + window.ends_in)
            else:
                self._kept.pop(counter.key, None)
        if len(self._kept) > MOST_KEPT:
            self._make_room()

    def open(self) -> dict[str, Window]:
        return dict(self._open())

    def _window(self, counter: Counter) -> Window:
        count, ends_at = self._kept.get(counter.key, (0, 0.0))
        left = ends_at - monotonic()
        return Window(count, left) if left > 0 else Window(0, counter.seconds)

    def _open(self) -> Iterator[tuple[str, Window]]:
        now = monotonic()
        for key, (count, ends_at) in self._kept.items():
            if ends_at > now:
                yield key, Window(count, ends_at - now)

    def _make_room(self) -> None:
        """Drop expired windows, then the older half if needed."""
        now = monotonic()
        lives = {key: kept for key, kept in self._kept.items() if kept[1] > now}
        spare = len(lives) // 2 if len(lives) > MOST_KEPT else 0
        self._kept = dict(list(lives.items())[spare:])
