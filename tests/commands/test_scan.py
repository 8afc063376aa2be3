"""`vms scan`, run as a command against a service that listens."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from app.core.qr_image import qr_png
from tests.api import Api
from tests.devices.devices import add_device
from tests.serving import served

UNUSED = "http://127.0.0.1:9"  # the port of "discard"


@dataclass(frozen=True)
class Ended:
    """How the command ended and what it said."""

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
    assert opened.output == "Welcome: Ada Lovelace\nLtd, to see Charles Babbage, 10:00\n"
    assert refused.output.splitlines() == [
        "Already inside (already_inside)",
        "Already inside since 08:00 at gate North",
        "Somebody has come in with this code. Ask for a document and call reception.",
    ]
    assert way_out.output.startswith("Goodbye: Ada Lovelace")


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
    assert (ended.code, ended.output.splitlines()[0]) == (1, "Not one of our codes (unknown)")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "There is no file"), (b"no picture", "is not a picture"), (b"", "is not a picture")],
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
    assert "pip install 'vms[scan]'" in unwrapped(ended.errors)


async def test_a_wrong_key_decides_nothing(gate: Gate, visitor: dict[str, Any]):
    ended = await gate.scan(visitor["qr_code"], "--key", "vmsdev_wrong")
    assert (ended.code, ended.output) == (3, "")
    assert "refuses this key" in ended.errors


async def test_without_a_service_nothing_is_decided(gate: Gate, visitor: dict[str, Any]):
    ended = await gate.scan(visitor["qr_code"], "--url", UNUSED, "--json")
    assert (ended.code, ended.output) == (3, "")
    assert "can't be reached" in ended.errors


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


@pytest.mark.parametrize("arguments", [("--url", "file:///etc/passwd"), ("--direction", "up")])
async def test_a_wrong_option_is_a_wrong_command(gate: Gate, arguments: tuple[str, str]):
    assert (await gate.scan("V1", *arguments)).code == 2


def unwrapped(text: str) -> str:
    """A sentence that the terminal's width has broken."""
    return " ".join(text.replace("│", " ").split())
