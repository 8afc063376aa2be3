"""Shut down without failing requests.

Load balancers notice late, so the process keeps serving (`app/serving.py`), reports the shutdown
(`/health/ready/`) and closes each connection after its response.
"""

from threading import Event

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

leaving = Event()


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
