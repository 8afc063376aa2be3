"""Refuse excess requests of one network before any other work."""

from collections import Counter
from collections.abc import Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import Unavailable
from app.core.request_context import client_network

# More than the password queue admits: known callers of the network must still reach it.
MOST_OF_NETWORK = 32


class CrowdMiddleware:
    """Answers 503 if a network has too many requests to these paths in progress.

    A request counts once its body has arrived, so that slow senders keep nobody out.
    """

    def __init__(self, app: ASGIApp, paths: Collection[str]) -> None:
        self.app = app
        self.paths = frozenset(path.rstrip("/") for path in paths)
        self._under_way: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].rstrip("/") not in self.paths:
            await self.app(scope, receive, send)
            return
        body = await _body(receive)
        if body is None:
            return
        network = client_network()
        if self._under_way[network] >= MOST_OF_NETWORK:
            await Unavailable("Too many requests: try again").response()(scope, receive, send)
            return

        async def again() -> Message:
            return body.pop(0) if body else await receive()

        self._under_way[network] += 1
        try:
            await self.app(scope, again, send)
        finally:
            self._under_way[network] -= 1
            if not self._under_way[network]:
                del self._under_way[network]


async def _body(receive: Receive) -> list[Message] | None:
    """Return the messages of the body, or None if it does not arrive."""
    messages: list[Message] = []
    while not messages or messages[-1].get("more_body", False):
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        messages.append(message)
    return messages
