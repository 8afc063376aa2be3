"""The real worker with a clock that is ahead: `python -m tests.e2e.later_worker DAYS`."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta

from app.settings import Settings
from workers.main import run


class Later:
    """The system clock, some days ahead."""

    def __init__(self, days: int) -> None:
        self._ahead = timedelta(days=days)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead


if __name__ == "__main__":
    asyncio.run(run(Settings(), Later(int(sys.argv[1]))))
