"""`vms scan`, run as a command against a running service."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.core.db.database import Database
from app.core.qr_image import qr_png
from tests.devices.devices import add_device
from tests.support.api import Api
from tests.support.database import change_default_site
from tests.support.serving import served

UNUSED = "http://127.0.0.1:9"  # the port of "discard"


@dataclass(frozen=True)
class Ended:
    """The exit code and output of the command."""

    code: int | None
    output: str
    errors: str


@dataclass(frozen=True)
class Gate:
    """A service and the key of one of its scanners."""

    url: str
    key: str

    async def scan(self, *arguments: str, **environment: str) -> Ended:
        variables = {"VMS_URL": self.url, "VMS_DEVICE_KEY": self.key, "NO_COLOR": "1"}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app.cli", "scan", *arguments,
            env={"PATH": "", "PYTHONPATH": ":".join(sys.path), **variables, **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, errors = await process.communicate()
        return Ended(process.returncode, output.decode(), errors.decode())


@pytest.fixture
async def gate(app: FastAPI, api: Api) -> AsyncIterator[Gate]:
    device = await add_device(api, gate="North")
    async with served(app) as url:
        yield Gate(url, device.headers["X-Device-Key"])


@pytest.fixture
async def visitor(api: Api) -> dict[str, Any]:
    return await (await api.admin()).register(company="Ltd")


async def test_only_an_opened_gate_ends_with_0(gate: Gate, visitor: dict[str, Any]):
    opened = await gate.scan(visitor["qr_code"])
    refused = await gate.scan(visitor["qr_code"])
    way_out = await gate.scan(visitor["qr_code"], "--direction", "out")
    assert [opened.code, refused.code, way_out.code] == [0, 1, 0]
    assert opened.output.splitlines() == [
        "Welcome: Ada Lovelace",
        "Ltd, to see Charles Babbage, 2026-11-23, 10:00",
        "North · Main site",
    ]
    assert refused.output.splitlines() == [
        "Already inside (already_inside)",
        "Ada Lovelace",
        "Ltd, to see Charles Babbage, 2026-11-23, 10:00",
        "Already inside since 08:00 at gate North",
        "Someone has already entered with this code. Ask for an ID document and call reception.",
        "North · Main site",
    ]
    assert way_out.output.startswith("Goodbye: Ada Lovelace")


async def test_it_speaks_the_language_of_the_site(
    gate: Gate, visitor: dict[str, Any], database: Database
):
    await change_default_site(database, language="de", name="Werk")
    refused = await gate.scan(visitor["qr_code"], "--direction", "out", "--gate", "Süd")
    *said, advice, place = refused.output.splitlines()
    assert said == [
        "Nicht angemeldet (not_inside)",
        "Ada Lovelace",
        "Ltd, zu Charles Babbage, 2026-11-23, 10:00",
        "Dieser Gast ist nicht hereingekommen",
    ]
    assert advice.startswith("Bitte nach dem Namen fragen, den Gast von Hand hinauslassen")
    assert place == "Süd · Werk"


async def test_the_name_of_a_scanner_before_a_code_does_not_matter(
    gate: Gate, visitor: dict[str, Any]
):
    assert (await gate.scan(f"]Q1{visitor['qr_code']}")).code == 0


async def test_json_is_the_answer_itself(gate: Gate, visitor: dict[str, Any]):
    opened = json.loads((await gate.scan(visitor["qr_code"], "--json")).output)
    refused = await gate.scan(visitor["qr_code"], "--json", "--gate", "South")
    assert (opened["verdict"], opened["replayed"]) == ("admitted", False)
    assert (refused.code, json.loads(refused.output)["code"]) == (1, "already_inside")


async def test_a_picture_is_read(gate: Gate, visitor: dict[str, Any], tmp_path: Path):
    picture = tmp_path / "code.png"
    picture.write_bytes(qr_png(visitor["qr_code"]))
    assert (await gate.scan(str(picture))).output.startswith("Welcome")


async def test_a_forged_code_is_refused(gate: Gate):
    ended = await gate.scan("4006381333931")
    assert (ended.code, ended.output.splitlines()[0]) == (1, "Unknown code (unknown)")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "does not exist"),
        (b"no picture", "is not a readable image"),
        (b"", "is not a readable image"),
    ],
)
async def test_a_file_that_is_no_picture_is_a_wrong_command(
    gate: Gate, tmp_path: Path, content: bytes | None, sentence: str
):
    picture = tmp_path / "code.png"
    if content is not None:
        picture.write_bytes(content)
    ended = await gate.scan(str(picture))
    assert ended.code == 2
    assert sentence in unwrapped(ended.errors)


async def test_without_the_decoder_a_picture_says_what_to_install(gate: Gate, tmp_path: Path):
    picture = tmp_path / "code.png"
    picture.write_bytes(qr_png("V1"))
    (tmp_path / "zxingcpp.py").write_text("raise ImportError")
    ended = await gate.scan(
        str(picture), PYTHONPATH=":".join([str(tmp_path), *sys.path]), PYTHONSAFEPATH="1"
    )
    assert ended.code == 2
    assert "pip install '.[scan]'" in unwrapped(ended.errors)


async def test_a_wrong_key_decides_nothing(gate: Gate, visitor: dict[str, Any]):
    ended = await gate.scan(visitor["qr_code"], "--key", "vmsdev_wrong", "--json")
    assert (ended.code, json.loads(ended.output)["code"]) == (3, "not_authenticated")
    assert "refuses this key" in ended.errors


async def test_at_the_exit_the_advice_is_that_for_the_exit(gate: Gate, visitor: dict[str, Any]):
    ended = await gate.scan(visitor["qr_code"], "--direction", "out")
    assert ended.code == 1
    assert ended.output.splitlines()[-2].startswith("Ask for the name, let the visitor out by hand")


async def test_without_a_service_nothing_is_decided(gate: Gate, visitor: dict[str, Any]):
    ended = await gate.scan(visitor["qr_code"], "--url", UNUSED, "--json")
    assert (ended.code, ended.output) == (3, "")
    assert "cannot be reached" in ended.errors


async def test_a_scan_without_an_answer_is_sent_again_as_it_was(gate: Gate):
    sent: list[bytes] = []

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        sent.append(await reader.readexactly(length))
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        ended = await gate.scan("V1", "--url", f"http://{host}:{port}")
    assert ended.code == 3
    assert len(sent) == 3
    assert len(set(sent)) == 1


@pytest.mark.parametrize(("retry_after", "tries"), [("1", 3), ("4", 1), ("soon", 3)])
async def test_a_short_pause_is_kept_and_a_long_one_is_reported(
    gate: Gate, retry_after: str, tries: int
):
    document = {"code": "unavailable", "detail": "The database is not available: try again"}
    async with answering(503, document, {"Retry-After": retry_after}) as (url, sent):
        ended = await gate.scan("V1", "--url", url)
    assert (ended.code, len(sent)) == (3, tries)
    assert "503 unavailable. The database is not available" in ended.errors
    waited = sent[-1] - sent[0]
    assert waited >= (2 if retry_after == "1" else 0)


@pytest.mark.parametrize(
    ("status", "document"),
    [
        (404, {"code": "not_found"}),
        (200, {}),
        (200, []),
        (409, {}),
        (302, {}),
        (502, "Bad gateway"),
    ],
)
async def test_what_is_no_answer_of_the_service_refuses_nobody(
    gate: Gate, status: int, document: Any
):
    async with answering(status, document, {"Location": "/"}) as (url, _):
        ended = await gate.scan("V1", "--url", url)
    assert (ended.code, ended.output) == (3, "")
    assert f"{status} is not a response of the service" in ended.errors


async def test_the_address_of_something_else_is_said_to_be_wrong(gate: Gate):
    ended = await gate.scan("V1", "--url", f"{gate.url}/api")
    assert ended.code == 3
    assert "404 is not a response of the service" in ended.errors


async def test_codes_that_are_limited_are_not_ours(gate: Gate):
    document = {"code": "too_many_requests", "title": "Too many", "detail": "Too many requests"}
    async with answering(429, document, {"Retry-After": "30"}) as (url, sent):
        ended = await gate.scan("V1", "--url", url)
    assert (ended.code, len(sent)) == (1, 1)
    assert ended.output.startswith("Unknown code (too_many_requests)")


@asynccontextmanager
async def answering(
    status: int, document: Any, headers: dict[str, str]
) -> AsyncIterator[tuple[str, list[float]]]:
    """Serve one answer to everything; yield the address and the times of the requests."""
    asked: list[float] = []

    async def answer(_: Request) -> Response:
        asked.append(monotonic())
        return JSONResponse(document, status, headers=headers)

    app = FastAPI()
    app.add_route("/{path:path}", answer, methods=["POST"])
    async with served(app) as url:
        yield url, asked


@pytest.mark.parametrize("arguments", [("--url", "file:///etc/passwd"), ("--direction", "up")])
async def test_a_wrong_option_is_a_wrong_command(gate: Gate, arguments: tuple[str, str]):
    assert (await gate.scan("V1", *arguments)).code == 2


def unwrapped(text: str) -> str:
    """Return a sentence without the line breaks of the terminal."""
    return " ".join(text.replace("│", " ").split())
