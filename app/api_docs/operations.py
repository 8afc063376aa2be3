"""The operations of the application and who may use them, read from the routes."""

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from app.auth.caller import CallerRole
from app.auth.guards import Guard, public
from app.core.http.routing import walk


@dataclass(frozen=True)
class Operation:
    """One method of one path, written as in OpenAPI; HTML pages are not `in_document`."""

    method: str
    path: str
    dependant: Dependant
    in_document: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def guards(self) -> list[Guard]:
        return [dep.call for dep in walk(self.dependant) if isinstance(dep.call, Guard)]

    @property
    def is_public(self) -> bool:
        return any(dep.call is public for dep in walk(self.dependant))

    def allows(self, role: CallerRole) -> bool:
        return all(role in guard.roles for guard in self.guards)


def operations(app: FastAPI) -> Iterator[Operation]:
    """Yield every operation, including those of included routers."""
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute):
            path = (route.path or "").replace(":uuid}", "}")
            for method in sorted(route.methods or ()):
                shown = route.original_route.include_in_schema
                yield Operation(method, path, route.dependant, shown)
