"""`vms doctor` against real parts, working and broken."""

import asyncio
import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from pydantic import SecretStr

from app.api_keys.models import ApiKey
from app.audit.chain import Signer
from app.commands.doctor import Health, as_json, before_update, examine, report
from app.commands.reasons import reason_of
from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.db.rollout import Rollout
from app.events.kinds import EventType
from app.events.outbox import emit
from app.events.sequencer_service import Sequencer
from app.settings import Settings
from devserver.mail import MailCatcher
from tests.audit.entries import sql, write
from tests.conftest import recreate_database
from tests.support.api import Api
from tests.support.database import add_site, change_default_site
from tests.support.zones import moved, reckoned_with

NOBODY = "127.0.0.1:1"


PRODUCTION = {
    "SECRET_KEY": "0123456789abcdef" * 2,
    "ALLOWED_HOSTS": "127.0.0.1",
    "DATABASE_URL": f"postgresql://vms@{NOBODY}/vms",
    "REDIS_URL": f"redis://{NOBODY}",
    "EMAIL_HOST": "127.0.0.1",
}


def doctor(environment: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app.cli", "doctor", "--json", *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


@pytest.fixture
def whole(settings: Settings, catcher: MailCatcher) -> Settings:
    """Return settings of production, whose parts are there."""
    return settings.model_copy(
        update={
            "debug": False,
            "allowed_hosts": ["visitors.test"],
            "frontend_url": "https://desk.visitors.test",
            "passkey_rp_id": "visitors.test",
            "second_factor_roles": ["superadmin"],
            "default_from_email": "desk@visitors.test",
            "metrics_token": SecretStr("what Prometheus knows"),
            "email_host": catcher.host,
            "email_port": catcher.port,
            "email_use_tls": False,
            "email_use_ssl": False,
        }
    )


def healths(settings: Settings) -> dict[str, Health]:
    return {finding.part: finding.health for finding in examine(settings)}


def faults(settings: Settings) -> dict[str, str]:
    """Return the broken parts with the advice for each."""
    found = examine(settings)
    return {each.part: each.advice for each in found if each.health is Health.FAULT}


def test_where_all_is_well_it_says_so(whole: Settings, database: Database):
    findings = examine(whole)
    assert {finding.health for finding in findings} == {Health.OK}, report(findings)
    assert not any(finding.advice for finding in findings)


def test_a_database_that_is_away_is_a_fault_with_advice(whole: Settings):
    away = whole.model_copy(update={"database_url": f"postgresql+asyncpg://vms@{NOBODY}/vms"})
    assert faults(away) == {"database": "Check DATABASE_URL, and that the server is running."}


def test_each_part_is_named_once_without_a_database(whole: Settings):
    away = whole.model_copy(update={"database_url": f"postgresql+asyncpg://vms@{NOBODY}/vms"})
    parts = [finding.part for finding in examine(away)]
    assert len(parts) == len(set(parts))


def test_a_database_that_is_not_there_is_to_be_created(whole: Settings):
    missing = re.sub(r"/vms_test\w+", "/no_such_database", whole.database_url)
    [advice] = faults(whole.model_copy(update={"database_url": missing})).values()
    assert "Create it" in advice


def test_before_the_migration_nothing_else_is_wrong(whole: Settings, worker_id: str):
    url = recreate_database(f"vms_unmigrated_{worker_id}")
    empty = whole.model_copy(update={"database_url": url})
    assert faults(empty) == {"migrations": "Run `vms migrate`."}


async def test_an_update_that_nobody_has_finished_is_worth_a_warning(
    whole: Settings, database: Database
):
    async with database.write() as unit:
        unit.add(Rollout(revision="of-a-test", finished_at=None))
    findings = {each.part: each for each in await asyncio.to_thread(examine, whole)}
    assert findings["migrations"].health is Health.WARNING
    assert "vms migrate --finish" in findings["migrations"].advice


async def test_keys_that_soon_expire_are_named(whole: Settings, api: Api):
    root, now = await api.superadmin(), datetime.now(UTC)
    facts: dict[str, Any] = {"scopes": ["gate:scan"], "maker_id": UUID(root.user_id)}
    async with api.database.write() as unit:
        for name, days in (("Door", 7), ("Loader", 30), ("Bot", -1)):
            until, secret = now + timedelta(days=days), name.encode()
            unit.add(ApiKey(name=name, expires_at=until, key_hash=secret, created_at=now, **facts))
    [found] = [f for f in await asyncio.to_thread(examine, whole) if f.part == "api keys"]
    assert found.health is Health.WARNING
    assert found.says.startswith("soon expire: Door on 2")
    assert "," not in found.says


async def test_a_changed_audit_log_is_a_fault(
    whole: Settings, database: Database, clock: SettableClock
):
    await write(database, 3)
    signer = Signer(whole.key_ring)
    await Sequencer(database, clock, signer).step()
    await sql(database, "UPDATE audit_entries SET action = 'deleted' WHERE seq = 2")
    [found] = [f for f in await asyncio.to_thread(examine, whole) if f.part == "audit log"]
    assert (found.health, found.says) == (Health.FAULT, "entry 2 was changed")


async def test_entries_that_nobody_chains_are_a_fault(whole: Settings, database: Database):
    await write(database, 1)
    found = await asyncio.to_thread(faults, whole)
    assert found == {"audit log": "Start `vms worker`, or check its log."}


async def test_events_that_nobody_numbers_are_a_fault(
    whole: Settings, database: Database, clock: SettableClock
):
    async with database.write() as unit:
        emit(unit, EventType.SLOT_FULL, "slot", None, clock.now())
    found = await asyncio.to_thread(faults, whole)
    assert found == {"events": "Start `vms worker`, or check its log."}


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (asyncpg.InvalidPasswordError("no"), "user and password"),
        (asyncpg.ProtocolViolationError("unsupported startup parameter: jit"), "?pooler="),
        (asyncpg.TooManyConnectionsError("too many"), "Sizing"),
    ],
)
def test_what_a_server_answers_has_its_advice(error: asyncpg.PostgresError, advice: str):
    outer = ConnectionError("no connection")
    outer.__cause__ = error
    reason = reason_of(outer)
    assert reason
    assert advice in reason.advice


