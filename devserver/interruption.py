"""Handle stop requests only while waiting.

A signal handler that raises could lose a process just started, so it sets a flag, which `pause`
reads.
"""

import contextlib
import signal
import time
from collections.abc import Iterator
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(Exception):  # noqa: N818  (not an error)
    """A stop signal was received."""


class _Note:
    asked = False


_note = _Note()


def pause(seconds: float) -> None:
    """Sleep; raise StopRequested if a stop signal was received."""
    time.sleep(seconds)
    if _note.asked:
        raise StopRequested


@contextlib.contextmanager
def stop_signals_noted() -> Iterator[None]:
    """Treat SIGINT, SIGTERM and SIGHUP as stop requests, except SIGHUP under `nohup`."""
    _note.asked = False
    wanted = [number for number in STOP_SIGNALS if not _is_ignored(number)]
    before = {number: signal.signal(number, _take_note) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _note.asked = False


def _take_note(number: int, frame: FrameType | None) -> None:
    del number, frame
    _note.asked = True


def _is_ignored(number: signal.Signals) -> bool:
    return number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN
