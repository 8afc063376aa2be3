"""Refuse unknown paths and methods in middleware, which is cheaper than in FastAPI."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from re import Pattern

from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from app.core.errors import MethodNotAllowed, NotFound, Problem

NOTHING: Pattern[str] = re.compile(r"(?!)")


class RouteTable:
    """The paths and methods of the routes."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._routes = list(iter_route_contexts(routes))
        below, fixed, patterns = [], defaultdict(set), defaultdict(set)
        for route in self._routes:
            if isinstance(route.original_route, Mount):
                below.append(f"{route.path}/")
                continue
            for method in route.methods or ():
                if route.param_convertors:
                    patterns[method].add(_pattern(route))
                else:
                    fixed[method].add(route.path)
        self._below = tuple(below)
        self._fixed = {method: frozenset(paths) for method, paths in fixed.items()}
        self._patterns = {method: _any_of(several) for method, several in patterns.items()}

    def serves(self, method: str, path: str) -> bool:
        return (
            path in self._fixed.get(method, ())
            or self._patterns.get(method, NOTHING).fullmatch(path) is not None
            or path.startswith(self._below)
        )

    def methods(self, path: str) -> list[str]:
        known = self._fixed.keys() | self._patterns.keys()
        return sorted(method for method in known if self.serves(method, path))

    def route(self, path: str) -> APIRoute | None:
        """Return the first route at `path`, for the log and the metrics."""
        found = (each for each in self._routes if each.path_regex.fullmatch(path))
        original = next((each.original_route for each in found), None)
        return original if isinstance(original, APIRoute) else None


class KnownAddressMiddleware:
    """Answers 404 and 405, with `Allow` (RFC 9110, section 10.2.1)."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self.app = app
        self.table = RouteTable(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        served = scope["type"] != "http" or self.table.serves(scope["method"], _path(scope))
        await (self.app if served else self._fault(scope).response())(scope, receive, send)

    def _fault(self, scope: Scope) -> Problem:
        path = _path(scope)
        methods = self.table.methods(path)
        if not methods:
            return NotFound()
        if route := self.table.route(path):
            scope["route"] = route
        return MethodNotAllowed(headers={"Allow": ", ".join(methods)})


def _path(scope: Scope) -> str:
    """Return the path below the root path."""
    path: str = scope["path"]
    root = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def _pattern(route: RouteContext) -> str:
    pattern: str = route.path_regex.pattern
    return re.sub(r"\(\?P<\w+>", "(?:", pattern)  # names may repeat


def _any_of(patterns: Iterable[str]) -> Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in sorted(patterns)))
