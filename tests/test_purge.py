"""`vms purge`, run as a process."""

import asyncio
import json
import os
from datetime import date
from typing import Any

import pytest
from sqlalchemy import update

from app.core.db.database import Database
from app.settings import Settings
from app.visitors.models import Visitor, VisitorStatus
from tests.commands.terminal import on_a_terminal
from tests.support.api import Api
from tests.support.database import places_holding
from tests.test_cli import vms


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """Return the installation of the other fixtures, which keeps visitors for 180 days."""
    return {
        "PATH": os.environ["PATH"],
        "DEBUG": "true",
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "EMAIL_HOST": settings.email_host,
        "RETENTION_DAYS": "180",
    }


@pytest.fixture
async def visitor(api: Api, database: Database) -> dict[str, Any]:
    """Add a visitor whose visit was long ago."""
    registered = await (await api.admin()).register()
    async with database.write() as unit:
        values = {"visit_date": date(2020, 1, 6), "status": VisitorStatus.COMPLETED}
        await unit.write(update(Visitor).values(**values))
    return registered


async def test_a_dry_run_lists_and_changes_nothing(
    database: Database, environment: dict[str, str], visitor: dict[str, Any]
):
    run = vms("purge", "--dry-run", environment=environment)
    assert (run.returncode, run.stdout.splitlines()) == (
        0,
        [
            f"{visitor['id']}\t2020-01-06\tMain site\tcompleted",
            "Visitors that would be anonymised: 1",
        ],
    )
    assert "visitors.email" in await places_holding(database, "ada@example.com")


async def test_a_purge_anonymises_and_says_how_many(
    database: Database, environment: dict[str, str], visitor: dict[str, Any]
):
    for count in (1, 0):
        run = vms("purge", environment=environment)
        assert (run.returncode, run.stdout) == (0, f"Visitors anonymised: {count}\n")
    assert await places_holding(database, "ada@example.com") == set()


async def test_a_script_reads_whom_it_would_be_and_how_many_it_was(
    environment: dict[str, str], visitor: dict[str, Any]
):
    listed = json.loads(vms("purge", "--dry-run", "--json", environment=environment).stdout)
    assert listed == [
        {
            "id": visitor["id"],
            "visit_date": "2020-01-06",
            "site": "Main site",
            "status": "completed",
        }
    ]
    assert json.loads(vms("purge", "--json", environment=environment).stdout) == {"anonymised": 1}


async def test_who_waits_for_a_purge_sees_how_far_it_is(
    environment: dict[str, str], visitor: dict[str, Any]
):
    run = await asyncio.to_thread(on_a_terminal, "purge", environment=environment)
    assert (run.code, run.stdout) == (0, "Visitors anonymised: 1\n")
    assert "Anonymising" in run.seen
    assert "1/1" in run.seen


@pytest.mark.parametrize("arguments", [(), ("--dry-run",)])
def test_without_retention_days_it_is_one_sentence(
    environment: dict[str, str], arguments: tuple[str, ...]
) -> None:
    del environment["RETENTION_DAYS"]
    run = vms("purge", *arguments, environment=environment)
    assert run.returncode == 1
    assert len(run.stderr.strip().splitlines()) == 1
    assert "RETENTION_DAYS is not set" in run.stderr


def test_a_wrong_number_of_days_is_named(environment: dict[str, str]) -> None:
    run = vms("purge", environment=environment | {"RETENTION_DAYS": "0"})
    assert run.returncode == 1
    assert "The setting RETENTION_DAYS is invalid" in run.stderr
