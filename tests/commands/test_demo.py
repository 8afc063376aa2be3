"""`vms demo`, run as a process."""

import asyncio
import json
import os
from pathlib import Path

import asyncpg
import pytest

from app import migrations
from app.core.db.database import Database
from app.settings import Settings
from tests.commands.terminal import on_a_terminal
from tests.conftest import recreate_database
from tests.test_cli import vms


@pytest.fixture
def environment(settings: Settings, database: Database) -> dict[str, str]:
    """Return the installation of the other fixtures, in development mode."""
    return {
        "PATH": os.environ["PATH"],
        "DEBUG": "true",
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "EMAIL_HOST": settings.email_host,
    }


def test_it_says_what_it_has_added_and_is_not_added_twice(environment: dict[str, str]) -> None:
    first = vms("demo", "--visitors", "50", environment=environment)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith("50 visitors of 4 sites on ")
    again = vms("demo", environment=environment)
    assert (again.returncode, again.stdout) == (1, "")
    assert len(again.stderr.splitlines()) == 1
    assert "--replace" in again.stderr
    once = vms("demo", "--once", environment=environment)
    said = "Demo data exists already, with 50 visitors: nothing is added.\n"
    assert (once.returncode, once.stdout) == (0, said)


def test_a_script_reads_what_was_replaced_and_removed(environment: dict[str, str]) -> None:
    vms("demo", "--visitors", "20", environment=environment)
    replaced = vms("demo", "--visitors", "30", "--replace", "--json", environment=environment)
    told = json.loads(replaced.stdout)
    assert (told["removed"], told["added"]["visitors"]) == (True, 30)
    removed = vms("demo", "--remove", "--json", environment=environment)
    assert json.loads(removed.stdout) == {"added": None, "removed": True}
    assert vms("demo", "--remove", environment=environment).stdout == "Nothing was changed.\n"


def test_production_is_left_alone_unless_forced(environment: dict[str, str]) -> None:
    production = environment | {"DEBUG": "false", "ALLOWED_HOSTS": "visits.example.com"}
    refused = vms("demo", "--visitors", "10", environment=production)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "--force" in refused.stderr
    forced = vms("demo", "--visitors", "10", "--force", environment=production)
    assert forced.returncode == 0, forced.stderr


async def test_a_name_that_is_taken_is_reported_in_a_sentence(
    environment: dict[str, str], settings: Settings
) -> None:
    connection = await asyncpg.connect(settings.database_url.replace("+asyncpg", ""))
    await connection.execute("UPDATE sites SET name = 'BERLIN (demo)'")
    await connection.close()
    run = await asyncio.to_thread(vms, "demo", environment=environment)
    assert (run.returncode, len(run.stderr.splitlines())) == (1, 1)
    assert "berlin (demo)" in run.stderr


def test_a_database_that_is_behind_is_refused(environment: dict[str, str], worker_id: str) -> None:
    url = recreate_database(f"vms_demo_{worker_id}")
    migrations.upgrade(url, "0001")
    run = vms("demo", environment=environment | {"DATABASE_URL": url})
    assert (run.returncode, "vms migrate" in run.stderr) == (1, True)


def test_who_waits_sees_how_far_it_is(environment: dict[str, str], tmp_path: Path) -> None:
    run = on_a_terminal("demo", "--visitors", "40", environment=environment)
    assert run.code == 0
    assert "Adding visitors" in run.seen
    assert "40/40" in run.seen
    assert run.stdout.startswith("40 visitors")
