"""A client of the stream, and what waits to be sent to it. Pure."""

from asyncio import Future, get_running_loop

from app.auth.caller import Caller
from app.events.filters import EventFilter

# A few hundred events. A client that is slower reads them from the database, at its own pace.
MOST_WAITING_BYTES = 64 * 1024


class Listener:
    """A client that gets the events that it has `chosen`, as far as `cursor`.

    `standing` is what the stream rests on: another value ends it.
    """

    __slots__ = (
        "_size",
        "_waiting",
        "_wanted",
        "caller",
        "chosen",
        "cursor",
        "is_over",
        "standing",
    )

    def __init__(self, caller: Caller, chosen: EventFilter, standing: str, cursor: int) -> None:
        self.caller, self.chosen, self.standing, self.cursor = caller, chosen, standing, cursor
        self.is_over = False
        self._waiting: list[bytes] = []
        self._size = 0
        self._wanted: Future[None] | None = None

    def has_room(self, part: bytes) -> bool:
        """Return whether another part may wait; the first one always may."""
        return not self._waiting or self._size + len(part) <= MOST_WAITING_BYTES

    def put(self, part: bytes) -> None:
        self._waiting.append(part)
        self._size += len(part)
        self._wake()

    def comment(self, part: bytes) -> None:
        """Put a comment, which is needless where something waits anyway."""
        if not self._waiting:
            self.put(part)

    def end(self, last: bytes = b"") -> None:
        """Send nothing more but `last`."""
        self._waiting, self._size, self.is_over = [last] if last else [], len(last), True
        self._wake()

    def take(self) -> bytes:
        """Return all parts that wait, as one."""
        parts, self._waiting, self._size = self._waiting, [], 0
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def wanted(self) -> Future[None]:
        """Return what is done as soon as something waits."""
        self._wanted = get_running_loop().create_future()
        return self._wanted

    def _wake(self) -> None:
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_result(None)
