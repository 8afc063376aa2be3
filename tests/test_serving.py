"""`vms serve`, and how it ends."""

import os
import signal
from pathlib import Path

import httpx

from app.settings import Settings
from tests.e2e.installation import all_ready, eventually, free_port, process

LINGER = 2


async def test_a_process_serves_on_while_others_hear_that_it_goes(
    settings: Settings, tmp_path: Path
) -> None:
    environment = os.environ | {
        "DEBUG": "true",
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "EMAIL_HOST": settings.email_host,
    }
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
