"""The `vms` command, run as a process."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app import migrations
from app.settings import Settings
from tests.commands.terminal import on_a_terminal
from tests.conftest import TEMPLATE, recreate_database

PASSWORD = "correct horse battery"
AN_APP = """
INSERT INTO totp_factors (id, user_id, is_confirmed, secret, created_at)
SELECT gen_random_uuid(), id, true, 'secret', now() FROM users
"""


@pytest.fixture
def fresh_url(worker_id: str) -> str:
    """Return a database without a schema."""
    return recreate_database(f"vms_cli_{worker_id}")


@pytest.fixture
def environment(fresh_url: str, redis_url: str) -> dict[str, str]:
    """Return a production environment."""
    ours = {name.upper() for name in Settings.model_fields}
    others = {name: value for name, value in os.environ.items() if name not in ours}
    return others | {
        "SECRET_KEY": "0123456789abcdef" * 3,
        "ALLOWED_HOSTS": "127.0.0.1",
        "DATABASE_URL": fresh_url,
        "REDIS_URL": redis_url,
        "EMAIL_HOST": "127.0.0.1",
        "BCRYPT_ROUNDS": "10",
    }


def test_development_mode_listens_to_this_machine_alone(environment: dict[str, str]) -> None:
    told = vms("serve", "--host", "192.0.2.1", environment=environment | {"DEBUG": "true"})
    assert told.returncode == 1
    assert "DEBUG=true is for this machine only" in told.stderr


@pytest.fixture
def migrated(environment: dict[str, str], fresh_url: str, worker_id: str) -> dict[str, str]:
    """Return the same with a schema, which is copied, since a process takes seconds to start."""
    recreate_database(f"vms_cli_{worker_id}", TEMPLATE)
    return environment


def vms(
    *arguments: str, environment: dict[str, str], stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_migrate_twice_at_once_is_safe(environment: dict[str, str], fresh_url: str) -> None:
    command = [sys.executable, "-m", "app.cli", "migrate"]
    both = [subprocess.Popen(command, env=environment) for _ in range(2)]
    assert [child.wait(60) for child in both] == [0, 0]
    migrations.check(fresh_url)


def test_migrate_tells_a_script_what_it_has_run(environment: dict[str, str]) -> None:
    first, again = (
        json.loads(vms("migrate", "--json", environment=environment).stdout) for _ in range(2)
    )
    assert (first["applied"][0], first["applied"][-1]) == ("0001", first["revision"])
    assert again == {
        "applied": [],
        "revision": first["revision"],
        "renewed_secrets": 0,
        "update_under_way": False,
        "audit_entries_chained": 0,
    }
    assert first["audit_entries_chained"] == 1


def test_migrate_shows_who_waits_how_far_it_is(environment: dict[str, str]) -> None:
    run = on_a_terminal("migrate", environment=environment)
    assert (run.code, run.stdout[:15]) == (0, "Migrated: 0001,")
    assert "Migrating" in run.seen


def test_migrate_leaves_a_newer_database_alone(migrated: dict[str, str], fresh_url: str) -> None:
    """The version before an upgrade can be started again."""
    asyncio.run(_execute(fresh_url, "UPDATE alembic_version SET version_num = 'of tomorrow'"))
    run = vms("migrate", environment=migrated)
    assert (run.returncode, "newer" in run.stdout) == (0, True)


@pytest.mark.parametrize(
    "command",
    [("create-superadmin", "--email", "a@example.com", "--password-stdin"), ("purge",)],
)
def test_before_the_migration_a_command_says_so(
    environment: dict[str, str], command: tuple[str, ...]
) -> None:
    run = vms(*command, environment=environment | {"RETENTION_DAYS": "30"}, stdin=PASSWORD)
    assert run.returncode == 1
    assert "vms migrate" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_database_that_is_not_there_is_named(environment: dict[str, str]) -> None:
    missing = environment["DATABASE_URL"].replace("/vms_cli", "/no_such")
    run = vms("migrate", environment=environment | {"DATABASE_URL": missing})
    assert (run.returncode, "Create it" in run.stderr) == (1, True)
    assert "Traceback" not in run.stderr


def test_a_secret_that_cant_be_read_is_a_sentence(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "metrics_token").write_bytes(b"\xff")
    run = vms("migrate", environment=environment | {"SECRETS_DIR": str(tmp_path)})
    assert (run.returncode, "cannot be read" in run.stderr) == (1, True)
    assert "Traceback" not in run.stderr


def test_a_missing_setting_is_named_in_a_sentence(environment: dict[str, str]) -> None:
    del environment["REDIS_URL"]
    run = vms("serve", environment=environment)
    assert run.returncode == 1
    assert "The setting REDIS_URL is missing" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_database_that_is_behind_is_refused(environment: dict[str, str], command: str) -> None:
    run = vms(command, environment=environment)
    assert (run.returncode, "vms migrate" in run.stderr) == (1, True)


@pytest.mark.parametrize("command", ["serve", "worker", "migrate"])
def test_a_database_that_is_away_is_one_sentence(environment: dict[str, str], command: str) -> None:
    environment["DATABASE_URL"] = "postgresql://nobody@127.0.0.1:9/vms"
    run = vms(command, environment=environment)
    assert run.returncode == 1
    assert len(run.stderr.strip().splitlines()) == 1
    assert "cannot be reached" in run.stderr


def test_production_refuses_the_development_accounts(migrated: dict[str, str]) -> None:
    assert vms("dev-accounts", environment=migrated | {"DEBUG": "true"}).returncode == 0
    run = vms("serve", environment=migrated)
    assert (run.returncode, "development accounts" in run.stderr) == (1, True)
    assert vms("dev-accounts", environment=migrated).returncode == 1


def test_create_superadmin_makes_an_account_once(migrated: dict[str, str], fresh_url: str) -> None:
    create = ("create-superadmin", "--email", "Root@Example.com", "--password-stdin")
    assert vms(*create, environment=migrated, stdin=PASSWORD).returncode == 0
    again = vms(*create, environment=migrated, stdin=PASSWORD)
    assert (again.returncode, "already" in again.stderr) == (1, True)
    assert asyncio.run(_users(fresh_url)) == [("Root@example.com", "superadmin")]


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("no address", PASSWORD),
        ("a@b.com", "short"),
        ("a@b.com", "Superadmin-2026"),
        ("a@b.com", "Main site 1"),
    ],
)
def test_create_superadmin_refuses_bad_input(
    migrated: dict[str, str], email: str, password: str
) -> None:
    create = ("create-superadmin", "--email", email, "--password-stdin")
    run = vms(*create, environment=migrated, stdin=password)
    assert run.returncode == 1
    assert "Traceback" not in run.stderr


def test_create_superadmin_tells_a_script(migrated: dict[str, str]) -> None:
    create = ("create-superadmin", "--email", "root@example.com", "--password-stdin", "--json")
    run = vms(*create, environment=migrated, stdin=PASSWORD)
    assert json.loads(run.stdout) == {"email": "root@example.com", "role": "superadmin"}


def test_help_names_every_command_and_the_exit_codes() -> None:
    shown = vms("--help", environment={"PATH": os.environ["PATH"], "COLUMNS": "120"}).stdout
    for command in ("dev", "serve", "worker", "migrate", "demo", "purge", "doctor", "scan"):
        assert f" {command} " in shown
    assert "Exit codes: 0 success" in shown


def test_a_wrong_command_is_2() -> None:
    path = {"PATH": os.environ["PATH"]}
    assert vms("migrate", "--unknown", environment=path).returncode == 2
    assert vms("demo", "--visitors", "0", environment=path).returncode == 2


@pytest.mark.parametrize(
    ("shell", "asked"),
    [
        ("bash", {"COMP_WORDS": "vms mig", "COMP_CWORD": "1"}),
        ("zsh", {"_TYPER_COMPLETE_ARGS": "vms mig"}),
        ("fish", {"_TYPER_COMPLETE_ARGS": "vms mig", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}),
    ],
)
def test_a_shell_completes_commands(shell: str, asked: dict[str, str]) -> None:
    """Completion as installed by `vms --install-completion`."""
    run = subprocess.run(
        [Path(sys.executable).with_name("vms")],
        env={"PATH": os.environ["PATH"], "_VMS_COMPLETE": f"complete_{shell}", **asked},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "migrate" in run.stdout
    assert "serve" not in run.stdout


def test_openapi_needs_no_settings() -> None:
    path = {"PATH": os.environ["PATH"]}
    document = json.loads(vms("openapi", environment=path).stdout)
    assert "/api/visitors/verify-qr/" in document["paths"]


def test_every_migration_has_a_way_back(fresh_url: str) -> None:
    migrations.upgrade(fresh_url)
    migrations.downgrade(fresh_url, "base")
    migrations.upgrade(fresh_url)
    migrations.check(fresh_url)


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _users(url: str) -> list[Any]:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return [tuple(row) for row in await connection.fetch("SELECT email, role FROM users")]
    finally:
        await connection.close()


async def _mails(url: str) -> list[Any]:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        mails = await connection.fetch("SELECT recipient, kind FROM notifications")
        return [tuple(mail) for mail in mails]
    finally:
        await connection.close()


def test_a_second_factor_of_nobody_is_not_reset(migrated: dict[str, str]) -> None:
    run = vms("reset-second-factor", "--email", "nobody@example.com", environment=migrated)
    assert (run.returncode, run.stderr) == (1, "No account has this e-mail address.\n")


def test_a_reset_removes_the_second_factor_and_mails_its_owner(migrated: dict[str, str]) -> None:
    create = ("create-superadmin", "--email", "root@example.com", "--password-stdin")
    vms(*create, environment=migrated, stdin=PASSWORD)
    run = vms("reset-second-factor", "--email", "root@example.com", "--json", environment=migrated)
    assert json.loads(run.stdout) == {"email": "root@example.com", "reset": False}
    url = migrated["DATABASE_URL"]
    assert asyncio.run(_mails(url)) == []
    asyncio.run(_execute(url, AN_APP))
    run = vms("reset-second-factor", "--email", "Root@example.com", environment=migrated)
    assert run.returncode == 0, run.stderr
    assert run.stdout == "Root@example.com signs in with the password alone now.\n"
    assert asyncio.run(_mails(url)) == [("root@example.com", "second_factor_changed")]
