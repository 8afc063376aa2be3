"""`vms serve` and its shutdown."""

import os
import signal
import socket
from pathlib import Path

import httpx

from app.settings import Settings
from tests.e2e.installation import all_ready, eventually, free_port, process
from tests.support.left_out import leave_out
from tests.support.problems import problem

LINGER = 2


async def test_a_process_serves_on_while_others_hear_that_it_goes(
    settings: Settings, tmp_path: Path
) -> None:
    environment = _development(settings)
    port, log = free_port(), tmp_path / "log"
    address = f"http://127.0.0.1:{port}"
    with process(["serve", "--port", str(port), "--linger", str(LINGER)], environment, log) as api:
        await all_ready((address,))
        async with httpx.AsyncClient(base_url=address) as client:
            assert "Connection" not in (await client.get("/health/live/")).headers
            api.send_signal(signal.SIGTERM)

            async def is_leaving() -> bool:
                return (await client.get("/health/ready/")).status_code == 503

            await eventually(is_leaving)
            answer = await client.get("/health/live/")  # by a new connection
            assert (answer.status_code, answer.headers["Connection"]) == (200, "close")
    assert api.returncode in {0, -signal.SIGTERM}


def _development(settings: Settings) -> dict[str, str]:
    return os.environ | {
        "DEBUG": "true",
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "EMAIL_HOST": settings.email_host,
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
