"""Visitors who register themselves, and their seats."""

from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import select

from app.core.db.database import Database
from app.slots.models import Slot
from tests.support.api import Client

DAY = "2026-11-23"
FORM = {"name": "Ada Lovelace", "visit_date": DAY, "visit_time": "10:00"}


class Strangers:
    """Visitors who register themselves, each from another network."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._number = 0

    async def post(self, **fields: Any) -> httpx.Response:
        self._number += 1
        number = self._number
        transport = httpx.ASGITransport(
            self._app, client=(f"10.0.{number // 250}.{number % 250}", 1)
        )
        body = FORM | {"email": f"guest{number}@example.com"} | fields
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.post("/api/visitors/", json=body)

    async def register(self, **fields: Any) -> str:
        answer = await self.post(**fields)
        assert answer.status_code == 201, answer.text
        id_: str = answer.json()["id"]
        return id_


async def seats(database: Database, hour: int = 10) -> tuple[int, int, int]:
    """Return the seats taken in an hour: all, those of strangers, and those above their share."""
    async with database.read() as session:
        columns = (Slot.booked, Slot.self_booked, Slot.self_excess)
        found = (await session.rows(select(*columns).where(Slot.hour == hour))).one()
    return found[0], found[1], found[2]


async def code_of(admin: Client, id_: str) -> str:
    code: str = (await admin.get(f"visitors/{id_}/")).json()["qr_code"]
    return code
