"""The programs of `clients/examples/`, as processes against a service on a socket."""

import asyncio
import json
import os
import sqlite3
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.clock import SettableClock, SystemClock
from app.core.db.database import Database
from app.events.jobs import delete_old
from app.settings import Settings
from app.webhooks.client import Poster
from tests.api_keys.keys import make
from tests.clients.tools import ROOT
from tests.e2e.conftest import OPEN_ALWAYS
from tests.e2e.installation import Today, eventually, free_port
from tests.support.api import Api, Client
from tests.support.serving import served
from tests.webhooks.conftest import Hooks, hooks_of
from tests.webhooks.conftest import make as make_webhook
from tests.webhooks.receivers import Receiver


class Heard:
    """The application; remembers the paths that were asked, with the statuses."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.answers: list[tuple[str, int]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def hear(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.answers.append((scope["path"], message["status"]))
            await send(message)

        await self.app(scope, receive, hear)


@pytest.fixture
def heard(app: FastAPI) -> Heard:
    return Heard(app)


@pytest.fixture
async def hooks(
    database: Database, clock: SettableClock, settings: Settings
) -> AsyncIterator[Hooks]:
    poster = Poster(None)
    yield hooks_of(database, clock, settings, poster)
    await poster.close()


@pytest.fixture
async def root(api: Api, clock: SettableClock) -> Client:
    """Open the site round the clock, in a zone where it is morning."""
    clock.set(SystemClock().now())  # the programs have no other
    root = await api.superadmin()
    [site] = (await root.get("sites/")).json()["items"]
    zone = {"timezone": Today.somewhere().timezone}
    assert (await root.patch(f"sites/{site['id']}/", OPEN_ALWAYS | zone)).status_code == 200
    return root


async def book(root: Client, name: str) -> dict[str, Any]:
    email = f"{name.split()[0].lower()}@example.com"
    return await root.register(name=name, email=email, **Today.somewhere().in_five_minutes)


async def secret_of(root: Client, *scopes: str) -> str:
    key: str = (await make(root, scopes=list(scopes)))["key"]
    return key


@asynccontextmanager
async def program(name: str, folder: Path, **settings: str) -> AsyncIterator[Process]:
    """Run one of the programs; kill it at the end of the block."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        ROOT / "clients" / "examples" / name,
        cwd=folder,
        env={**os.environ, **settings},
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def line_of(child: Process) -> str:
    assert child.stdout
    return (await child.stdout.readline()).decode().strip()


async def test_a_door_reports_whom_it_let_pass_alone(root: Client, app: FastAPI, tmp_path: Path):
    ada = await book(root, "Ada Lovelace")
    port = free_port()

    async def show(token: str) -> str:
        assert door.stdin
        door.stdin.write(f"{token}\n".encode())
        return await line_of(door)

    settings = {
        "VMS_URL": f"http://127.0.0.1:{port}",
        "VMS_KEY": await secret_of(root, "gate:scan"),
        "GATE": "North",
        "OFFLINE": "open",
    }
    async with program("door_controller.py", tmp_path, **settings) as door:
        assert await show(ada["qr_code"]) == "open: nobody could be asked"
        assert await show("4006381333931") == "shut: not a code of a visitor"
        async with served(app, port):
            assert await show(ada["qr_code"]) == "reported: accepted"
            assert (await line_of(door)).startswith("shut: Already inside since")
            grace = await book(root, "Grace Hopper")
            assert await show(grace["qr_code"]) == "open: Welcome"
            assert (await show("V1" + "A" * 40)).startswith("shut: Unknown")
    scans = (await root.get("visitors/scans/")).json()["items"]
    assert [(scan["verdict"], scan["gate"], scan["site"]) for scan in scans] == [
        ("admitted", "North", None),
        ("refused", "North", None),
        ("admitted", "North", None),
    ]


