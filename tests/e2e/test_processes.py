"""The processes of one server share limits and metrics."""

import os
import signal
from pathlib import Path

import httpx

from tests.devserver.helpers import children
from tests.e2e.installation import Installation, eventually, free_port, process
from tests.health.figures import Figures

LIVE = {"method": "GET", "route": "/health/live/", "status": "200"}
POOL = "vms_database_pool_connections_max"


async def ask(address: str, path: str) -> httpx.Response:
    """Send a request on a new connection, which the kernel assigns to a process."""
    async with httpx.AsyncClient(base_url=address) as client:
        return await client.get(path)


async def figures(address: str) -> Figures:
    return Figures((await ask(address, "/metrics")).text)


async def test_figures_are_sums_whichever_process_answers(
    installation: Installation, tmp_path: Path
):
    port = free_port()
    address, folder = f"http://127.0.0.1:{port}", tmp_path / "temporary"
    folder.mkdir()
    environment = installation.environment | {"TMPDIR": str(folder)}
    arguments = ["serve", "--port", str(port), "--workers", "2"]
    with process(arguments, environment, tmp_path / "log") as server:
        await eventually(lambda: _serves(address, processes=2))
        for _ in range(20):
            await ask(address, "/health/live/")
        for _ in range(8):
            assert (await figures(address)).of("vms_http_requests_total", **LIVE) == 20
        killed = _serving(server.pid)[0]
        os.kill(killed, signal.SIGKILL)
        # A dead process counts until its parent notices and starts another.
        await eventually(lambda: killed not in (there := _serving(server.pid)) and len(there) == 2)
        await eventually(lambda: _serves(address, processes=2))
        now = await figures(address)
        assert now.of("vms_http_requests_total", **LIVE) == 20
        assert now.of(POOL, pool="primary") == 20
    assert server.returncode == 0
    assert list(folder.iterdir()) == []


async def _serves(address: str, *, processes: int) -> bool:
    try:
        return (await figures(address)).of(POOL, pool="primary") == 10 * processes
    except httpx.TransportError:
        return False


def _serving(pid: int) -> list[int]:
    """Return the processes that answer requests."""
    return [child for child, command in children(pid).items() if "spawn_main" in command]
