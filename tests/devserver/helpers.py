"""Watches, starts and kills processes."""

import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from devserver.postgres import EmbeddedPostgres

LIMIT = 30.0  # seconds, for anything that should be immediate
AS_ROOT = os.geteuid() == 0

linux = pytest.mark.needs(
    sys.platform == "linux", "only Linux ends a child with its parent, and has /proc"
)


def eventually(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def alive(pid: int) -> bool:
    """Return whether the process runs, that is, exists and is no zombie."""
    return _stat(pid)[0] not in {"gone", "Z"}


def children(pid: int) -> dict[int, str]:
    """Return process id and command line of each child."""
    found = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
    return {child: _command(child) for child in found if _stat(child)[1] == str(pid)}


def _stat(pid: int) -> list[str]:
    """Return the state and the parent of a process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return ["gone", ""]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    except OSError:
        return ""


def start_script(code: str, *arguments: object, **options: Any) -> "subprocess.Popen[str]":
    """Start a Python process of its own, whose output can be read."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


def kill(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        process.kill()
        process.communicate()


def kill_server(pid: int | None) -> None:
    assert pid
    os.kill(pid, signal.SIGKILL)


async def query(server: EmbeddedPostgres, sql: str, database: str = "vms") -> Any:
    """Return the first value of the answer."""
    engine = create_async_engine(server.url(database), isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        result = await connection.execute(text(sql))
        value = result.scalar() if result.returns_rows else None
    await engine.dispose()
    return value


def nobody() -> pwd.struct_passwd:
    return pwd.getpwnam("nobody")
