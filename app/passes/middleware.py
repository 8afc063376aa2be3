import json

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import MEDIA_TYPE
from app.core.languages import Language, read_language
from app.passes.pages import page

KEPT = (
    "allow",
    "connection",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "x-request-id",
)


class ProblemPagesMiddleware:
    """Replaces problems below `prefix` with HTML pages for people.

    ASGI middleware also covers problems of other middleware and crashes.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self.app = app
        self.prefix = f"{prefix}/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(self.prefix):
            answer = _Answer(scope, receive, send)
            await self.app(scope, receive, answer.send)
        else:
            await self.app(scope, receive, send)


class _Answer:
    """A response that is buffered if it is a problem."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._problem: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_problem(message):
            self._problem = message
        elif self._problem is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._send_page(self._problem)

    async def _send_page(self, problem: Message) -> None:
        headers = Headers(raw=problem["headers"])
        response = page(
            "problem",
            read_language(Headers(scope=self._scope), Language.ENGLISH),
            status=problem["status"],
            code=json.loads(self._body)["code"],
            request_id=headers.get("x-request-id", ""),
        )
        response.headers.update({name: headers[name] for name in KEPT if name in headers})
        await response(self._scope, self._receive, self._send)


def _is_problem(message: Message) -> bool:
    return Headers(raw=message["headers"]).get("content-type", "") == MEDIA_TYPE
