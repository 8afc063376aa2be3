"""Requests that are refused before they are read, and the headers of every response."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.main import UPLOAD_PATH, create_app
from app.settings import Settings
from tests.support.api import Api
from tests.support.problems import problem
from tools.write_permissions import documented_app

LOGIN = "/api/auth/login/"
JSON = {"Content-Type": "application/json"}
FRONT_END = "https://desk.example.com"


def client_of(app: FastAPI, base_url: str = "http://visits.example.com") -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base_url)


@pytest.fixture(scope="module")
def strict_app(settings: Settings) -> FastAPI:
    """Return an application with named hosts and one origin; it needs no database."""
    named = {
        "allowed_hosts": ["visits.example.com", "*.internal.example.com", "[::1]"],
        "cors_allowed_origins": [FRONT_END],
        "body_timeout_seconds": 0.2,
    }
    return create_app(settings.model_copy(update=named))


@pytest.fixture
async def strict(strict_app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(strict_app) as client:
        yield client


@pytest.mark.parametrize(
    "host",
    [
        "visits.example.com",
        "VISITS.example.com:8443",
        "visits.example.com.",
        "a.internal.example.com",
        "[::1]:8000",
    ],
)
async def test_a_named_host_is_served(strict: httpx.AsyncClient, host: str):
    assert (await strict.get("/openapi.json", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "visits.example.com.evil.example",
        "evil-visits.example.com",
        "internal.example.com",
        "visits.example.com@evil.example",
        "visits.example.com:80:80",
        "visits.example.com/evil.example",
        "www.visits.example.com",
        "*.internal.example.com",
    ],
)
async def test_any_other_host_is_a_problem_and_no_redirect(strict: httpx.AsyncClient, host: str):
    answer = await strict.get("/openapi.json", headers={"Host": host})
    assert "evil" not in str(problem(answer, 400, "invalid_host"))


async def test_a_probe_names_the_host_as_it_likes(strict: httpx.AsyncClient):
    """Orchestrators and Prometheus know a container only by its address."""
    for path in ("/health/live/", "/health/live", "/metrics"):
        answer = await strict.post(path, headers={"Host": "10.1.2.3:8000"})
        assert answer.status_code == 405  # it reached the route


@pytest.mark.parametrize(
    ("server", "status"),
    [
        (("127.0.0.1", 8000), 404),
        (("127.1.2.3", 8000), 404),
        (("::1", 8000), 404),
        (("::ffff:127.0.0.1", 8000), 404),
        (("/run/vms.sock", None), 404),
        (None, 404),
        (("192.0.2.7", 8000), 403),
        (("10.0.0.7", 8000), 403),
        (("fe80::1%eth0", 8000), 403),
        (("::ffff:192.0.2.7", 8000), 403),
    ],
)
async def test_development_mode_answers_this_machine_alone(
    strict_app: FastAPI, server: tuple[str, int | None] | None, status: int
):
    answer = await _exchange(strict_app, HOST, [], method="GET", path="/nope", server=server)
    assert answer["status"] == status


async def test_outside_of_development_every_address_is_answered(settings: Settings):
    served = {"debug": False, "allowed_hosts": ["visits.example.com"]}
    app = create_app(settings.model_copy(update=served))
    server = ("192.0.2.7", 8000)
    answer = await _exchange(app, HOST, [], method="GET", path="/nope", server=server)
    assert answer["status"] == 404


@pytest.mark.parametrize("hosts", [0, 2])
async def test_a_request_names_one_host(strict_app: FastAPI, hosts: int):
    headers = HOST * hosts
    assert (await _exchange(strict_app, headers, []))["status"] == 400


def test_every_operation_says_that_an_address_can_be_too_long():
    paths = documented_app().openapi()["paths"]
    missing = [
        f"{method} {path}"
        for path, methods in paths.items()
        for method, operation in methods.items()
        if "414" not in operation["responses"]
    ]
    assert missing == []


async def test_an_address_beyond_all_use_is_414(strict: httpx.AsyncClient):
    problem(await strict.get(f"/health/live/?{'x' * 9_000}"), 414, "url_too_long")
    problem(await strict.get(f"/{'x' * 9_000}"), 414, "url_too_long")


@pytest.mark.parametrize(
    "headers", [{"X-Long": "x" * 17_000}, {f"X-{n}": "x" * 100 for n in range(170)}]
)
async def test_headers_beyond_all_use_are_431(strict: httpx.AsyncClient, headers: dict[str, str]):
    problem(await strict.get("/health/live/", headers=headers), 431, "headers_too_large")


async def test_a_body_whose_length_is_declared_too_large_is_413(strict: httpx.AsyncClient):
    problem(await strict.post(LOGIN, content=b" " * 70_000, headers=JSON), 413, "too_large")


@pytest.mark.parametrize("declared", [None, b"10", b"0", b"-1", b"x"])
async def test_a_body_is_measured_whatever_is_declared(strict_app: FastAPI, declared: bytes | None):
    chunks = [{"type": "http.request", "body": b" " * 40_000, "more_body": True}] * 2
    length = [(b"content-length", declared)] if declared else []
    answer = await _exchange(strict_app, [*HOST, *_JSON, *length], chunks)
    assert (answer["status"], answer["media_type"]) == (413, b"application/problem+json")


async def test_an_upload_may_be_larger_than_other_bodies(api: Api, settings: Settings):
    admin = await api.admin()

    async def upload(size: int) -> httpx.Response:
        return await admin.request(
            "POST", "visitors/bulk-upload", files={"file": ("x.xlsx", b"x" * size, "x/x")}
        )

    assert (await upload(settings.max_body_bytes * 2)).status_code != 413
    too_large = settings.bulk_upload_max_bytes + settings.max_body_bytes
    problem(await upload(too_large), 413, "too_large")


def test_the_path_of_uploads_is_one_that_is_served(strict_app: FastAPI):
    assert UPLOAD_PATH in strict_app.openapi()["paths"]


async def test_a_body_that_stops_coming_is_given_up(strict_app: FastAPI):
    half: list[dict[str, Any]] = [{"type": "http.request", "body": b'{"em', "more_body": True}]
    headers = [*HOST, *_JSON]
    answer = await asyncio.wait_for(_exchange(strict_app, headers, half), timeout=5)
    assert answer["status"] == 408
    assert answer["headers"][b"connection"] == b"close"
    assert json.loads(answer["body"])["code"] == "body_timeout"


async def test_a_body_that_drips_is_given_up_too(strict_app: FastAPI):
    headers = [*HOST, *_JSON]
    drops = [{"type": "http.request", "body": b" ", "more_body": True}] * 1_000
    answer = await asyncio.wait_for(_exchange(strict_app, headers, drops, pause=0.05), timeout=5)
    assert answer["status"] == 408


async def test_a_stalled_body_where_none_is_read_is_no_matter(strict_app: FastAPI):
    headers = HOST
    half: list[dict[str, Any]] = [{"type": "http.request", "body": b"x", "more_body": True}]
    answer = await _exchange(strict_app, headers, half, method="GET", path="/health/live/")
    assert answer["status"] == 200


HOST = [(b"host", b"visits.example.com")]
_JSON = [(b"content-type", b"application/json")]


async def _exchange(
    app: FastAPI,
    sent: list[tuple[bytes, bytes]],
    messages: list[dict[str, Any]],
    *,
    pause: float = 0,
    method: str = "POST",
    path: str = LOGIN,
    server: tuple[str, int | None] | None = ("visits.example.com", 80),
) -> dict[str, Any]:
    """Run a request as a server does; after `messages` the client is silent."""
    waiting: Iterator[dict[str, Any]] = iter(messages)
    answer: dict[str, Any] = {"body": b""}

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(pause)
        message = next(waiting, None)
        return message if message is not None else await asyncio.Future()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            headers = dict(message["headers"])
            answer.update(status=message["status"], headers=headers)
            answer["media_type"] = headers.get(b"content-type")
        else:
            answer["body"] += message.get("body", b"")

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": sent,
        "client": ("192.0.2.1", 1),
        "server": server,
    }
    await app(scope, receive, send)
    return answer


@pytest.mark.parametrize(
    ("path", "host", "status"),
    [
        ("/openapi.json", "evil.example", 400),
        (f"/{'x' * 9_000}", "visits.example.com", 414),
        # Without a lifespan there is no database, so that requests fail unexpectedly.
        ("/api/sites/", "visits.example.com", 500),
    ],
)
async def test_a_front_end_can_read_every_refusal(
    strict: httpx.AsyncClient, path: str, host: str, status: int
):
    headers = {"Origin": FRONT_END, "Host": host, "X-Device-Key": "k"}
    answer = await strict.get(path, headers=headers)
    assert answer.status_code == status
    assert answer.headers["Access-Control-Allow-Origin"] == FRONT_END


async def _preflight(client: httpx.AsyncClient, origin: str) -> httpx.Response:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-device-key",
    }
    return await client.options("/api/visitors/", headers=headers)


async def test_a_front_end_that_is_named_may_call(strict: httpx.AsyncClient):
    asked = await _preflight(strict, FRONT_END)
    assert asked.status_code == 200
    assert asked.headers["Access-Control-Allow-Origin"] == FRONT_END
    assert "POST" in asked.headers["Access-Control-Allow-Methods"]
    allowed = asked.headers["Access-Control-Allow-Headers"].lower()
    assert {"authorization", "x-device-key", "idempotency-key"} <= set(re.split(", *", allowed))
    answer = await strict.get("/health/live/", headers={"Origin": FRONT_END})
    assert answer.headers["Access-Control-Allow-Origin"] == FRONT_END
    assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://desk.example.com",
        "https://desk.example.com.evil.example",
        "https://desk.example.com:444",
        "null",
    ],
)
async def test_no_other_origin_is_let_in_or_reflected(strict: httpx.AsyncClient, origin: str):
    for answer in (
        await _preflight(strict, origin),
        await strict.get("/health/live/", headers={"Origin": origin}),
        await strict.get("/nope", headers={"Origin": origin}),
    ):
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert origin not in answer.text


async def test_nobody_may_call_with_cookies(strict: httpx.AsyncClient):
    assert "Access-Control-Allow-Credentials" not in (await _preflight(strict, FRONT_END)).headers


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"Origin": "https://elsewhere.example"}, "origin"),
        ({"Access-Control-Request-Method": "BREW"}, "method"),
        ({"Access-Control-Request-Headers": "X-Elsewhere"}, "headers"),
    ],
)
async def test_a_refused_preflight_says_why_as_a_problem(
    strict: httpx.AsyncClient, asked: dict[str, str], why: str
):
    headers = {"Origin": FRONT_END, "Access-Control-Request-Method": "POST"} | asked
    answer = await strict.options("/api/auth/login/", headers=headers)
    document = problem(answer, 400, "preflight_refused")
    assert document["detail"] == f"Disallowed CORS {why}"
    assert "Origin" in answer.headers["Vary"]


async def test_without_a_front_end_no_origin_is_let_in(http: httpx.AsyncClient):
    answer = await http.get("/health/live/", headers={"Origin": FRONT_END})
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_answers_of_the_api_are_nothing_to_render_or_to_keep(strict: httpx.AsyncClient):
    for path in ("/health/live/", "/nope", "/openapi.json"):
        headers = (await strict.get(path)).headers
        assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == ("no-cache" if "openapi" in path else "no-store")
        assert "Server" not in headers


@pytest.mark.parametrize(("scheme", "promised"), [("https", True), ("http", False)])
async def test_tls_is_promised_over_tls_alone(strict_app: FastAPI, scheme: str, promised: bool):
    async with client_of(strict_app, f"{scheme}://visits.example.com") as client:
        headers = (await client.get("/health/live/")).headers
    promise = headers.get("Strict-Transport-Security")
    assert promise == ("max-age=63072000; includeSubDomains" if promised else None)


@pytest.mark.parametrize(("proxy", "promised"), [("192.0.2.1", True), ("192.0.2.2", False)])
async def test_tls_that_ends_at_a_trusted_proxy_counts(
    settings: Settings, proxy: str, promised: bool
):
    behind = settings.model_copy(update={"trusted_proxies": [ip_network(proxy)]})
    headers = [*HOST, (b"x-forwarded-proto", b"https")]
    answer = await _exchange(create_app(behind), headers, [], method="GET", path="/health/live/")
    assert (b"strict-transport-security" in answer["headers"]) is promised


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "//evil.example/",
        "/\\evil.example",
        "/docs/",
        "/api//evil.example",
        "/docs-assets//evil.example/..",
        "/docs-assets",
    ],
)
async def test_no_path_redirects_to_elsewhere(strict_app: FastAPI, path: str):
    headers = HOST
    answer = await _exchange(strict_app, headers, [], method="GET", path=path)
    assert b"evil" not in answer["headers"].get(b"location", b"")
    assert answer["status"] in {307, 404}
