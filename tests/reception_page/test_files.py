"""The files of the desk's page: their policy, size, types, and when they are served."""

import hashlib
import json
import re
from pathlib import Path

import httpx
import pytest

from app.main import create_app
from app.reception_page.router import STATIC
from app.settings import Settings
from tests.clients.tools import TYPESCRIPT, require, run, typescript_package
from tests.reception_page.tools import TOOLS
from tools.write_licences import vendored

VENDOR = STATIC / "vendor"
PAGE = (STATIC / "index.html").read_text(encoding="utf-8")
FOR_PEOPLE = {".md", ".ts", ""}  # licences, sums, types, how to renew
FIRST_PAINT_BYTES = 150_000
LATER = {"today.js", "groups.js", "upload.js", "figures.js", "muster.js", "worker.js"}
OPTIONS = {
    "target": "ES2023",
    "module": "ESNext",
    "moduleResolution": "bundler",
    "lib": ["ES2023", "DOM", "DOM.Iterable"],
    "types": [],
    "strict": True,
    "noUncheckedIndexedAccess": True,
    "allowJs": True,
    "checkJs": True,
    "noEmit": True,
    "skipLibCheck": True,
}


def loaded() -> set[str]:
    """Return every file that a browser may request, relative to the page."""
    files = (path for path in STATIC.rglob("*") if path.is_file() and path.suffix not in FOR_PEOPLE)
    return {str(path.relative_to(STATIC)) for path in files}


@pytest.mark.parametrize("path", ["", *sorted(loaded())])
async def test_a_file_runs_under_a_policy_without_inline_code(http: httpx.AsyncClient, path: str):
    answer = await http.get(f"/reception/{path}")
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; img-src")
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-cache"
    features = answer.headers["Permissions-Policy"].split(", ")
    assert [each for each in features if not each.endswith("=()")] == [
        "publickey-credentials-get=(self)"
    ]


async def test_the_address_without_its_slash_leads_there(http: httpx.AsyncClient):
    answer = await http.get("/reception", follow_redirects=True)
    assert (str(answer.url), answer.status_code) == ("http://test/reception/", 200)


def test_the_page_has_no_inline_code_and_no_foreign_files():
    assert re.findall(r"<script[^>]*>([^<]+)", PAGE) == []
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|//", PAGE)


def test_what_works_without_a_network_is_all_of_it():
    worker = (STATIC / "worker.js").read_text(encoding="utf-8")
    listed = set(re.findall(r'^  "(.+)",$', worker, re.MULTILINE))
    assert listed == loaded() - {"index.html", "worker.js"} | {"./"}


def test_the_first_paint_is_small():
    sizes = {name: (STATIC / name).stat().st_size for name in loaded() - LATER}
    assert sum(sizes.values()) <= FIRST_PAINT_BYTES, sizes


def test_vendored_programs_are_unchanged_and_have_licences():
    lines = (VENDOR / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    sums = {name: known for known, name in (line.split() for line in lines)}
    programs = {str(Path(name).relative_to("vendor")) for name in loaded() if "vendor" in name}
    assert sums.keys() == programs
    for name, known in sums.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == known
    told = (VENDOR / "README.md").read_text(encoding="utf-8")
    pinned = json.loads((TOOLS.parent / "package.json").read_text(encoding="utf-8"))
    for part in (each for each in vendored() if each.name in {"htm", "preact"}):
        assert f"`{part.name}` {part.version}" in told
        assert pinned["devDependencies"][part.name] == part.version
        assert (VENDOR / part.name / "LICENSE").is_file()


async def test_scripts_agree_with_the_types_of_the_document(tmp_path: Path):
    types = require(TOOLS)
    package = typescript_package(tmp_path)
    await run("npm", "run", "generate", cwd=package)
    paths = {
        "visitor-management-client": [str(package / "src" / "types.gen.ts")],
        "preact": [str(types / "preact" / "src" / "index.d.ts")],
        "preact/hooks": [str(types / "preact" / "hooks" / "src" / "index.d.ts")],
        "htm": [str(types / "htm" / "dist" / "htm.d.ts")],
    }
    project = {
        "compilerOptions": OPTIONS | {"paths": paths},
        "include": [f"{STATIC}/*.js"],
        "exclude": [f"{STATIC}/worker.js"],  # runs where there is no document
    }
    (tmp_path / "tsconfig.json").write_text(json.dumps(project), encoding="utf-8")
    await run(TYPESCRIPT / "node_modules" / ".bin" / "tsc", "-p", tmp_path, cwd=tmp_path)


@pytest.mark.parametrize("wanted", [True, False])
async def test_the_page_can_be_turned_off(settings: Settings, wanted: bool):
    chosen = settings.model_copy(update={"reception_page": wanted})
    transport = httpx.ASGITransport(create_app(chosen))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert ((await client.get("/reception/")).status_code == 200) is wanted
