"""The documentation pages: served from here alone, without inline script."""

import re

import httpx
import pytest

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
