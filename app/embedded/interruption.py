"""A request to stop is noticed where we wait, never in the middle of a step.

A signal handler that raises could lose a process that was just started; this one takes a note, and
every wait of this package goes through `pause`.
"""

import contextlib
import signal
import time
from collections.abc import Iterator
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(Exception):  # noqa: N818  (not an error)
    """Somebody asked us to end."""


class _Note:
    asked = False


_note = _Note()


def pause(seconds: float) -> None:
    """Sleep. Raises StopRequested when a stop signal came since `stop_signals_noted` began."""
    time.sleep(seconds)
    if _note.asked:
        raise StopRequested


@contextlib.contextmanager
def stop_signals_noted() -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP ask for a stop; a SIGHUP that `nohup` shuts out stays so."""
    _note.asked = False
    wanted = [number for number in STOP_SIGNALS if not _shut_out(number)]
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


def _shut_out(number: signal.Signals) -> bool:
    return number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN
