"""The sequencer, killed again and again, each time some steps later.

    python -m tests.audit.mortal_sequencer STEPS

Its status is the number of those that were killed before they had ended.
"""

import asyncio
import os
import sys

from app.audit import chain_service
from app.audit.chain import Signer
from app.core.clock import SystemClock
from app.core.db.database import Database
from app.core.keys import KeyRing
from app.events.sequencer_service import chain_all
from tests.audit.entries import sql, write
from tests.faults.mortal_workers import die_at


async def prepare() -> None:
    database = Database(os.environ["DATABASE_URL"])
    await sql(database, "DELETE FROM leases")
    await write(database, 3)
    await database.close()


async def work() -> None:
    chain_service.BATCH = 2
    database = Database(os.environ["DATABASE_URL"])
    signer = Signer(KeyRing([os.environ["SECRET_KEY"]]))
    await chain_all(database, SystemClock(), signer)
    await database.close()


if __name__ == "__main__":
    killed = 0
    for number in range(1, int(sys.argv[1]) + 1):
        if (child := os.fork()) == 0:
            asyncio.run(prepare())
            die_at(number)
            asyncio.run(work())
            os._exit(0)
        killed += os.WIFSIGNALED(os.waitpid(child, 0)[1])
    sys.exit(killed)
