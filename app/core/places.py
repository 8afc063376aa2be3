"""A number of places for work that is refused, not queued, when all are taken."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.core.errors import Problem


class Places:
    """The places of a process for one kind of work."""

    def __init__(self, number: int) -> None:
        self.free = number

    @contextmanager
    def taken(self, *, refusal: type[Problem]) -> Iterator[None]:
        """Hold a place during the block; raise `refusal` if there is none."""
        if not self.free:
            raise refusal()
        self.free -= 1
        try:
            yield
        finally:
            self.free += 1
