"""The real worker with a clock that is a day ahead: `python -m tests.e2e.tomorrow_worker`."""

import asyncio
from datetime import UTC, datetime, timedelta

from app.settings import Settings
from workers.main import run


class Tomorrow:
    """The system's clock, one day ahead."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(days=1)


if __name__ == "__main__":
    asyncio.run(run(Settings(), Tomorrow()))
