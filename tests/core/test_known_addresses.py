"""Unknown paths and methods are refused before FastAPI looks for a route."""

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import Match

from app.core.http.known_addresses import KnownAddressMiddleware, RouteTable
from app.main import create_app
from app.settings import Settings
from tests.support.counting import statements
from tests.support.problems import problem

ID = "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
UNKNOWN = (
    "/",
    "/nope",
    "/api",
    "/api/",
    "/api/nothing/",
    "/api/visitors/1/",
    f"/api/visitors/{ID}x/",
    f"/api/visitors/{ID}/nothing/",
    "/api/visitors//",
    "/API/visitors/",
    "/pass/",
    "/pass/a/b",
    "/receptionx",
    "/scannerx",
    "/docs/",
    "/api/visitors/\N{SNOWMAN}/",
    "/..%2f..%2fetc/passwd",
    "/%00/",
)
OWN = {"content-length", "x-request-id", "allow"}


@pytest.fixture(scope="module")
def bare(settings: Settings) -> FastAPI:
    """Return the application as it would be if FastAPI looked for all addresses itself."""
    app = create_app(for_a_front_end(settings))
    innermost: Any = app.user_middleware[-1].cls
    assert innermost is KnownAddressMiddleware
    app.user_middleware.pop()
    return app


@pytest.fixture(scope="module")
def whole(settings: Settings) -> FastAPI:
    return create_app(for_a_front_end(settings))


def for_a_front_end(settings: Settings) -> Settings:
    return settings.model_copy(update={"cors_allowed_origins": ["https://f.example"]})


def paths(app: FastAPI) -> Iterator[str]:
    """Yield an address of each route, and some that are like it."""
    for route in iter_route_contexts(app.routes):
        path = re.sub(r"{\w+:uuid}", ID, route.path or "").replace("{token}", "a-token")
        yield from (path, f"{path}x", path[:-1])
    yield from UNKNOWN


async def ask(app: FastAPI, method: str, path: str, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://visits.example") as client:
        return await client.request(method, path, headers=headers)


def told(answer: httpx.Response) -> tuple[Any, ...]:
    """Return an answer without the id of its request."""
    headers = {name: value for name, value in answer.headers.items() if name not in OWN}
    body = answer.content.replace(answer.headers["X-Request-ID"].encode(), b"")
    return answer.status_code, headers, body


def found(app: FastAPI, method: str, path: str) -> bool:
    """Return whether one of FastAPI's routes matches."""
    scope = {"type": "http", "method": method, "path": path, "root_path": ""}
    return any(route.matches(dict(scope))[0] is Match.FULL for route in app.routes)


def test_the_table_says_what_the_routes_say(whole: FastAPI):
    table = RouteTable(whole.routes)
    for method, path in itertools.product(METHODS, paths(whole)):
        assert table.serves(method, path) == found(whole, method, path), (method, path)


async def test_what_is_not_there_is_answered_as_by_the_routes(whole: FastAPI, bare: FastAPI):
    places = ("/api/auth/login/", f"/api/visitors/{ID}/", "/openapi.json", *UNKNOWN)
    for method, path in itertools.product(METHODS, places):
        if not found(bare, method, path):
            mine, theirs = await ask(whole, method, path), await ask(bare, method, path)
            assert told(mine) == told(theirs), path
            assert mine.status_code in {404, 405}
            allowed = set(theirs.headers.get("allow", "").split(", "))
            assert allowed <= set(mine.headers.get("allow", "").split(", "))


async def test_a_405_names_every_method_of_the_address(whole: FastAPI):
    answer = await ask(whole, "DELETE", "/api/visitors/")
    assert problem(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, POST"
    answer = await ask(whole, "BREW", f"/api/visitors/{ID}/")
    assert answer.headers["Allow"] == "DELETE, GET, PATCH, PUT"


async def test_another_origin_may_read_that_nothing_is_there(whole: FastAPI):
    answer = await ask(whole, "GET", "/nope", Origin="https://f.example")
    assert problem(answer, 404, "not_found")
    assert answer.headers["Access-Control-Allow-Origin"] == "https://f.example"


async def test_nothing_is_looked_for_where_nothing_is(
    running_app: FastAPI, monkeypatch: pytest.MonkeyPatch
):
    asked: list[Any] = []
    monkeypatch.setattr(running_app.router, "routes", [])
    monkeypatch.setattr(type(running_app.router), "app", lambda *args: asked.append(args))
    with statements(running_app) as sql:
        problem(await ask(running_app, "GET", "/api/nothing/"), 404, "not_found")
        problem(await ask(running_app, "PUT", "/api/auth/login/"), 405, "method_not_allowed")
    assert (asked, sql) == ([], [])


async def test_the_log_knows_the_route_of_a_wrong_method(
    http: httpx.AsyncClient, log: Callable[[], list[dict[str, Any]]]
):
    await http.put("/api/auth/login/")
    await http.get("/api/somebodys-secret/")
    lines = [line for line in log() if line["event"] == "request"]
    assert [(line["path"], line["status"]) for line in lines] == [
        ("/api/auth/login/", 405),
        ("-", 404),
    ]


async def test_below_the_path_of_a_server_the_addresses_are_the_same(whole: FastAPI):
    transport = httpx.ASGITransport(app=whole, root_path="/visits")
    async with httpx.AsyncClient(transport=transport, base_url="http://visits.example") as client:
        assert (await client.get("/visits/docs")).status_code == 200
        problem(await client.get("/visits/nope"), 404, "not_found")
