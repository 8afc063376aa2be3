"""Every route has a guard."""

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from app.auth.guards import Public, SignedIn
from app.core.http.routing import ApiRoute
from tests.support.route_table import operations


def unguarded(app: FastAPI) -> list[str]:
    return [op.path for op in operations(app) if not op.guards and not op.is_public]


def test_every_route_has_a_guard_or_says_that_it_is_public(running_app: FastAPI):
    assert unguarded(running_app) == []


def test_no_route_is_both_guarded_and_public(running_app: FastAPI):
    assert [op.path for op in operations(running_app) if op.guards and op.is_public] == []


def test_the_walk_sees_the_routes(running_app: FastAPI):
    paths = {op.path for op in operations(running_app)}
    assert {"/api/visitors/", "/api/visitors/verify-qr/", "/api/auth/login/"} <= paths
    documented = {op.path for op in operations(running_app) if op.in_document}
    assert set(running_app.openapi()["paths"]) == documented
    pages = ("/pass/", "/muster/")
    assert {path for path in paths - documented if not path.startswith(pages)} == set()


def test_every_route_of_the_api_refuses_unknown_parameters(
    running_app: FastAPI,
):
    found = iter_route_contexts(running_app.routes)
    plain = [
        route.path
        for route in found
        if isinstance(route.original_route, APIRoute)
        and not isinstance(route.original_route, ApiRoute)
    ]
    documented = {op.path for op in operations(running_app) if op.in_document}
    pages = {op.path for op in operations(running_app)} - documented
    assert set(plain) == pages


def test_a_forgotten_guard_is_found():
    def handler() -> None: ...

    def guarded(caller: SignedIn) -> None: ...

    inner, outer, app = APIRouter(prefix="/inner"), APIRouter(prefix="/api"), FastAPI()
    inner.add_api_route("/bare/", handler)
    inner.add_api_route("/guarded/", guarded)
    inner.add_api_route("/public/", handler, dependencies=[Public])
    outer.include_router(inner)
    app.include_router(outer)
    app.add_api_route("/direct/", handler)
    assert unguarded(app) == ["/api/inner/bare/", "/direct/"]