async def test_a_chat_is_told_once_of_each_arrival(
    root: Client, app: FastAPI, hooks: Hooks, tmp_path: Path
):
    ada, grace = await book(root, "Ada Lovelace"), await book(root, "Grace Hopper")
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    webhook = await make_webhook(root, url, types=["visit.checked_in", "visit.checked_out"])
    deliveries = f"webhooks/{webhook['id']}/deliveries/"
    settings = {
        "VMS_KEY": await secret_of(root, "visitors:read"),
        "WEBHOOK_SECRET": webhook["secret"],
        "PORT": str(port),
    }
    async with Receiver().running() as chat, served(app) as service:
        settings |= {"VMS_URL": service, "CHAT_URL": chat.url}
        async with program("chat_bot.py", tmp_path, **settings) as bot, httpx.AsyncClient() as http:
            assert await line_of(bot) == f"listening on {port}"
            assert (await http.post(url, content=b"{}")).status_code == 401
            await root.scan(ada["qr_code"])
            await hooks.deliver()
            [delivery] = (await root.get(deliveries)).json()["items"]
            again = await root.post(f"{deliveries}{delivery['id']}/redeliver/")
            assert again.status_code == 202, again.text
            assert await hooks.deliver() == 1
            await root.scan(grace["qr_code"])
            await hooks.deliver()
            await eventually(lambda: len(chat.messages) > 1)
    assert [json.loads(message.body)["text"] for message in chat.messages] == [
        "Ada Lovelace has arrived for Charles Babbage",
        "Grace Hopper has arrived for Charles Babbage",
    ]


def rows(folder: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(folder / "warehouse.db", timeout=60)) as warehouse:
        try:
            return [row[0] for row in warehouse.execute(query)]
        except sqlite3.OperationalError:  # there are no tables yet
            return []


async def test_a_warehouse_has_all_once_whenever_its_loader_dies(
    root: Client,
    heard: Heard,
    hooks: Hooks,
    database: Database,
    clock: SettableClock,
    tmp_path: Path,
):
    ada = await book(root, "Ada Lovelace")
    path = f"/api/visitors/{ada['id']}/"

    async def happened(*types: str) -> None:
        await hooks.dispatch()
        query = "SELECT type FROM happened ORDER BY rowid"
        await eventually(lambda: rows(tmp_path, query) == list(types))

    async def visits(*names: str) -> None:
        query = "SELECT record ->> 'name' FROM visits ORDER BY 1"
        await eventually(lambda: rows(tmp_path, query) == list(names))

    async with served(heard) as service:
        secret = await secret_of(root, "events:read", "visitors:read")
        settings = {"VMS_URL": service, "VMS_KEY": secret}
        await hooks.dispatch()
        async with program("warehouse_loader.py", tmp_path, **settings) as loader:
            await visits("Ada Lovelace")
            with closing(sqlite3.connect(tmp_path / "warehouse.db", timeout=60)) as other:
                other.execute("BEGIN IMMEDIATE")  # so it dies between reading and storing
                await root.scan(ada["qr_code"])
                await hooks.dispatch()
                await eventually(lambda: (path, 200) in heard.answers)
                loader.kill()
                await loader.wait()
        async with program("warehouse_loader.py", tmp_path, **settings):
            await happened("visit.checked_in")
            await root.scan(ada["qr_code"])
            await happened("visit.checked_in", "scan.refused")
            assert (path, 304) in heard.answers
        await book(root, "Grace Hopper")
        await hooks.dispatch()
        clock.advance(timedelta(seconds=1))
        await delete_old(database, clock.now(), 0)
        async with program("warehouse_loader.py", tmp_path, **settings):
            await visits("Ada Lovelace", "Grace Hopper")
            assert ("/api/events/", 410) in heard.answers
            assert (await root.delete(f"visitors/{ada['id']}/")).status_code == 204
            await happened("visit.checked_in", "scan.refused", "visit.erased")
            await visits("Grace Hopper")
