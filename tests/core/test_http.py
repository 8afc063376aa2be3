"""Properties of every route: problems, request ids, media types, slashes."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from app.core.clock import SettableClock
from tests.support.api import VISITOR, Api
from tests.support.problems import faulty_fields, problem

LOGIN = "/api/auth/login/"
JSON = {"Content-Type": "application/json"}
SECRET = "hunter2 is my password"


@pytest.mark.parametrize("body", ["{", "", "nope", b"\xff\xfe", "[" * 30_000, "1" * 10_000])
async def test_a_body_that_is_no_json_is_a_problem(http: httpx.AsyncClient, body: str | bytes):
    answer = await http.post(LOGIN, content=body, headers=JSON)
    if not body:
        problem(answer, 422, "invalid")
    elif body == "1" * 10_000:
        assert answer.status_code in {400, 422}
    else:
        problem(answer, 400, "malformed_request")


@pytest.mark.parametrize("body", ["[]", "1", '"x"', "null", "{}"])
async def test_json_that_is_no_login_is_422(http: httpx.AsyncClient, body: str):
    problem(await http.post(LOGIN, content=body, headers=JSON), 422, "invalid")


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer x", "Basic YTpi", "Bearer a.b.c", "Bearer \u00e9"],
)
async def test_who_is_not_signed_in_gets_401(http: httpx.AsyncClient, header: str | None):
    headers = {b"Authorization": header.encode("latin-1")} if header is not None else {}
    answer = await http.get("/api/visitors/", headers=headers)
    problem(answer, 401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_who_may_not_gets_403(api: Api):
    problem(await (await api.host()).scan("V1" + "A" * 40), 403, "forbidden")


@pytest.mark.parametrize(
    "path", ["/nope", "/api/", "/api/nope/", "/api/visitors/1/", "/api/visitors/not-an-id/events/",
             "/api/visitors/01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11x/", "/api/visitors/%00/",
             "/api/visitors/%ff/"],
)  # fmt: skip
async def test_an_unknown_path_or_malformed_id_is_404(api: Api, path: str):
    admin = await api.admin()
    problem(await api.http.get(path, headers=admin.headers), 404, "not_found")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "BREW"])
async def test_a_wrong_method_is_405_and_names_the_right_ones(http: httpx.AsyncClient, method: str):
    answer = await http.request(method, LOGIN)
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == "POST"


async def test_a_body_too_large_is_413(http: httpx.AsyncClient):
    body = json.dumps({"email": "a", "password": "x" * 70_000})
    problem(await http.post(LOGIN, content=body, headers=JSON), 413, "too_large")


async def test_a_body_too_large_is_413_without_a_declared_length(http: httpx.AsyncClient):
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(80):
            yield b" " * 1024

    problem(await http.post(LOGIN, content=chunks(), headers=JSON), 413, "too_large")


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "json", ""]
)
async def test_a_body_of_another_media_type_is_415(http: httpx.AsyncClient, media_type: str):
    answer = await http.post(LOGIN, content="{}", headers={"Content-Type": media_type})
    problem(answer, 415, "unsupported_media_type")


async def test_the_media_type_may_have_parameters_and_capitals(api: Api):
    body = json.dumps({"email": "a", "password": "b"})
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    problem(await api.http.post(LOGIN, content=body, headers=headers), 401, "invalid_credentials")


async def test_the_oauth_form_takes_no_json(http: httpx.AsyncClient):
    problem(await http.post("/api/auth/token/", json={}), 415, "unsupported_media_type")


async def test_a_missing_body_is_422(http: httpx.AsyncClient):
    problem(await http.post(LOGIN), 422, "invalid")
    problem(await http.post("/api/auth/token/"), 422, "invalid")


async def test_unknown_fields_are_422_and_named(api: Api):
    answer = await (await api.admin()).post("visitors/", VISITOR | {"colour": "red", "age": 3})
    assert faulty_fields(answer) == {"colour", "age"}


async def test_missing_fields_are_422_and_named(api: Api):
    answer = await (await api.admin()).post("visitors/", {})
    assert faulty_fields(answer) == {"name", "visit_date", "visit_time"}


@pytest.mark.parametrize("path", ["visitors/", "visitors/available-slots/", "auth/me/"])
async def test_unknown_query_parameters_are_422(api: Api, path: str):
    answer = await (await api.admin()).get(path, visit_date="2026-11-23", sort="name")
    assert "sort" in faulty_fields(answer)


async def test_unknown_query_parameters_are_422_for_a_post_too(api: Api):
    admin = await api.admin()
    answer = await admin.request("POST", "visitors/?dry_run=1", json=VISITOR)
    assert faulty_fields(answer) == {"dry_run"}
    assert (await admin.get("visitors/", include_total=True)).json()["total"] == 0


@pytest.mark.parametrize("field", ["\ud800", "a\udfff", "x" * 5000, "\0", "'; DROP TABLE users"])
async def test_a_strange_field_name_is_a_422_like_any_other(http: httpx.AsyncClient, field: str):
    body = json.dumps({"email": "a", "password": "b", field: 1})
    problem(await http.post(LOGIN, content=body, headers=JSON), 422, "invalid")


@pytest.mark.parametrize(
    "body",
    [
        {"email": "a@example.com", "password": SECRET * 100},
        {"email": "a@example.com", "password": [SECRET]},
        {"email": "a@example.com", "password": {"value": SECRET}},
        {"email": 1, "password": SECRET},
        {"password": SECRET},
        [SECRET],
        SECRET,
    ],
)
async def test_a_password_is_never_echoed(http: httpx.AsyncClient, body: Any):
    answer = await http.post(LOGIN, json=body)
    problem(answer, 422, "invalid")
    assert "hunter2" not in answer.text


@pytest.mark.parametrize("given", ["order-4711", "A" * 128, "0.1_2-3.4"])
async def test_a_sane_request_id_is_kept(http: httpx.AsyncClient, given: str):
    answer = await http.get("/nope", headers={"X-Request-ID": given})
    assert problem(answer, 404, "not_found")["request_id"] == given
    live = await http.get("/health/live/", headers={"X-Request-ID": given})
    assert live.headers["X-Request-ID"] == given


@pytest.mark.parametrize(
    "given", ["", "short", "A" * 129, "a b c d e f", "<script>x", "12345678\u00e9"]
)
async def test_any_other_request_id_is_replaced(http: httpx.AsyncClient, given: str):
    answer = await http.get("/nope", headers={b"X-Request-ID": given.encode("latin-1")})
    assert problem(answer, 404, "not_found")["request_id"] not in {given, "-", ""}


async def test_two_requests_have_two_ids(http: httpx.AsyncClient):
    ids = {(await http.get("/health/live/")).headers["X-Request-ID"] for _ in range(3)}
    assert len(ids) == 3


async def test_a_path_without_its_slash_is_served_without_a_redirect(api: Api):
    admin = await api.admin()
    assert (await admin.get("visitors")).status_code == 200
    created = await admin.post("visitors", VISITOR)
    assert created.status_code == 201
    visitor = f"visitors/{created.json()['id']}"
    assert (await admin.get(visitor)).status_code == 200
    assert (await admin.post(f"{visitor}/cancel")).status_code == 200
    assert (await api.http.get("/health/live")).status_code == 200


async def test_a_path_without_its_slash_keeps_its_query(api: Api):
    answer = await (await api.admin()).get("visitors", limit=1, include_total=True)
    assert answer.json()["total"] == 0


async def test_an_unexpected_error_is_a_problem_without_details(
    http: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    log: Callable[[], list[dict[str, Any]]],
):
    def broken(_: SettableClock) -> None:
        raise RuntimeError("SELECT secret FROM drawer")

    monkeypatch.setattr(SettableClock, "now", broken)
    answer = await http.post(LOGIN, json={"email": "a", "password": "b"})
    assert "request failed" in [line["event"] for line in log()]
    problem(answer, 500, "internal_error")
    assert "drawer" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("path", ["/nope", "/health/live/", "/api/visitors/"])
async def test_every_answer_bears_the_headers_against_browsers_guesses(
    http: httpx.AsyncClient, path: str
):
    headers = (await http.get(path)).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    features = headers["Permissions-Policy"].split(", ")
    assert {"camera=()", "microphone=()", "geolocation=()", "usb=()"} <= set(features)
    assert all(feature.endswith("=()") for feature in features)


async def test_a_body_of_thousands_of_fields_gets_a_short_answer(http: httpx.AsyncClient):
    fields = {f"k{number}": 1 for number in range(5_000)}
    nested = {"a": [{f"k{number}": 1 for number in range(90)}] * 60}
    bodies: list[dict[str, Any]] = [fields, nested, {"a": {"b": [{}] * 6_000}}]
    for body in bodies:
        answer = await http.post("/api/auth/token/refresh/", json=body)
        assert len(answer.content) < 1_000
        assert [each["code"] for each in problem(answer, 422, "invalid")["errors"]] == [
            "too_many_fields"
        ]


async def test_the_first_fifty_faults_are_named_and_all_are_counted(http: httpx.AsyncClient):
    body = {f"k{number}" + "x" * 500: 1 for number in range(60)}
    answer = await http.post(LOGIN, json=body)
    document = problem(answer, 422, "invalid")
    assert len(document["errors"]) == 50
    assert document["detail"].endswith("; 62 faults, of which the first 50 are named")
    assert len(answer.content) < 12_000
