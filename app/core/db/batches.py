"""Jobs over many rows, a batch in each unit of work."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from app.core.db.database import Database, WriteSession


class Batch(NamedTuple):
    """How many rows a unit of work has changed, and whether others may be left."""

    done: int
    more: bool


async def in_batches(
    database: Database,
    work: Callable[[WriteSession], Awaitable[Batch]],
    *,
    on_each: Callable[[int], None] = lambda _: None,
) -> int:
    """Run `work` in one unit after another until nothing is left; return how many rows it changed.

    Few rows in each keep others from waiting for its locks, and a job that is killed goes on where
    it was. `on_each` gets the number of each batch after its commit.
    """
    total, more = 0, True
    while more:
        async with database.write() as unit:
            done, more = await work(unit)
        total += done
        on_each(done)
    return total
