"""Counters that end by themselves: in Redis for all processes, or in the memory of one.

A window is fixed: it begins with the first that is counted, so that its end can be told exactly.
"""

from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Any, NamedTuple

from redis.asyncio import Redis

# More are kept in memory only while so many windows are open.
MOST_KEPT = 50_000
RESTORED_AT_ONCE = 500


class Counter(NamedTuple):
    """One counter: its key, how many it may reach, and the seconds that its window lasts."""

    key: str
    most: int
    seconds: int


class Window(NamedTuple):
    """What a counter stands at, and in how many seconds it begins anew."""

    hits: int
    ends_in: float


class Answer(NamedTuple):
    """`windows` after a question; `full` where one of them had reached its most before it."""

    full: bool
    windows: Sequence[Window]


# All counters of a question change, or none: one that is full keeps the others as they are. What is
# taken back ends at zero. ARGV: the change, then most and seconds of each counter.
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
# ARGV: for each counter what it stands at, at least, and the milliseconds that it has left.
_RAISE = """
for i, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or 0) < tonumber(ARGV[2 * i - 1]) then
    redis.call('SET', key, ARGV[2 * i - 1], 'PX', ARGV[2 * i])
  end
end
"""


class SharedWindows:
    """Counters in Redis. Each question is one script, whatever it asks for."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._add = redis.register_script(_ADD)
        self._raise = redis.register_script(_RAISE)

    async def add(self, counters: Sequence[Counter], number: int) -> Answer:
        """Count `number` with every counter unless one is full; 0 looks, and less takes back."""
        bounds = (value for counter in counters for value in (counter.most, counter.seconds))
        full, *told = await self._add([_named(c.key) for c in counters], [number, *bounds])
        pairs = zip(told[::2], told[1::2], strict=True)
        return Answer(bool(full), [Window(count, max(0, left) / 1000) for count, left in pairs])

    async def restore(self, windows: dict[str, Window]) -> None:
        """Have each counter stand at what it stood at, or higher."""
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
    """Counters of this process alone."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[int, float]] = {}

    def add(self, counters: Sequence[Counter], number: int) -> Answer:
        """The same as `SharedWindows.add`."""
        before = [self._window(counter) for counter in counters]
        full = any(w.hits >= c.most for w, c in zip(before, counters, strict=True))
        change = number if number < 0 or not full else 0
        after = [Window(max(w.hits + change, 0), w.ends_in) for w in before]
        self.note(counters, after)
        return Answer(full, after)

    def note(self, counters: Sequence[Counter], windows: Sequence[Window]) -> None:
        """Keep what these counters stand at."""
        now = monotonic()
        for counter, window in zip(counters, windows, strict=True):
            if window.hits:
                self._kept[counter.key] = (window.hits, now + window.ends_in)
            else:
                self._kept.pop(counter.key, None)
        if len(self._kept) > MOST_KEPT:
            self._make_room()

    def open(self) -> dict[str, Window]:
        """Every window that has not ended, by the key of its counter."""
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
        """Drop what has ended; where that is not enough, the half that was opened first."""
        now = monotonic()
        lives = {key: kept for key, kept in self._kept.items() if kept[1] > now}
        spare = len(lives) // 2 if len(lives) > MOST_KEPT else 0
        self._kept = dict(list(lives.items())[spare:])
