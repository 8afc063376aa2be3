"""The operations of the application and who may use them, as the routes themselves say."""

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from app.auth.caller import CallerRole
from app.auth.guards import Guard, public
from app.auth.permissions import PERMISSIONS, Permission
from app.core.routing import walk

# Pages for people to read, without a guard.
DOCUMENTATION = {"/docs", "/docs/oauth2-redirect", "/redoc"}


@dataclass(frozen=True)
class Operation:
    """One method of one path; `path` is written as in OpenAPI."""

    method: str
    path: str
    dependant: Dependant

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def guards(self) -> list[Guard]:
        return [dep.call for dep in walk(self.dependant) if isinstance(dep.call, Guard)]

    @property
    def permissions(self) -> set[Permission]:
        return {guard.permission for guard in self.guards}

    @property
    def is_public(self) -> bool:
        return any(dep.call is public for dep in walk(self.dependant))

    def allows(self, role: CallerRole) -> bool:
        return self.permissions <= PERMISSIONS[role]


def operations(app: FastAPI) -> Iterator[Operation]:
    """Every operation, those of included routers too, as it is served."""
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute) and route.path not in DOCUMENTATION:
            path = (route.path or "").replace(":uuid}", "}")
            for method in sorted(route.methods or ()):
                yield Operation(method, path, route.dependant)
