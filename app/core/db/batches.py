"""Jobs over many rows, in batches that commit separately."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from app.core.db.database import Database, WriteSession


class Batch(NamedTuple):
    """The number of rows that a batch changed, and whether more may be left."""

    done: int
    more: bool


async def in_batches(
    database: Database,
    work: Callable[[WriteSession], Awaitable[Batch]],
    *,
    on_each: Callable[[int], None] = lambda _: None,
) -> int:
    """Run `work` in one unit after another until nothing is left; return the number of rows.

    Small batches hold locks only briefly, and a killed job continues where it stopped. `on_each` is
    called with the number of each committed batch.
    """
    total, more = 0, True
    while more:
        async with database.write() as unit:
            done, more = await work(unit)
        total += done
        on_each(done)
    return total
