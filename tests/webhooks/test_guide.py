"""The receivers of docs/webhooks.md receive messages."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from app.webhooks.client import Poster
from app.webhooks.signing import new_secret, signed_headers
from tests.clients.test_typescript import OPTIONS
from tests.clients.tools import ROOT, TYPESCRIPT, require, run

GUIDE = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
BODY = json.dumps({"type": "visit.checked_in", "data": {"subject": {"id": "ada"}}})


def snippet(language: str) -> str:
    code: str
    [code] = re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
    return code


@asynccontextmanager
async def receiving(*command: object) -> AsyncIterator[tuple[str, str, asyncio.StreamReader]]:
    """Run a receiver; yield its secret, its URL and what it prints."""
    secret = new_secret()
    child = await asyncio.create_subprocess_exec(
        *map(str, command),
        env={**os.environ, "WEBHOOK_SECRET": secret, "PORT": "0"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert child.stdout
    try:
        port = (await child.stdout.readline()).split()[-1].decode()
        yield secret, f"http://127.0.0.1:{port}/", child.stdout
    finally:
        child.kill()
        await child.wait()


async def receives(*command: object) -> None:
    """Check that a message is handled once, and only if it is ours; with both signatures, too."""
    poster, now = Poster(None), datetime.now(UTC)
    async with receiving(*command) as (secret, url, printed):
        headers = signed_headers("1", now, BODY, [new_secret(), secret])
        forged = signed_headers("2", now, BODY, [new_secret()])
        old = signed_headers("3", datetime(2026, 1, 1, tzinfo=UTC), BODY, [secret])
        bodies = [headers, headers, forged, old, {}]
        statuses = [(await poster.post(url, each, BODY.encode())).status for each in bodies]
        again = signed_headers("4", now, BODY, [secret])
        await poster.post(url, again, BODY.encode())
        lines = [await printed.readline() for _ in range(2)]
    await poster.close()
    assert statuses == [204, 204, 401, 401, 401]
    assert lines == [b"visit.checked_in ada\n"] * 2


async def test_the_receiver_in_python_works(tmp_path):
    file = tmp_path / "receiver.py"
    file.write_text(snippet("python"))
    await receives(sys.executable, file)


async def test_the_receiver_in_typescript_works(tmp_path):
    tools = require(TYPESCRIPT / "node_modules")
    (tmp_path / "node_modules").symlink_to(tools)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": OPTIONS}))
    (tmp_path / "receiver.ts").write_text(snippet("ts"))
    await run(tools / ".bin" / "tsc", cwd=tmp_path)
    await receives("node", tmp_path / "receiver.js")
