"""The TypeScript client and the guide for front ends, against a running service."""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, BrowserContext, Page, Route

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.events.kinds import EventType
from app.streams.hub_service import Hub
from tests.clients.tools import ROOT, TYPESCRIPT, run, typescript_package
from tests.streams.ears import happen

GUIDE = ROOT / "docs" / "frontend.md"
HERE = Path(__file__).parent
# The application's codes of field errors; all other codes are the validator's.
NAMED = re.compile(r'(?:Invalid\.field\(\s*[\w"]+,|PydanticCustomError\(|Weakness\()\s*"(\w+)"')
SNIPPET = re.compile(r"^```ts\n(.*?)^```", re.DOTALL | re.MULTILINE)
OPTIONS = {
    "target": "ES2022",
    "module": "NodeNext",
    "lib": ["ES2022", "DOM", "DOM.Iterable", "DOM.AsyncIterable"],
    "types": ["node"],
    "strict": True,
    "exactOptionalPropertyTypes": True,
    "noUncheckedIndexedAccess": True,
    "noUnusedLocals": True,
    "skipLibCheck": True,
}
# A front end at the origin of the service, with only the guide's module.
FRONT = "/front/"
PAGE = """<!doctype html>
<script type="importmap">{"imports": {"visitor-management-client": "/front/dist/index.js"}}</script>
<script type="module">
  import * as guide from "/front/program/guide.js";
  globalThis.changes = 0;
  guide.connect(location.origin, () => changes++);
  globalThis.guide = guide;
</script>"""
SIGN_IN = "guide.signIn('admin@ifactory.com', 'admin123')"
THREE_AT_ONCE = """async () => {
  const here = await Promise.all([1, 2, 3].map(() => guide.whoIsHere()));
  return here.map((profile) => profile?.email);
}"""
FOLLOW = """async () => {
  globalThis.heard = [];
  globalThis.calls = [];
  globalThis.stop = guide.follow(["scan.refused"], await guide.newestEvent(), {
    happened: (event) => heard.push(event.seq),
    reload: () => calls.push("reload"),
    ended: () => calls.push("ended"),
  });
}"""
ALL_THREE = ["admin@ifactory.com"] * 3


@pytest.fixture(scope="module")
async def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the client, and in `program/` the guide's module and what drives it: all compiled."""
    package = typescript_package(tmp_path_factory.mktemp("typescript"))
    program = package / "program"
    program.mkdir()
    (program / "tsconfig.json").write_text(json.dumps({"compilerOptions": OPTIONS}))
    (program / "guide.ts").write_text("\n".join(SNIPPET.findall(GUIDE.read_text(encoding="utf-8"))))
    for name in ("drive.ts", "storage.ts"):
        shutil.copy(HERE / name, program)
    await run("npm", "run", "build", cwd=package)
    await run(package / "node_modules" / ".bin" / "tsc", cwd=program)
    return package


@pytest.fixture
async def context(browser: Browser, package: Path, service: str) -> AsyncIterator[BrowserContext]:
    """Yield a browser that finds the front end at the service's address."""

    async def serve(route: Route) -> None:
        file = package / urlsplit(route.request.url).path.removeprefix(FRONT)
        if file.is_file():
            await route.fulfill(path=file)
        else:
            await route.fulfill(body=PAGE, content_type="text/html")

    context = await browser.new_context(base_url=service)
    await context.route(f"{service}{FRONT}**", serve)
    yield context
    await context.close()


async def tab(context: BrowserContext) -> Page:
    page = await context.new_page()
    await page.goto(FRONT)
    await page.wait_for_function("globalThis.guide")
    return page


async def noted(requests: list[str], route: Route) -> None:
    requests.append(route.request.url)
    await route.continue_()


async def test_the_guides_module_compiles_and_drives_the_service(
    service: str, workbooks: Path, package: Path
):
    program = package / "program"
    assert "driven" in await run("node", "drive.js", service, workbooks, cwd=program)


async def test_the_tabs_of_a_browser_are_one_session(context: BrowserContext, clock: SettableClock):
    refreshes: list[str] = []
    await context.route("**/token/refresh/", partial(noted, refreshes))
    one, other = await tab(context), await tab(context)
    await one.evaluate(SIGN_IN)
    await other.wait_for_function("changes === 1")
    for times in range(1, 6):  # in any order
        clock.advance(timedelta(minutes=20))
        both = await asyncio.gather(one.evaluate(THREE_AT_ONCE), other.evaluate(THREE_AT_ONCE))
        assert [*both] == [ALL_THREE, ALL_THREE]
        assert len(refreshes) == times
    await one.reload()
    await one.wait_for_function("globalThis.guide")
    assert await one.evaluate(THREE_AT_ONCE) == ALL_THREE
    assert len(refreshes) == 5
    await other.evaluate("guide.signOut()")
    await one.wait_for_function("changes === 1")
    assert await one.evaluate(THREE_AT_ONCE) == [None] * 3


async def test_a_page_follows_the_events_over_breaks(
    context: BrowserContext, app: FastAPI, database: Database
):
    hub: Hub = app.state.hub
    page = await tab(context)
    await page.evaluate(SIGN_IN)
    numbers = await happen(database)  # before the page asks
    await page.evaluate(FOLLOW)
    numbers = await happen(database, 2)
    await page.wait_for_function("heard.length === 2")
    await happen(database, type_=EventType.SLOT_FULL)  # which nobody asked for
    for client in hub._listeners:
        client.end()  # the connection breaks
    numbers += await happen(database, 2)
    await page.wait_for_function("heard.length === 4")
    assert await page.evaluate("heard") == numbers
    assert await page.evaluate("calls") == []
    await page.evaluate("guide.signOut()")
    await page.wait_for_function("calls.includes('ended')")
    assert await page.evaluate("calls") == ["reload", "ended"]
    await page.evaluate("stop()")


def test_the_guide_names_the_generator_that_is_used():
    used = json.loads((TYPESCRIPT / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    compiler = used["typescript"].rpartition(".")[0]
    generator = f"@hey-api/openapi-ts@{used['@hey-api/openapi-ts']}"
    command = f"npx --yes --package={generator} --package=typescript@{compiler} openapi-ts"
    assert command in GUIDE.read_text(encoding="utf-8")


def test_the_guide_knows_every_fault_of_a_field():
    sources = [file.read_text(encoding="utf-8") for file in (ROOT / "app").rglob("*.py")]
    named = {code for source in sources for code in NAMED.findall(source)}
    assert {"same_host", "default_needed", "link", "password_is_email"} <= named
    guide = GUIDE.read_text(encoding="utf-8")
    assert [code for code in sorted(named) if f"`{code}`" not in guide] == []
