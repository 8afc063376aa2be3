"""`RateLimit` and `RateLimit-Policy` on every answer that a limit governs."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.core.http.middleware import quota_headers
from app.core.request_context import Quota
from app.main import EXPOSED_HEADERS
from app.users.models import Role
from tests.api_keys.keys import program
from tests.devices.devices import add_device
from tests.scans.offline import happened, send
from tests.support.api import PASSWORD, VISITOR, Api
from tests.support.database import change_default_site
from tests.support.problems import problem
from tools.write_permissions import documented_app

FORGED = "V1" + "A" * 40
NAMES = ("RateLimit-Policy", "RateLimit")


def quotas(answer: httpx.Response) -> dict[str, tuple[int, int, int]]:
    """Return quota, rest and window by policy."""
    policies, standings = (answer.headers[name].split(", ") for name in NAMES)
    found = {}
    for policy, standing in zip(policies, standings, strict=True):
        name, quota, window = policy.split(";")
        same, rest, ends_in = standing.split(";")
        assert name == same
        assert 1 <= int(ends_in.removeprefix("t=")) <= int(window.removeprefix("w="))
        numbers = (quota.removeprefix("q="), rest.removeprefix("r="), window.removeprefix("w="))
        found[name.strip('"')] = tuple(map(int, numbers))
    return found  # type: ignore[return-value] # three of each


def test_the_headers_are_those_of_the_draft():
    some = [Quota("api-key", 600, 60, 599, 60), Quota("scan", 5, 1, 0, 1)]
    assert quota_headers(some) == {
        "RateLimit-Policy": '"api-key";q=600;w=60, "scan";q=5;w=1',
        "RateLimit": '"api-key";r=599;t=60, "scan";r=0;t=1',
    }


def test_they_are_declared_wherever_a_limit_is():
    document = documented_app().openapi()
    for methods in document["paths"].values():
        for operation in methods.values():
            is_limited = "429" in operation["responses"]
            for status, answer in operation["responses"].items():
                _, _, shared = answer.get("$ref", "").rpartition("/")
                described = document["components"]["responses"][shared] if shared else answer
                has_them = set(NAMES) <= described["headers"].keys()
                named = (operation["operationId"], status)
                assert has_them if is_limited else shared or not has_them, named
    assert set(NAMES) <= set(EXPOSED_HEADERS)


async def _limited(api: Api) -> dict[str, Callable[[], Awaitable[httpx.Response]]]:
    """Return a request for each limit, by policy."""
    http, root, host = api.http, await api.superadmin(), await api.host()
    gate, kiosk = await add_device(api, name="Gate"), await add_device(api, "kiosk", name="Kiosk")
    key = await program(api, root, "sites:read")
    visitor = await root.register()
    nobody = {"email": "nobody@example.com"}
    form = {name: VISITOR[name] for name in ("name", "email", "visit_date", "visit_time")}
    account = {**nobody, "password": PASSWORD, "first_name": "No", "last_name": "Body"}
    files = {"file": ("list.xlsx", b"no workbook")}
    return {
        "api-key": lambda: key.get("sites/"),
        "failed-login-address": lambda: http.post(
            "/api/auth/login/", json=nobody | {"password": "x"}
        ),
        "forgotten-address": lambda: http.post("/api/auth/forgot-password/", json=nobody),
        "registration": lambda: http.post("/api/auth/register/", json=account),
        "passkey-challenge": lambda: http.post("/api/auth/passkeys/sign-in/options/"),
        "self-registration": lambda: http.post("/api/visitors/", json=form),
        "slots": lambda: http.get(
            "/api/visitors/available-slots/", params={"visit_date": "2026-11-24"}
        ),
        "registrations-of-a-host": lambda: host.post("visitors/", form),
        "registrations-at-a-kiosk": lambda: kiosk.post(
            "visitors/", form | {"email": "k@example.com"}
        ),
        "resent-soon": lambda: root.post(f"visitors/{visitor['id']}/resend-email/"),
        "upload": lambda: root.request("POST", "visitors/bulk-upload/", files=files),
        "scan": lambda: gate.scan(visitor["qr_code"]),
        "forged-scan": lambda: gate.scan(FORGED),
        "batch": lambda: send(gate, happened(visitor["qr_code"], "08:00")),
        "forged-pass": lambda: http.get(f"/pass/{FORGED}"),
        "forged-muster-link": lambda: http.get("/muster/x/roster/"),
    }


async def test_every_answer_that_a_limit_governs_has_them(api: Api, database: Any):
    await change_default_site(database, self_registration=True)
    for policy, ask in (await _limited(api)).items():
        answer = await ask()
        assert answer.status_code not in {401, 403, 429} or "auth" in str(answer.url), answer.text
        assert "RateLimit" in answer.headers, policy
        most, rest, _ = quotas(answer)[policy]
        assert 0 <= rest < most, policy


async def test_what_is_left_is_counted_down_to_the_refusal(
    app: FastAPI, api: Api, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(app.state.settings, "api_key_limit", "3/minute")
    root = await api.superadmin()
    one, two = [await program(api, root, "sites:read", name=name) for name in ("1", "2")]
    answers = [await one.get("sites/") for _ in range(4)]
    assert [quotas(answer)["api-key"] for answer in answers] == [
        (3, rest, 60) for rest in (2, 1, 0, 0)
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    problem(answers[-1], 429, "too_many_requests")
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert quotas(await two.get("visitors/"))["api-key"] == (3, 2, 60)  # refused for another reason


async def test_answers_without_a_limit_have_none(api: Api):
    root = await api.superadmin()
    for answer in (await root.get("sites/"), await api.http.get("/health/live/")):
        assert not set(NAMES) & answer.headers.keys()


async def test_the_headers_reveal_no_account(
    app: FastAPI, api: Api, monkeypatch: pytest.MonkeyPatch
):
    """Neither what others tried with an address, nor whether this network knows it."""
    await api.person(Role.HOST, "known@example.com", "Known", "Host")
    wrong = {"password": "wrong battery"}
    for path, body in (("login/", wrong), ("forgot-password/", {})):
        answers = [
            await api.http.post(f"/api/auth/{path}", json=body | {"email": email})
            for email in ("known@example.com", "unknown@example.com")
        ]
        seen = [quotas(answer) for answer in answers]
        [policy] = seen[0]
        assert seen[1] == {policy: (seen[0][policy][0], seen[0][policy][1] - 1, seen[0][policy][2])}


async def test_a_hidden_limit_is_named_once_it_is_reached(
    app: FastAPI, api: Api, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(app.state.settings, "login_limit_per_account", "1/minute")
    body = {"email": "nobody@example.com", "password": "wrong battery"}
    first, second = [await api.http.post("/api/auth/login/", json=body) for _ in range(2)]
    assert (first.status_code, second.status_code) == (401, 429)
    assert "failed-login-account-from-there" not in quotas(first)
    assert quotas(second)["failed-login-account-from-there"] == (1, 0, 60)
