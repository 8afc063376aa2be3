from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.core.clock import SettableClock
from tests.conftest import MONDAY
from tests.support.api import Api, Client

ARRIVAL = {"visit_date": "2026-11-23", "visit_time": "09:00"}


def at(minutes: float) -> str:
    return (MONDAY + timedelta(minutes=minutes)).isoformat()


def mark(entry: str, state: str = "safe", minutes: float = 1, **fields: Any) -> dict[str, Any]:
    """Return a mark, made some minutes after the start."""
    return {
        "mark_id": str(uuid4()),
        "entry": entry,
        "state": state,
        "marked_at": at(minutes),
    } | fields


@dataclass
class Building:
    """The default site with people inside, and a muster."""

    api: Api
    clock: SettableClock
    root: Client
    site: str = ""
    visitors: list[dict[str, Any]] = field(default_factory=list)
    muster: dict[str, Any] = field(default_factory=dict)

    async def admit(self, *names: str, **fields: Any) -> None:
        for name in names:
            visitor = await self.root.register(
                **ARRIVAL | {"name": name, "email": f"{name.lower()}@example.com"} | fields
            )
            self.site = visitor["site"]
            self.visitors.append(visitor)
            scanned = await self.root.scan(visitor["qr_code"], gate="North")
            assert scanned.status_code == 200, scanned.text

    async def later(self, **time: float) -> None:
        """Move the clock, and sign in again."""
        self.clock.advance(timedelta(**time))
        self.root = await self.api.sign_in("root@example.com", self.root.user_id)

    async def start(self, kind: str = "real", **fields: Any) -> dict[str, Any]:
        answer = await self.root.post(f"sites/{self.site}/musters/", {"kind": kind} | fields)
        assert answer.status_code == 201, answer.text
        self.muster = answer.json()
        return self.muster

    def entry(self, name: str) -> str:
        return next(str(each["id"]) for each in self.muster["entries"] if each["name"] == name)

    async def read(self) -> dict[str, Any]:
        self.muster = (await self.root.get(f"musters/{self.muster['id']}/")).json()
        return self.muster

    async def states(self) -> dict[str, str]:
        return {each["name"]: each["state"] for each in (await self.read())["entries"]}

    async def send(self, path: str, body: Any = None, client: Client | None = None) -> Any:
        return await (client or self.root).post(f"musters/{self.muster['id']}/{path}/", body)

    async def mark(self, *marks: dict[str, Any]) -> list[tuple[str, str | None]]:
        answer: httpx.Response = await self.send("marks", list(marks))
        assert answer.status_code == 200, answer.text
        return [(each["result"], each["code"]) for each in answer.json()["results"]]


@pytest.fixture
async def building(api: Api, clock: SettableClock) -> Building:
    return Building(api, clock, await api.superadmin())


Passing = Callable[[datetime], Awaitable[None]]
