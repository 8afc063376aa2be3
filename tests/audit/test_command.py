"""`vms audit verify`, run as a process."""

import json
import os
import subprocess
import sys

import pytest

from app.core.db.database import Database
from app.events.sequencer_service import Sequencer
from app.settings import Settings
from tests.audit.entries import all_entries, sql, write

Run = subprocess.CompletedProcess[str]


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    return os.environ | {
        "DEBUG": "true",
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "EMAIL_HOST": "127.0.0.1",
    }


def verify(environment: dict[str, str], *arguments: str) -> Run:
    command = [sys.executable, "-m", "app.cli", "audit", "verify", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


async def test_a_sound_chain_is_success_and_a_broken_one_is_not(
    environment: dict[str, str], database: Database, sequencer: Sequencer
):
    await write(database, 3)
    await sequencer.step()
    last = (await all_entries(database))[-1]
    head = f"3:{(last.hash or b'').hex()}"
    run = verify(environment, "--head", head)
    assert (run.returncode, run.stdout) == (
        0,
        f"The chain of 3 entries is unbroken. Head: {head}\n",
    )
    await sql(database, "DELETE FROM audit_entries WHERE seq = 2")
    run = verify(environment, "--json", "--head", "9" + head)
    found = json.loads(run.stdout)
    assert (run.returncode, found["head"], found["anchor"]) == (1, head, None)
    assert found["faults"] == [
        "entry 2 is missing",
        "the end is missing: you know entry 93, the last one is 3",
    ]


@pytest.mark.parametrize("head", ["3", f"0:{'00' * 32}"])
async def test_what_is_no_head_is_refused(environment: dict[str, str], head: str):
    run = verify(environment, "--head", head)
    assert run.returncode == 1
    assert "is no head" in run.stderr
