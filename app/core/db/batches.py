"""Jobs over many rows, in batches with a commit each."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from app.core.db.database import Database, WriteSession

# Rows of a batch.
BATCH = 200


class Batch(NamedTuple):
    """The number of changed rows, and whether more may be left."""

    done: int
    more: bool


async def in_batches(
    database: Database,
    work: Callable[[WriteSession], Awaitable[Batch]],
    *,
    on_each: Callable[[int], None] = lambda _: None,
) -> int:
    """Run `work` until nothing is left; return the number of rows.

    Each batch commits, so locks are brief and a killed job continues where it stopped.
    """
    total, more = 0, True
    while more:
        async with database.write() as unit:
            done, more = await work(unit)
        total += done
        on_each(done)
    return total
