"""`vms serve` and its shutdown."""

import asyncio
import os
import signal
import socket
from pathlib import Path

import httpx

from app.settings import Settings
from tests.e2e.installation import all_ready, eventually, free_port, process
from tests.streams.ears import happen, listening
from tests.support.api import PASSWORD, Api
from tests.support.left_out import leave_out
from tests.support.problems import problem

LINGER = 2
# A stream that is not ended is broken off after 15 seconds.
HELD_UP = 14
ENDS = {0, -signal.SIGTERM}


async def test_a_process_serves_on_while_others_hear_that_it_goes(
    settings: Settings, tmp_path: Path, api: Api
) -> None:
    """Streams go on until it stops, and hold nothing up."""
    await api.superadmin()
    environment = _development(settings)
    port, log = free_port(), tmp_path / "log"
    address = f"http://127.0.0.1:{port}"
    command = ["serve", "--port", str(port), "--linger", str(LINGER)]
    with process(command, environment, log) as server:
        await all_ready((address,))
        async with (
            httpx.AsyncClient(base_url=address) as client,
            listening(address, await signed_in(address)) as ear,
        ):
            assert "Connection" not in (await client.get("/health/live/")).headers
            server.send_signal(signal.SIGTERM)

            async def is_leaving() -> bool:
                return (await client.get("/health/ready/")).status_code == 503

            await eventually(is_leaving)
            answer = await client.get("/health/live/")  # by a new connection
            assert (answer.status_code, answer.headers["Connection"]) == (200, "close")
            [number] = await happen(api.database)
            assert [heard.id for heard in await ear.some(1)] == [number]
            assert await ear.next() is None
            assert await asyncio.to_thread(server.wait, HELD_UP) in ENDS
    assert "Cancel" not in log.read_text()  # no request was broken off


async def test_several_processes_are_not_held_up_by_streams(
    settings: Settings, tmp_path: Path, api: Api
) -> None:
    await api.superadmin()
    port, log = free_port(), tmp_path / "log"
    address = f"http://127.0.0.1:{port}"
    command = ["serve", "--port", str(port), "--workers", "2"]
    with process(command, _development(settings), log) as server:
        await all_ready((address,))
        async with listening(address, await signed_in(address)) as ear:
            server.send_signal(signal.SIGTERM)
            assert await ear.next() is None
            assert await asyncio.to_thread(server.wait, HELD_UP) in ENDS
    assert "Cancel" not in log.read_text()


async def signed_in(address: str) -> dict[str, str]:
    """Sign in by the clock of the process; return the headers of its requests."""
    body = {"email": "root@example.com", "password": PASSWORD}
    async with httpx.AsyncClient(base_url=address, timeout=60) as client:
        answer = await client.post("/api/auth/login/", json=body)
    return {"Authorization": f"Bearer {answer.json()['access']}"}


def _development(settings: Settings) -> dict[str, str]:
    return os.environ | {
        "DEBUG": "true",
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "EMAIL_HOST": settings.email_host,
        "BCRYPT_ROUNDS": "4",
    }


async def test_in_development_no_server_answers_other_machines(
    settings: Settings, tmp_path: Path
) -> None:
    """Also uvicorn itself, which could listen everywhere."""
    port, outside = free_port(), _address_of_this_machine()
    command = ["--factory", "app.cli:make_app", "--host", "0.0.0.0", "--port", str(port)]  # noqa: S104
    with process(command, _development(settings), tmp_path / "log", "uvicorn"):
        await all_ready((f"http://127.0.0.1:{port}",))
        async with httpx.AsyncClient(base_url=f"http://{outside}:{port}") as client:
            for path in ("/docs", "/health/live/", "/api/nothing/"):
                problem(await client.get(path), 403, "for_this_machine")


def _address_of_this_machine() -> str:
    """Return the address by which others reach it; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            leave_out("this machine has no network")
        address: str = probe.getsockname()[0]
        return address
