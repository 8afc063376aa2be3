"""A sequencer in a process of its own, as a worker runs it; it prints its name.

python -m tests.audit.sequencing
"""

import asyncio
import os
import sys

from app.audit.chain import Signer
from app.core.clock import SystemClock
from app.core.db.database import Database
from app.core.keys import KeyRing
from app.events.sequencer_service import Sequencer


async def main() -> None:
    database = Database(os.environ["DATABASE_URL"])
    signer = Signer(KeyRing([os.environ["SECRET_KEY"]]))
    sequencer = Sequencer(database, SystemClock(), signer)
    sys.stdout.write(f"{sequencer.holder}\n")
    sys.stdout.flush()
    await sequencer.run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main())
