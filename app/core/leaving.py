"""How a process that answers requests goes without anybody noticing.

Whoever stands before it (nginx, a load balancer, Kubernetes) needs a while to hear that it goes,
and keeps connections open on which the next request may already be under way. So it serves on for
some seconds (app/serving.py), says on `/health/ready/` that it is going, and closes each connection
behind its answer.
"""

from threading import Event

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

leaving = Event()


class LeavingMiddleware:
    """Has connections closed while the process leaves (RFC 9112, section 9.6)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_and_close(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        await self.app(scope, receive, send_and_close if leaving.is_set() else send)
