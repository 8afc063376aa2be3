"""The files of the scanner page, and when they are served."""

import hashlib
import re
from pathlib import Path

import httpx
import pytest

from app.core.languages import Language
from app.main import create_app
from app.scanner_page.router import STATIC
from app.scans.errors import REFUSALS
from app.settings import Settings
from tools.write_catalogues import MARKED
from tools.write_licences import vendored

VENDOR = STATIC / "vendor"
PAGE = (STATIC / "index.html").read_text(encoding="utf-8")
SCRIPTS = "".join(path.read_text(encoding="utf-8") for path in STATIC.glob("*.js"))
FOR_PEOPLE = {".md", ""}  # licences, sums, how to renew


def loaded() -> set[str]:
    """Return every file that a browser may request, relative to the page."""
    files = (path for path in STATIC.rglob("*") if path.is_file() and path.suffix not in FOR_PEOPLE)
    words = {f"words-{language}.json" for language in Language}
    return {str(path.relative_to(STATIC)) for path in files} | words


@pytest.mark.parametrize("path", ["", *sorted(loaded())])
async def test_a_file_runs_under_a_policy_without_inline_code(http: httpx.AsyncClient, path: str):
    answer = await http.get(f"/scanner/{path}")
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src")
    assert "unsafe-inline" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-cache"
    features = answer.headers["Permissions-Policy"].split(", ")
    assert [each for each in features if not each.endswith("=()")] == ["camera=(self)"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("", "text/html; charset=utf-8"),
        ("main.js", "text/javascript; charset=utf-8"),
        ("scanner.css", "text/css; charset=utf-8"),
        ("vendor/zxing-wasm/reader/zxing_reader.wasm", "application/wasm"),
    ],
)
async def test_a_file_is_served_as_what_it_is(http: httpx.AsyncClient, name: str, kind: str):
    assert (await http.get(f"/scanner/{name}")).headers["Content-Type"] == kind


async def test_the_page_knows_what_to_do_after_each_refusal(http: httpx.AsyncClient):
    words = (await http.get("/scanner/words-en.json")).json()
    assert words["texts"] == {}
    assert words["refusals"].keys() == REFUSALS.keys()
    assert words["refusals"]["wrong_day"] == {
        "title": "Wrong day",
        "in": "Tell the visitor the day. If the visitor insists on today, send them to reception.",
        "reason": ["This visit is on {date}"],
    }


async def test_the_page_has_its_words_in_german(http: httpx.AsyncClient):
    words = (await http.get("/scanner/words-de.json")).json()
    assert words["texts"]["Forget the key"] == "Schlüssel vergessen"
    assert words["refusals"]["wrong_day"]["title"] == "Falscher Tag"
    used = set(re.findall(r'gettext\(\s*"([^"]+)"', SCRIPTS)) | set(re.findall(MARKED, PAGE))
    assert used == words["texts"].keys()


async def test_the_address_without_its_slash_leads_there(http: httpx.AsyncClient):
    answer = await http.get("/scanner", follow_redirects=True)
    assert (str(answer.url), answer.status_code) == ("http://test/scanner/", 200)


def test_the_page_has_no_inline_code_and_no_foreign_files():
    assert re.findall(r"<script[^>]*>([^<]+)", PAGE) == []
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|//", PAGE)


def test_what_works_without_a_network_is_all_of_it():
    worker = (STATIC / "worker.js").read_text(encoding="utf-8")
    listed = set(re.findall(r'^  "(.+)",$', worker, re.MULTILINE))
    assert listed == loaded() - {"index.html", "worker.js"} | {"./"}


def test_vendored_programs_are_unchanged_and_have_licences():
    lines = (VENDOR / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    sums = {name: known for known, name in (line.split() for line in lines)}
    programs = {str(Path(name).relative_to("vendor")) for name in loaded() if "vendor" in name}
    assert sums.keys() == programs
    for name, known in sums.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == known
    [part] = [each for each in vendored() if each.name == "zxing-wasm"]
    told = (VENDOR / "README.md").read_text(encoding="utf-8")
    assert f"`{part.name}` {part.version}" in told
    licences = re.findall(r"\((zxing-wasm/LICENSE[^)]*)\)", told)
    assert len(licences) == 2
    assert all((VENDOR / licence).is_file() for licence in licences)


@pytest.mark.parametrize(
    ("debug", "wanted", "served"),
    [(True, None, True), (True, False, False), (False, None, False), (False, True, True)],
)
async def test_the_page_is_there_in_development_or_where_it_is_wanted(
    settings: Settings, debug: bool, wanted: bool | None, served: bool
):
    chosen = settings.model_copy(update={"debug": debug, "scanner_page": wanted})
    transport = httpx.ASGITransport(create_app(chosen))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert ((await client.get("/scanner/")).status_code == 200) is served
