"""ASGI middleware for request ids, errors, trailing slashes and security headers."""

from collections.abc import Collection, Mapping
from time import perf_counter
from typing import ClassVar

from opentelemetry import trace
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import Problem
from app.core.http.client_address import ProxyTrust
from app.core.http.permissions_policy import permissions_policy
from app.core.ids import new_id
from app.core.observability.logging import logger
from app.core.observability.metrics import count_request
from app.core.request_context import (
    CALLER,
    SANE_REQUEST_ID,
    Quota,
    RequestContext,
    set_request_context,
    subjects,
)

SLASHED = ("/api/", "/health/")
FILES = (".pdf", ".png", ".svg", ".xlsx")
EVENT_STREAM = "text/event-stream"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestContextMiddleware:
    """Gives each request an id, counts and logs it."""

    def __init__(self, app: ASGIApp, trust: ProxyTrust) -> None:
        self.app = app
        self.trust = trust

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        context = _context_of(scope, receive, self.trust)
        set_request_context(context)
        trace.get_current_span().set_attribute("vms.request_id", context.request_id)
        began, status, opened = perf_counter(), 0, None

        async def send_with_id(message: Message) -> None:
            nonlocal status, opened
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = context.request_id
                if context.quotas:
                    headers.update(quota_headers(context.quotas.values()))
                if headers.get("content-type", "").startswith(EVENT_STREAM):
                    opened = perf_counter()  # it ends after hours, which is no delay
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        finally:
            seconds = (opened or perf_counter()) - began
            method, route = _method(scope), _route(scope)
            count_request(method, route, status, seconds)
            logger.info(
                "request",
                method=method,
                path=route,
                status=status,
                milliseconds=round(seconds * 1000, 1),
                **subjects(caller_id=getattr(scope.get(CALLER), "id", None)),
            )
            set_request_context(None)


def quota_headers(quotas: Collection[Quota]) -> dict[str, str]:
    """Return the fields of draft-ietf-httpapi-ratelimit-headers-10."""
    policies = (f'"{each.policy}";q={each.most};w={each.seconds}' for each in quotas)
    standings = (f'"{each.policy}";r={each.left};t={each.ends_in}' for each in quotas)
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(standings)}


class ErrorBoundaryMiddleware:
    """Answers 500 for unhandled exceptions, inside CORS so that scripts can read it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except Exception:
            if scope["type"] != "http":
                raise
            logger.exception("request failed", method=_method(scope), path=_route(scope))
            if begun:  # too late for another response
                raise
            await Problem().response()(scope, receive, send)


def _context_of(scope: Scope, receive: Receive, trust: ProxyTrust) -> RequestContext:
    headers = Headers(scope=scope)
    given = headers.get("x-request-id", "")
    is_theirs = SANE_REQUEST_ID.fullmatch(given) is not None
    request_id = given if is_theirs else str(new_id())
    client = scope.get("client")
    origin = trust.origin(client[0] if client else None, headers)
    if origin.scheme:
        scope["scheme"] = origin.scheme  # in place, for outer middleware
    return RequestContext(
        request_id, origin.address, is_request_id_of_client=is_theirs, receive=receive
    )


def _method(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in METHODS else "other"  # clients can send any word


def _route(scope: Scope) -> str:
    """Return the path's pattern, without ids and user input."""
    route = scope.get("route")
    return getattr(route, "path", "-")


class TrailingSlashMiddleware:
    """Serves `/api/visitors` as `/api/visitors/`; a redirect would lose the body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"]
            if path.startswith(SLASHED) and not path.endswith(("/", *FILES)):
                scope["path"] = path + "/"
                scope["raw_path"] = scope["path"].encode()
        await self.app(scope, receive, send)


class SecurityHeadersMiddleware:
    """Sets the headers of the OWASP REST security cheat sheet unless a route has its own.

    Browsers ignore HSTS over plain HTTP (RFC 6797, section 7.2).
    """

    DOCS = ("/docs", "/redoc")
    DOCS_POLICY = (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src blob:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    ASSETS = "/docs-assets/"
    STRICT_TRANSPORT = "max-age=63072000; includeSubDomains"  # two years

    API: ClassVar = {
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": permissions_policy(),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    }

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._api = _raw(self.API)
        self._docs = _raw({"Content-Security-Policy": self.DOCS_POLICY})
        self._assets = _raw({"Cache-Control": "no-cache"})  # cached, but revalidated
        self._secure = _raw({"Strict-Transport-Security": self.STRICT_TRANSPORT})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ())]
                own = {name.lower() for name, _ in headers}
                wanted = self._wanted(scope).items()
                message["headers"] = headers + [each for each in wanted if each[0] not in own]
            await send(message)

        await self.app(scope, receive, send_with_headers)

    def _wanted(self, scope: Scope) -> dict[bytes, bytes]:
        wanted = self._api
        if scope["path"].startswith(self.DOCS):
            wanted = wanted | self._docs
        if scope["path"].startswith(self.ASSETS):
            wanted = wanted | self._assets
        return wanted | self._secure if scope["scheme"] == "https" else wanted


def _raw(headers: Mapping[str, str]) -> dict[bytes, bytes]:
    return {name.lower().encode(): value.encode() for name, value in headers.items()}
