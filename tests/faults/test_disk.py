"""Full disks: of PostgreSQL, and of the log."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import make_url

from app.core.db.database import Database
from devserver.postgres import EmbeddedPostgres
from tests.devserver.helpers import query
from tests.faults.load import Load
from tests.faults.processes import Service, visitor
from tests.faults.report import Finding
from tests.faults.visits import addresses, registered
from tests.reports.data import fill
from tests.support.left_out import leave_out
from tests.support.problems import problem
from tests.support.requests import XLSX

pytestmark = [pytest.mark.faults]

ROWS = 5_000  # too many to be sorted on the disk
ATTEMPTS = 200
MEBIBYTE = 1024 * 1024


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """Yield a file system of its own, with room for some megabytes."""
    place = folder / "disk"
    place.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)]
    if sys.platform != "linux" or subprocess.run(mount, check=False).returncode:
        leave_out("no file system can be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
async def on_small_disk(
    small_disk: Path, postgres: EmbeddedPostgres, url: str, database: Database
) -> AsyncIterator[Path]:
    """Move the visitors table and temporary files to a small disk."""
    name = make_url(url).database or ""
    room = small_disk / "visitors"
    room.mkdir()
    owner = postgres.data_dir.stat()
    os.chown(room, owner.st_uid, owner.st_gid)
    await query(postgres, f"CREATE TABLESPACE small LOCATION '{room}'", name)
    await query(postgres, "ALTER TABLE visitors SET TABLESPACE small", name)
    await query(postgres, f"ALTER DATABASE {name} SET temp_tablespaces = small", name)
    await query(postgres, f"ALTER DATABASE {name} SET work_mem = '64kB'", name)
    yield small_disk
    await database.close()
    await query(postgres, f"DROP DATABASE {name} WITH (FORCE)", "postgres")
    await query(postgres, "DROP TABLESPACE small", "postgres")


@contextlib.contextmanager
def full(disk: Path) -> Iterator[None]:
    rest = disk / "rest"
    with rest.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
    yield
    rest.unlink()


async def test_a_full_disk_of_postgresql_is_said_and_gets_over(
    on_small_disk: Path, service: Service, database: Database, find: Callable[[str], Finding]
) -> None:
    found = find("the disk of PostgreSQL is full")
    await fill(database, ROWS)
    told: set[str] = set()
    async with service.application() as client:
        with full(on_small_disk):
            refused = await export(client)
            problem(refused, 503, "unavailable")
            answer = await register_until_refused(client, told)
            problem(answer, 503, "unavailable")
            assert answer.headers["Retry-After"]
            assert (await client.get("/api/visitors/")).status_code == 200
        assert (await export(client)).status_code == 200
        await register(client, told, ATTEMPTS)
    found.lost = len(told - await addresses(database))
    assert f"disk-{ATTEMPTS}@example.com" in told
    assert not found.lost


async def test_a_full_disk_of_uploads_is_said(
    small_disk: Path,
    service: Service,
    find: Callable[[str], Finding],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    find("the disk of uploads is full")
    service.environment["BULK_UPLOAD_MAX_BYTES"] = str(4 * MEBIBYTE)
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    async with service.application() as client:
        with full(small_disk):
            problem(await upload(client), 503, "unavailable")
        problem(await upload(client), 422, "invalid_workbook")


async def upload(client: httpx.AsyncClient) -> httpx.Response:
    """Send a file that is too large to be kept in memory, and is no workbook."""
    files = {"file": ("list.xlsx", bytes(2 * MEBIBYTE), XLSX)}
    return await client.post("/api/visitors/bulk-upload/", files=files)


async def export(client: httpx.AsyncClient) -> httpx.Response:
    return await client.get(
        "/api/visitors/export-excel/", params={"ordering": "-visit_date", "q": "visitor"}
    )


async def register_until_refused(client: httpx.AsyncClient, told: set[str]) -> httpx.Response:
    """Register until the first page that has to be added to the table cannot be."""
    for number in range(ATTEMPTS):
        answer = await register(client, told, number)
        if answer.status_code != 201:
            return answer
    raise AssertionError("the disk was not full")


async def register(client: httpx.AsyncClient, told: set[str], number: int) -> httpx.Response:
    address = f"disk-{number}@example.com"
    answer = await client.post("/api/visitors/", json=visitor(address, number % 24))
    if answer.status_code == 201:
        told.add(address)
    return answer


async def test_a_full_disk_of_the_log_stops_nobody(
    service: Service, database: Database, find: Callable[[str], Finding]
) -> None:
    found = find("the disk of the log is full")
    service.log = Path("/dev/full")
    async with Load(await service.serve(), "unlogged").running() as load:
        await load.goes_on(20)
    found.lost = len(load.registered.keys() - await registered(database))
    assert load.answers.keys() == {201}
    assert not found.lost
