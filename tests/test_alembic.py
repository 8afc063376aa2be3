"""The command `alembic` uses the settings of the service."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import TEMPLATE, recreate_database

ROOT = Path(__file__).parent.parent


def alembic(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def settings(worker_id: str, redis_url: str) -> dict[str, str]:
    return {
        "DATABASE_URL": recreate_database(f"vms_alembic_{worker_id}"),
        "REDIS_URL": redis_url,
        "SECRET_KEY": "0123456789abcdef" * 3,
        "EMAIL_HOST": "127.0.0.1",
        "ALLOWED_HOSTS": "127.0.0.1",
    }


def test_an_empty_database_is_upgraded(settings: dict[str, str]) -> None:
    assert alembic("upgrade", "head", **settings).returncode == 0
    told = alembic("current", **settings)
    assert "(head)" in told.stdout, told.stderr


def test_models_and_migrations_agree(settings: dict[str, str], worker_id: str) -> None:
    settings["DATABASE_URL"] = recreate_database(f"vms_alembic_{worker_id}", TEMPLATE)
    told = alembic("check", **settings)
    assert told.returncode == 0, told.stdout + told.stderr


def test_a_missing_setting_is_named() -> None:
    told = alembic("current")
    assert told.returncode != 0
    assert "DATABASE_URL is missing" in told.stdout + told.stderr
    assert "Traceback" not in told.stderr


def test_a_script_without_a_database_is_refused(settings: dict[str, str]) -> None:
    told = alembic("upgrade", "head", "--sql", **settings)
    assert told.returncode != 0
    assert "cannot be written as a script" in told.stdout + told.stderr
