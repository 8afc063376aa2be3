"""Shut down without failing requests.

Load balancers notice late, so the process keeps serving (`app/serving.py`), reports the shutdown
(`/health/ready/`) and closes each connection after its response.
"""

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Event, current_thread, main_thread
from types import FrameType

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

leaving = Event()
closing = Event()
"""Set when the server stops, after it has lingered: responses that never end, end now."""


class LeavingMiddleware:
    """Closes connections while the process shuts down (RFC 9112, section 9.6)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_and_close(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        await self.app(scope, receive, send_and_close if leaving.is_set() else send)


@contextmanager
def noting_the_end() -> Iterator[None]:
    """Set `closing` on the signals that stop the server, whichever server it is.

    Servers wait for responses before they end the lifespan of the application, so only the signal
    tells in time.
    """
    closing.clear()
    with ExitStack() as stack:
        if current_thread() is main_thread():  # which alone has handlers
            for number in (signal.SIGTERM, signal.SIGINT):
                stack.enter_context(_noting(number))
        yield


@contextmanager
def _noting(number: signal.Signals) -> Iterator[None]:
    handle = signal.getsignal(number)
    if not callable(handle):
        yield
        return

    def note(received: int, frame: FrameType | None) -> None:
        handle(received, frame)
        if not leaving.is_set():  # else it lingers
            closing.set()

    signal.signal(number, note)
    try:
        yield
    finally:
        signal.signal(number, handle)
