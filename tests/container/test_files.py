"""Dockerfile, compose.yaml and their scripts match the service."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from app import migrations
from app.cli import app
from app.settings import Settings
from devserver.postgres import EmbeddedPostgres
from tests.container.database_role import make_role
from tests.container.dockerfile import ROOT, stages
from tests.devserver.helpers import query

# Missing rights on rows, and excessive rights on tables, of the service's role.
MISPLACED_RIGHTS = """
SELECT string_agg(relname || ' ' || word, ', ') FROM pg_class,
    unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) AS word
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    AND has_table_privilege('vms', oid, word) = (word IN ('TRUNCATE', 'TRIGGER'))
"""
OURS = ("api", "worker", "migrate")
Compose = dict[str, Any]


@pytest.fixture(scope="module")
def compose() -> Compose:
    read: Compose = YAML(typ="safe").load(ROOT / "compose.yaml")
    return read


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create the secrets as an operator does."""
    directory: Path = tmp_path_factory.mktemp("made") / "secrets"
    make_secrets(directory)
    return directory


def make_secrets(directory: Path) -> None:
    script = ["sh", str(ROOT / "deploy/secrets.sh"), str(directory)]
    subprocess.run(script, check=True, stdout=subprocess.DEVNULL)


def command(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def test_the_dockerfile_is_without_faults() -> None:
    subprocess.run([command("hadolint"), ROOT / "Dockerfile"], check=True)


def test_what_the_dockerfile_copies_is_not_ignored() -> None:
    kept = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    copies = [value.split() for name, value in stages()["build"].steps if name == "COPY"]
    assert {word for *sources, _ in copies for word in sources} == kept


def test_the_compose_file_is_one() -> None:
    schema = ["--builtin-schema", "vendor.compose-spec"]
    file = str(ROOT / "compose.yaml")
    subprocess.run([command("check-jsonschema"), *schema, file], check=True)


def test_every_service_is_confined(compose: Compose) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert {"cpus", "memory", "pids"} <= service["deploy"]["resources"]["limits"].keys(), name
        assert "healthcheck" in service or service["image"].startswith("${VMS_IMAGE"), name
        assert not re.search(r":latest$|^[^:]+$", service["image"]), name


def test_the_image_is_built_once_by_whom_the_others_wait_for(compose: Compose) -> None:
    built = [name for name, service in compose["services"].items() if "build" in service]
    assert built == ["migrate"]
    for name in set(OURS) - {"migrate"}:
        assert "migrate" in compose["services"][name]["depends_on"]


def test_only_proxy_and_worker_reach_the_world(compose: Compose) -> None:
    networks = compose["networks"]
    open_ones = {name for name, network in networks.items() if not network.get("internal")}
    outside = {
        name
        for name, service in compose["services"].items()
        if open_ones & set(service["networks"])
    }
    assert outside == {"proxy", "worker", "mail"}


def test_prometheus_finds_whom_it_asks(compose: Compose) -> None:
    prometheus = YAML(typ="safe").load(ROOT / "deploy/observability/prometheus.yml")
    asked = {
        name: target["port"]
        for job in prometheus["scrape_configs"]
        for target in job["dns_sd_configs"]
        for name in target["names"]
    }
    worker_port = compose["services"]["worker"]["environment"]["WORKER_METRICS_PORT"]
    assert asked == {"api": 8000, "worker": int(worker_port)}
    for name in asked:
        assert "figures" in compose["services"][name]["networks"]
        assert "ports" not in compose["services"][name]


def test_the_bigger_image_has_more_parts_and_no_other_versions() -> None:
    usual, bigger = (
        set(re.findall(r"^\S+==\S+", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.lock", "requirements-all.lock")
    )
    assert usual < bigger


def test_the_commands_are_ours(compose: Compose) -> None:
    known = {
        found.name or found.callback.__name__ for found in app.registered_commands if found.callback
    }
    default = [stages()["image"].command[0]]
    started = {compose["services"][name].get("command", default)[0] for name in OURS}
    assert started == {"serve", "worker", "migrate"} <= known


def test_the_example_names_every_variable() -> None:
    example = (ROOT / "deploy/compose.env.example").read_text()
    named = set(re.findall(r"^#?([A-Z0-9_]+)=", example, re.MULTILINE))
    files = [(ROOT / "compose.yaml").read_text()]
    used = set(re.findall(r"(?<!\$)\$\{([A-Z0-9_]+)", "".join(files)))
    assert used <= named
    assert named - used <= {name.upper() for name in Settings.model_fields}


def test_the_script_makes_every_secret_and_keeps_it(compose: Compose, secrets: Path) -> None:
    assert {file.name for file in secrets.iterdir()} == compose["secrets"].keys()
    before = {file.name: file.read_text() for file in secrets.iterdir()}
    make_secrets(secrets)
    assert {file.name: file.read_text() for file in secrets.iterdir()} == before
    assert secrets.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in secrets.iterdir()} == {0o644}


def test_the_service_starts_with_the_example_and_these_secrets(
    compose: Compose, secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    (secrets / "email_host_password").write_text("of the mail server\n")
    given = compose["services"]["api"]
    network = re.sub(r".*:-(.*)}}", r"\1", given["environment"]["TRUSTED_PROXIES"])
    settings = Settings(
        _env_file=ROOT / "deploy/compose.env.example",
        _secrets_dir=secrets,
        allowed_hosts=["visitors.example.com"],
        trusted_proxies=network,
    )
    assert settings.debug is False
    assert settings.database_url.endswith("@postgres:5432/vms")
    assert set(given["secrets"]) <= Settings.model_fields.keys()
    (subnet,) = compose["networks"]["front"]["ipam"]["config"]
    assert f"-{subnet['subnet']}}}" in given["environment"]["TRUSTED_PROXIES"]


def test_who_had_one_role_goes_on_with_it(tmp_path: Path) -> None:
    (tmp_path / "database_url").write_text("postgresql://vms:mine@elsewhere:5432/vms\n")
    make_secrets(tmp_path)
    kept = (tmp_path / "migration_database_url").read_text()
    assert kept == "postgresql://vms:mine@elsewhere:5432/vms\n"
    assert (tmp_path / "migration_password").read_text().strip() == ""


async def test_the_service_gets_a_role_with_limits_that_owns_nothing(
    secrets: Path, tmp_path: Path
) -> None:
    postgres = EmbeddedPostgres(tmp_path / "postgres", durable=False)
    postgres.start()
    try:
        make_role({"PGHOST": str(postgres._socket_dir)}, secrets)
        role = "SELECT rolsuper::text || array_to_string(rolconfig, ',') FROM pg_roles"
        assert await query(postgres, f"{role} WHERE rolname = 'vms'") == (
            "falselock_timeout=3s,statement_timeout=15s,idle_in_transaction_session_timeout=30s"
        )
        owner = postgres.url("vms").replace("//postgres@", "//vms_owner@", 1)
        await asyncio.to_thread(migrations.upgrade, owner)
        assert await query(postgres, MISPLACED_RIGHTS) is None
        owned = "SELECT count(*) FROM pg_class WHERE relowner = 'vms'::regrole"
        assert await query(postgres, owned) == 0
        create = "SELECT has_schema_privilege('vms', 'public', 'CREATE')"
        assert await query(postgres, create) is False
    finally:
        postgres.stop()
