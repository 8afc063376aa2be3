"""Sends a crowd away before anything else is done for it. Pure ASGI middleware."""

from collections import Counter
from collections.abc import Collection

from starlette.types import ASGIApp, Receive, Scope, Send

from app.core.errors import Unavailable
from app.core.limits import client_network

# More than will ever get a turn, so that whoever is known and comes with them gets that far.
MOST_OF_NETWORK = 32


class CrowdMiddleware:
    """Answers 503 to a network that has so many requests to these paths under way.

    Whatever FastAPI does for a request before it is refused is what a burst makes others wait for.
    """

    def __init__(self, app: ASGIApp, paths: Collection[str]) -> None:
        self.app = app
        self.paths = frozenset(path.rstrip("/") for path in paths)
        self._under_way: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].rstrip("/") not in self.paths:
            await self.app(scope, receive, send)
            return
        network = client_network()
        if self._under_way[network] >= MOST_OF_NETWORK:
            await Unavailable("Too many come at once: try again").response()(scope, receive, send)
            return
        self._under_way[network] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._under_way[network] -= 1
            if not self._under_way[network]:
                del self._under_way[network]