@pytest.mark.parametrize(
    ("doubtful", "named"),
    [
        ({"allowed_hosts": ["visitors.example.com"]}, "ALLOWED_HOSTS"),
        ({"email_host": "smtp.visitors.test"}, "EMAIL_USE_TLS"),
        ({"frontend_url": "http://desk.visitors.test"}, "FRONTEND_URL"),
        ({"public_url": "http://visitors.test"}, "PUBLIC_URL"),
        ({"cors_allowed_origins": ["https://a.test", "http://b.test"]}, "CORS_ALLOWED_ORIGINS"),
        ({"metrics_token": None}, "METRICS_TOKEN"),
        ({"second_factor_roles": ["admin"]}, "SECOND_FACTOR_ROLES"),
        ({"passkey_rp_id": None}, "not offered at https://visitors.test"),
        ({"passkey_rp_id": "desk.visitors.test"}, "not offered at https://visitors.test"),
    ],
)
def test_a_doubtful_setting_is_worth_a_warning(
    whole: Settings, database: Database, doubtful: dict[str, Any], named: str
):
    found = examine(whole.model_copy(update=doubtful))
    settings = [each for each in found if each.part == "settings"]
    assert {each.health for each in settings} == {Health.WARNING}
    assert named in " ".join(each.says for each in settings)


def test_without_redis_and_mail_server_requests_are_served(whole: Settings, database: Database):
    away = {"redis_url": f"redis://{NOBODY}", "email_host": "127.0.0.1", "email_port": 1}
    found = healths(whole.model_copy(update=away))
    assert found["redis"] is found["smtp"] is Health.WARNING
    assert Health.FAULT not in found.values()


def test_development_mode_is_worth_a_warning(whole: Settings, database: Database):
    assert healths(whole.model_copy(update={"debug": True}))["settings"] is Health.WARNING


async def test_a_zone_in_which_the_database_reckons_otherwise_is_named(
    whole: Settings, database: Database, tmp_path: Path
):
    await change_default_site(database, timezone="Europe/Berlin")
    await add_site(database, timezone="America/Vancouver")
    with reckoned_with(moved(tmp_path)):
        findings = await asyncio.to_thread(examine, whole)
    [finding] = [each for each in findings if each.part == "time zones"]
    assert finding.health is Health.WARNING
    assert "America/Vancouver (from 20" in finding.says
    assert "Europe/Berlin" not in finding.says
    assert "tzdata" in finding.advice


async def test_a_zone_that_the_database_does_not_know_is_named(whole: Settings, database: Database):
    await change_default_site(database, timezone="Etc/GMT-25")
    [finding] = [
        each for each in await asyncio.to_thread(examine, whole) if each.part == "time zones"
    ]
    assert "Etc/GMT-25 (unknown)" in finding.says


def test_a_script_can_read_it(whole: Settings):
    [first, *_] = json.loads(as_json(examine(whole)))
    assert first.keys() == {"part", "health", "says", "advice"}


def test_a_fault_ends_the_command_with_1(whole: Settings):
    environment = {
        **PRODUCTION,
        "REDIS_URL": whole.redis_url,
    }
    ended = doctor(environment)
    assert ended.returncode == 1
    assert "database" in [each["part"] for each in json.loads(ended.stdout)]


def test_before_an_update_all_that_will_be_refused_is_named():
    """Only the settings are needed for it."""
    unsafe = {"SECRET_KEY": "k" * 48, "REGISTRATION": "open", "BCRYPT_ROUNDS": "4"}
    ended = doctor(PRODUCTION | unsafe, "--before-update")
    found = json.loads(ended.stdout)
    assert ended.returncode == 1
    assert [each["says"].split()[0] for each in found] == [
        "SECRET_KEY",
        "REGISTRATION=open",
        "BCRYPT_ROUNDS",
    ]
    ended = doctor(PRODUCTION, "--before-update")
    assert (ended.returncode, [each["health"] for each in json.loads(ended.stdout)]) == (0, ["ok"])


def test_before_an_update_development_mode_is_a_doubt(settings: Settings):
    [finding] = before_update(settings)
    assert (finding.health, "DEBUG" in finding.says) == (Health.WARNING, True)
