"""A company's directory for tests: a real OpenID provider in a process of its own."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Any

import httpx

from tests.support.left_out import leave_out

FOLDER = Path(__file__).with_name("provider")
CLIENT_ID = "visitors"
CLIENT_SECRET = "s3cret:+%"
ANSWERS = ("http://", "done")
ACTION = re.compile(r'action="([^"]+)"')


class Directory:
    """The provider at `issuer`; whoever is `add`ed can sign in there."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.issuer = self._answer()

    def add(self, sub: str, **claims: Any) -> None:
        """Add a person, or change what the directory says of them."""
        self._order({"person": {"sub": sub, **claims}})

    def rotate(self) -> None:
        """Sign with another key from now on, and forget the former."""
        self._order({"rotate": True})

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def _order(self, order: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        self._answer()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(ANSWERS):  # and not what the provider's own pages log
                return line.strip()
        raise AssertionError("the provider has ended")


@contextmanager
def running_directory(callback: str) -> Iterator[Directory]:
    """Return a provider whose only client is called back there; left out without Node.js."""
    node = which("node")
    if node is None or not (FOLDER / "node_modules" / "oidc-provider").exists():
        leave_out("the OpenID provider of the tests is not there: make tools")
    with subprocess.Popen(
        [node, "provider.mjs", callback],
        cwd=FOLDER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        directory = Directory(process)
        try:
            yield directory
        finally:
            directory.stop()


class Person:
    """Somebody with a browser, who may be signed in at the directory already."""

    def __init__(self, sub: str) -> None:
        self.sub = sub
        self._browser = httpx.AsyncClient(timeout=30)

    async def close(self) -> None:
        await self._browser.aclose()

    async def visit(self, url: str, *, until: str) -> str:
        """Sign in and consent; return the address to which the directory leads back."""
        while not url.startswith(until):
            answer = await self._browser.get(url)
            if answer.status_code == 200:
                answer = await self._fill(answer)
            assert answer.status_code in {302, 303}, answer.text
            url = str(answer.url.join(answer.headers["location"]))
        return url

    async def refuse(self, url: str) -> str:
        """Cancel the sign-in; return where the directory would lead back."""
        answer = await self._browser.get(url, follow_redirects=True)
        answer = await self._browser.get(f"{answer.url}/abort")
        answer = await self._browser.get(answer.headers["location"])
        return answer.headers["location"]

    async def _fill(self, page: httpx.Response) -> httpx.Response:
        [action] = ACTION.findall(page.text)[:1]
        if 'value="login"' in page.text:
            form = {"prompt": "login", "login": self.sub, "password": "any"}
        else:
            form = {"prompt": "consent"}
        return await self._browser.post(str(page.url.join(action)), data=form)
