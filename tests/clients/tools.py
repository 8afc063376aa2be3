"""The programs that generate and run clients, and a folder for their output."""

import asyncio
import json
import shutil
from pathlib import Path

from tests.support.left_out import leave_out
from tools.write_permissions import documented_app

ROOT = Path(__file__).parents[2]
TYPESCRIPT = ROOT / "clients" / "typescript"
PYTHON = ROOT / "clients" / "python"


def require(tool: Path) -> Path:
    """Return the tool; leave the test out if it is not installed."""
    if not tool.exists():
        leave_out(f"{tool.relative_to(ROOT)} is not there: make tools")
    return tool


async def run(*command: str | Path, cwd: Path) -> str:
    """Run a program and return what it prints; fail with that if the program fails."""
    child = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await child.communicate()
    assert child.returncode == 0, output.decode()
    return output.decode()


def write_document(path: Path) -> None:
    """Write the document as the application makes it now."""
    path.write_text(json.dumps(documented_app().openapi()), encoding="utf-8")


def typescript_package(folder: Path) -> Path:
    """Return a copy of `clients/typescript` beside the document as it is now."""
    tools = require(TYPESCRIPT / "node_modules")
    package = folder / "clients" / "typescript"
    package.mkdir(parents=True)
    for name in ("package.json", "tsconfig.json", "openapi-ts.config.mjs"):
        shutil.copy(TYPESCRIPT / name, package)
    (package / "node_modules").symlink_to(tools)
    write_document(folder / "openapi.json")
    return package
