"""The documentation pages: served without other hosts and inline scripts."""

import json
import re
import shlex
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.core.clock import SettableClock
from app.core.http import responses

COMMITTED = Path(__file__).parents[2] / "openapi.json"

SCRIPT = re.compile(r"<script(?P<attributes>[^>]*)>(?P<inline>.*?)</script>", re.DOTALL)


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/docs/oauth2-redirect"])
async def test_the_documentation_runs_no_inline_script(http: httpx.AsyncClient, path: str):
    answer = await http.get(path)
    policy = dict(
        part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; ")
    )
    assert (policy["default-src"], policy["script-src"]) == ("'none'", "'self'")
    scripts = [found.groupdict() for found in SCRIPT.finditer(answer.text)]
    assert scripts
    for script in scripts:
        assert script["inline"].strip() == ""
    assert not re.search(r"\son\w+=|javascript:|//", answer.text)


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/docs/oauth2-redirect"])
async def test_what_the_documentation_loads_is_served_here(http: httpx.AsyncClient, path: str):
    page = await http.get(path)
    for address in re.findall(r'(?:src|href|spec-url)="([^"]+)"', page.text):
        answer = await http.get(str(httpx.URL(str(page.url)).join(address)))
        assert answer.status_code == 200, address
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_authorize_knows_people_and_devices(http: httpx.AsyncClient):
    document = (await http.get("/openapi.json")).json()
    schemes = document["components"]["securitySchemes"]
    flow = schemes["oauth2"]["flows"]["password"]
    assert flow["tokenUrl"].lstrip("/") == "api/auth/token/"
    assert (schemes["device"]["type"], schemes["device"]["name"]) == ("apiKey", "X-Device-Key")
    assert schemes["bearer"]["scheme"] == "bearer"


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/redoc", "/docs/oauth2-redirect"])
async def test_a_document_is_sent_once_to_whom_keeps_it(http: httpx.AsyncClient, path: str):
    first = await http.get(path)
    tag = first.headers["ETag"]
    assert tag.startswith('"')
    for known in (tag, f'"x", W/{tag}', "*"):
        again = await http.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
        assert again.headers["X-Content-Type-Options"] == "nosniff"
    changed = await http.get(path, headers={"If-None-Match": '"x"'})
    assert (changed.status_code, changed.content) == (200, first.content)
    assert first.headers["Cache-Control"] == "no-cache"


async def test_the_document_is_encoded_once(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
):
    encoded: list[str] = []
    constant = responses.Constant.__init__

    def counted(self: responses.Constant, content: str, media_type: str) -> None:
        encoded.append(media_type)
        constant(self, content, media_type)

    monkeypatch.setattr(responses.Constant, "__init__", counted)
    for _ in range(3):
        assert (await http.get("/openapi.json")).json()["openapi"]
    assert len(encoded) <= 1


async def test_examples_take_place_next_week(http: httpx.AsyncClient, clock: SettableClock):
    def day(document: dict[str, Any]) -> str:
        found: str = document["components"]["examples"]["VisitorCreate"]["value"]["visit_date"]
        return found

    assert day((await http.get("/openapi.json")).json()) == "2026-11-30"
    clock.advance(timedelta(days=7))
    assert day((await http.get("/openapi.json")).json()) == "2026-12-07"
    assert day(json.loads(COMMITTED.read_text(encoding="utf-8"))) == "2035-11-19"


async def test_what_the_overview_for_programs_names_is_there(http: httpx.AsyncClient):
    page = await http.get("/llms.txt")
    for address in re.findall(r"\]\(([^)]+)\)", page.text):
        assert (await http.get(f"/{address}")).status_code == 200, address
    paths = (await http.get("/openapi.json")).json()["paths"]
    known = {path.replace(name, "{id}") for path in paths for name in re.findall(r"{\w+}", path)}
    for path in re.findall(r"(?:GET|POST) (/api/[^`?]*)", page.text):
        assert path in known | paths.keys(), path


async def test_the_python_sample_of_each_operation_is_python(http: httpx.AsyncClient):
    document = (await http.get("/openapi.json")).json()
    for methods in document["paths"].values():
        for operation in methods.values():
            curl, _, python = operation["x-codeSamples"]
            assert "{" not in shlex.split(curl["source"])[3]
            compile(python["source"], operation["operationId"], "exec")
