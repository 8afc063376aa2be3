"""`vms doctor` against real parts, whole and broken."""

import json
import subprocess
import sys

import pytest

from app.commands.doctor import Health, as_json, examine, report
from app.core.database import Database
from app.embedded.mail import MailCatcher
from app.settings import Settings

NOBODY = "127.0.0.1:1"


@pytest.fixture
def whole(settings: Settings, catcher: MailCatcher) -> Settings:
    """Settings of production, whose parts are there."""
    return settings.model_copy(
        update={
            "debug": False,
            "email_host": catcher.host,
            "email_port": catcher.port,
            "email_use_tls": False,
            "email_use_ssl": False,
        }
    )


def healths(settings: Settings) -> dict[str, Health]:
    return {finding.part: finding.health for finding in examine(settings)}


def test_where_all_is_well_it_says_so(whole: Settings, database: Database):
    findings = examine(whole)
    assert {finding.health for finding in findings} == {Health.OK}, report(findings)
    assert not any(finding.advice for finding in findings)


def test_a_database_that_is_away_is_a_fault_with_advice(whole: Settings):
    away = whole.model_copy(update={"database_url": f"postgresql+asyncpg://vms@{NOBODY}/vms"})
    [database] = [finding for finding in examine(away) if finding.part == "database"]
    assert database.health is Health.FAULT
    assert "DATABASE_URL" in database.advice


def test_without_redis_and_mail_server_requests_are_served(whole: Settings, database: Database):
    away = {"redis_url": f"redis://{NOBODY}", "email_host": "127.0.0.1", "email_port": 1}
    found = healths(whole.model_copy(update=away))
    assert found["redis"] is found["smtp"] is Health.WARNING
    assert Health.FAULT not in found.values()


def test_development_mode_is_worth_a_warning(whole: Settings, database: Database):
    assert healths(whole.model_copy(update={"debug": True}))["settings"] is Health.WARNING


def test_a_script_can_read_it(whole: Settings):
    [first, *_] = json.loads(as_json(examine(whole)))
    assert first.keys() == {"part", "health", "says", "advice"}


def test_a_fault_ends_the_command_with_1(whole: Settings):
    environment = {
        "SECRET_KEY": "k" * 48,
        "ALLOWED_HOSTS": "127.0.0.1",
        "DATABASE_URL": f"postgresql://vms@{NOBODY}/vms",
        "REDIS_URL": whole.redis_url,
        "EMAIL_HOST": "127.0.0.1",
    }
    command = [sys.executable, "-m", "app.cli", "doctor", "--json"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "database" in [each["part"] for each in json.loads(ended.stdout)]
