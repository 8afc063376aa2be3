"""The previous release and this one on one database, until the update is finished."""

import asyncio
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from devserver.mail import MailCatcher
from tests.conftest import recreate_database
from tests.e2e.conftest import OPEN_ALWAYS
from tests.e2e.installation import SUPERADMIN, Today, all_ready, eventually, free_port, process
from tests.support.left_out import leave_out
from tests.test_migrations import connected

ROOT = Path(__file__).parents[2]
# The last commit of the previous release: its code is taken from the history of this repository.
BEFORE = Path(__file__).with_name("previous-release").read_text().strip()
PACKAGES = ("app", "workers", "migrations", "email_templates", "locales")
GUARD: dict[str, Any] = {
    "email": "guard@example.com",
    "first_name": "Night",
    "last_name": "Watch",
    "role": "guard",
}
HOST = {"host_name": "Mary Somerville", "host_email": "mary@example.com"}


def vms(arguments: list[str], environment: dict[str, str], code: Path) -> None:
    command = [sys.executable, "-m", "app.cli", *arguments]
    subprocess.run(command, env=environment, cwd=code, check=True)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the code of the previous release."""
    packed = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "archive", BEFORE, *PACKAGES],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if packed.returncode:
        leave_out(f"the previous release is not in the history here: git fetch origin {BEFORE}")
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


@dataclass
class Both:
    """The API of both releases, and the worker of the previous one."""

    old: httpx.AsyncClient
    new: httpx.AsyncClient
    environment: dict[str, str]
    mail: MailCatcher

    async def register(self, client: httpx.AsyncClient, **fields: str) -> dict[str, Any]:
        body = {"name": "Ada Lovelace", "email": "ada@example.com", **fields}
        answer = await client.post("/api/visitors/", json=body)
        assert answer.status_code == 201, answer.text
        visitor: dict[str, Any] = answer.json()
        return visitor

    async def kinds(self, visitor: dict[str, Any], status: str | None = None) -> set[str]:
        found = (await self.new.get(f"/api/visitors/{visitor['id']}/notifications/")).json()
        return {mail["kind"] for mail in found if status in {None, mail["status"]}}


@pytest.fixture
def both(
    before: Path, worker_id: str, redis_url: str, tmp_path: Path, today: Today
) -> Iterator[Both]:
    """Yield an installation of the previous release, migrated while it runs beside this one."""
    catcher = MailCatcher(tmp_path / "mail")
    catcher.start()
    environment = {
        **os.environ,
        "DEBUG": "true",
        "SECRET_KEY": "a secret of the end-to-end tests, long enough",
        "DATABASE_URL": recreate_database(f"vms_update_{worker_id}"),
        "REDIS_URL": redis_url,
        "EMAIL_HOST": catcher.host,
        "EMAIL_PORT": str(catcher.port),
        "EMAIL_USE_TLS": "false",
    }
    old, new = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    try:
        with ExitStack() as running:
            vms(["migrate"], environment, before)
            vms(["dev-accounts"], environment, before)
            for name, arguments in (("old", ["serve", "--port", old[-5:]]), ("worker", ["worker"])):
                log = tmp_path / f"{name}.log"
                running.enter_context(process(arguments, environment, log, code=before))
            asyncio.run(all_ready((old,)))
            vms(["migrate"], environment, ROOT)
            serve = ["serve", "--port", new[-5:]]
            running.enter_context(process(serve, environment, tmp_path / "new.log"))
            asyncio.run(all_ready((new,)))
            yield Both(_client(old), _client(new), environment, catcher)
    finally:
        catcher.stop()


def _client(address: str) -> httpx.AsyncClient:
    answer = httpx.post(f"{address}/api/auth/login/", json=SUPERADMIN, timeout=60)
    headers = {"Authorization": f"Bearer {answer.json()['access']}"}
    return httpx.AsyncClient(base_url=address, headers=headers, timeout=60)


async def test_both_releases_serve_until_the_update_is_finished(both: Both, today: Today):
    async with both.old, both.new:
        await _both_serve(both, today)


async def _history(client: httpx.AsyncClient, visitor: dict[str, Any]) -> list[str]:
    found = (await client.get(f"/api/visitors/{visitor['id']}/events/")).json()
    return [event["action"] for event in found]


async def _both_serve(both: Both, today: Today) -> None:
    sites = (await both.new.get("/api/sites/")).json()["items"]
    rules = {**OPEN_ALWAYS, "timezone": today.timezone}
    site = f"/api/sites/{sites[0]['id']}/"
    assert (await both.new.patch(site, json=rules, params={"notify": False})).is_success
    host = {"host_name": "Charles Babbage", "host_email": "charles@example.com"}
    mine = await both.register(both.new, **host, **today.tomorrow(10))
    theirs = await both.register(both.old, **host, **today.tomorrow(11))

    # The worker of the previous release sends what this one writes, and each reads the other's.
    await eventually(lambda: _sent(both, mine, {"visitor_confirmation", "host_registration"}))
    for client in (both.old, both.new):
        for visitor in (mine, theirs):
            assert (await client.get(f"/api/visitors/{visitor['id']}/")).status_code == 200
    moved = await both.old.post(f"/api/visitors/{mine['id']}/reschedule/", json=today.tomorrow(12))
    assert moved.is_success
    for client in (both.old, both.new):
        assert await _history(client, mine) == ["registered", "rescheduled"]
        signed_in = await client.get("/api/auth/events/", params={"action": "signed_in"})
        assert len(signed_in.json()["items"]) == 2
    stayed = await _pass_both(both, today)
    vms(["migrate"], both.environment, ROOT)
    vms(["audit", "verify"], both.environment, ROOT)

    # What it cannot read is not written.
    refused = await both.new.patch(f"/api/visitors/{theirs['id']}/", json=HOST)
    assert (refused.status_code, refused.json()["code"]) == (503, "update_under_way")
    assert int(refused.headers["Retry-After"]) > 0
    # Its worker would write to the host in place of the co-host, and of an hour.
    for field, value in (("co_hosts", [{"email": "mary@example.com"}]), ("duration_minutes", 90)):
        refused = await both.new.patch(f"/api/visitors/{theirs['id']}/", json={field: value})
        assert (refused.status_code, refused.json()["code"]) == (503, "update_under_way")
    named = await both.new.patch(site, json={"name": "Elsewhere"})
    assert (named.status_code, named.json()["code"]) == (503, "update_under_way")
    # The previous release would let its owner in without it.
    factor = await both.new.post("/api/auth/second-factor/totp/")
    assert (factor.status_code, factor.json()["code"]) == (503, "update_under_way")

    for account in (GUARD | {"sites": None}, GUARD | {"role": "admin", "sites": [sites[0]["id"]]}):
        made = await both.new.post("/api/auth/users/", json=account)
        assert (made.status_code, made.json()["code"]) == (503, "update_under_way")
    everywhere = GUARD | {"role": "admin", "sites": None, "email": "everywhere@example.com"}
    assert (await both.new.post("/api/auth/users/", json=everywhere)).status_code == 201
    assert (await both.old.get("/api/auth/users/")).status_code == 200

    re_entry = await both.new.patch(site, json={"re_entry": "same_day"})
    assert (re_entry.status_code, re_entry.json()["code"]) == (503, "update_under_way")

    vms(["migrate", "--finish"], both.environment, ROOT)
    for visitor_id, out in stayed.items():
        [stay] = (await both.new.get(f"/api/visitors/{visitor_id}/stays/")).json()
        assert (stay["in_method"], stay["out_method"]) == ("gate", out)
    async with connected(both.environment["DATABASE_URL"]) as connection:
        assert await connection.fetchval("SELECT count(*) FROM stays") == len(stayed)
    assert (await both.new.patch(site, json={"re_entry": "same_day"})).is_success
    guard = GUARD | {"sites": [sites[0]["id"]]}
    assert (await both.new.post("/api/auth/users/", json=guard)).status_code == 201
    assert (await both.new.patch(f"/api/visitors/{theirs['id']}/", json=HOST)).is_success
    # Queued, or taken already by the worker.
    assert "host_handed_over" in await both.kinds(theirs)


async def _pass_both(both: Both, today: Today) -> dict[str, str | None]:
    """Let visitors in and out by gates of both releases; return how each went out."""
    ways = {}
    for entry, out in (
        (both.old, None),
        (both.old, both.old),
        (both.old, both.new),
        (both.new, both.old),
    ):
        visitor = await both.register(both.new, **today.in_five_minutes)
        for gate, direction in ((entry, "in"), (out, "out")):
            if gate is not None:
                body = {"token": visitor["qr_code"], "direction": direction}
                answer = await gate.post("/api/visitors/verify-qr/", json=body)
                assert answer.status_code == 200, answer.text
        ways[visitor["id"]] = None if out is None else "gate"
    return ways


async def _sent(both: Both, visitor: dict[str, Any], kinds: set[str]) -> bool:
    return kinds <= await both.kinds(visitor, "sent")
