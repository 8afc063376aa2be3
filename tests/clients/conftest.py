"""A running service with the accounts of development mode, and workbooks to upload."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from app.settings import Settings
from app.users.account_service import create_development_accounts
from tests.bulk.files import HEADER, row, workbook
from tests.support.api import Api
from tests.support.serving import served

COLUMNS = [*HEADER, "Visit Date", "Visit Time"]
WHEN = ("2026-11-23", "10:00")
FULL = ("2026-11-23", "16:00")


@pytest.fixture
async def service(app: FastAPI, api: Api, settings: Settings) -> AsyncIterator[str]:
    """Yield the address of a service on Monday, 08:00, with no places from 16:00 on."""
    await create_development_accounts(settings)
    root = await api.superadmin()
    (site,) = (await root.get("sites/")).json()["items"]
    shut = {"visit_date": "2026-11-23", "visit_time": "16:00", "capacity": 0}
    await root.post(f"sites/{site['id']}/slot-capacities/", shut)
    async with served(app) as address:
        yield address


@pytest.fixture
def workbooks(tmp_path: Path) -> Path:
    """Write `good.xlsx` (five visitors), `crowd.xlsx` (in the full hour) and `faulty.xlsx`."""
    folder = tmp_path / "workbooks"
    folder.mkdir()
    for name, when in (("good", WHEN), ("crowd", FULL)):
        visitors = [row(number, *when) for number in range(1, 6)]
        (folder / f"{name}.xlsx").write_bytes(workbook(visitors, COLUMNS))
    faulty = [["Ada", "nowhere", *row(1, *WHEN)[2:]]]
    (folder / "faulty.xlsx").write_bytes(workbook(faulty, COLUMNS))
    return folder
