"""Real workers, each killed some steps later than the one before it.

    python -m tests.faults.mortal_workers STEPS EVERY

A step is what others could notice: a statement before and after it runs, a commit, a word to the
mail server and one from it.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from typing import Any

from aiosmtplib.protocol import SMTPProtocol
from sqlalchemy import Engine, event

from app.core.observability.logging import configure_logging
from app.settings import Settings
from workers.main import run

STATEMENTS = ("before_cursor_execute", "after_cursor_execute", "commit")
WORDS = ("write", "data_received")


def die_at(last: int) -> None:
    """Kill this process at that step, as `kill -9` would."""
    steps = count(1)

    def step(*_: Any) -> None:
        if next(steps) == last:
            os.kill(os.getpid(), signal.SIGKILL)

    for name in STATEMENTS:
        event.listen(Engine, name, step)
    for name in WORDS:
        setattr(SMTPProtocol, name, _after(step, getattr(SMTPProtocol, name)))


def _after(step: Callable[[], None], method: Callable[..., None]) -> Callable[..., None]:
    def stepping(self: SMTPProtocol, *arguments: Any) -> None:
        step()
        method(self, *arguments)

    return stepping


def work_until(last: int) -> None:
    """Run the work in a forked process, which has everything imported."""
    die_at(last)
    asyncio.run(run(Settings()))


if __name__ == "__main__":
    configure_logging(debug=False)
    for number in range(1, int(sys.argv[1]) + 1, int(sys.argv[2])):
        if (child := os.fork()) == 0:
            work_until(number)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "it ended by itself"
