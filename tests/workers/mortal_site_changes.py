"""The job of site changes, repeatedly killed, each time some steps later.

    python -m tests.workers.mortal_site_changes STEPS EVERY

A step is what others could notice: a statement before and after it runs, and a commit. Its status
is the number of those that were killed before they had ended.
"""

import asyncio
import os
import sys
from datetime import UTC, datetime

from app.core.db.database import Database
from app.visitors import site_change_jobs as site_changes
from tests.faults.mortal_workers import die_at


async def work() -> None:
    vars(site_changes)["BATCH"] = 2
    database = Database(os.environ["DATABASE_URL"])
    await site_changes.bring_to_visits(database, nobody, datetime(2026, 11, 23, 8, tzinfo=UTC))
    await database.close()


async def nobody() -> None: ...


if __name__ == "__main__":
    killed = 0
    for number in range(1, int(sys.argv[1]) + 1, int(sys.argv[2])):
        if (child := os.fork()) == 0:
            die_at(number)
            asyncio.run(work())
            os._exit(0)
        killed += os.WIFSIGNALED(os.waitpid(child, 0)[1])
    sys.exit(killed)
