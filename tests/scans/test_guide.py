"""The requests of `docs/scanner.md` are answered as it says."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from app.core.clock import SettableClock
from app.core.security.qr_token import SHAPE
from app.scans.errors import REFUSALS, Refusal
from app.scans.schemas import OfflineResult
from tests.devices.devices import add_device
from tests.support.api import Api

GUIDE = (Path(__file__).parents[2] / "docs" / "scanner.md").read_text(encoding="utf-8")
ADA = "V1GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBV"
GRACE = "V1MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LKMFRGGZDF"
BLOCK = re.compile(r"```http\n(?P<head>.+?)\n\n(?P<body>.*?)```", re.DOTALL)
ROW = re.compile(r"^\| `(\w+)` \| (\d+) \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
# Ids, and values that contain them, differ in every installation.
ELSEWHERE = {"id", "site", "scanned_by", "request_id"}


@dataclass(frozen=True)
class Example:
    """A request of the guide and its response."""

    method: str
    path: str
    headers: dict[str, str]
    body: str
    status: int
    answer: Any


def examples() -> Iterator[Example]:
    blocks = [(found["head"].splitlines(), found["body"]) for found in BLOCK.finditer(GUIDE)]
    for (request, body), (answer, content) in zip(blocks[::2], blocks[1::2], strict=True):
        method, path = request[0].split()
        headers = dict(line.split(": ") for line in request[1:])
        yield Example(method, path, headers, body, int(answer[0]), json.loads(content))


def told(answer: Any) -> Any:
    """Return an answer without what differs in every installation."""
    if isinstance(answer, dict):
        return {name: told(value) for name, value in answer.items() if name not in ELSEWHERE}
    return [told(item) for item in answer] if isinstance(answer, list) else answer


async def test_every_request_of_the_guide_is_answered_as_it_says(
    api: Api, http: httpx.AsyncClient, clock: SettableClock
):
    admin = await api.admin()
    ada = await admin.register(company="Analytical Engines Ltd", purpose="business_meeting")
    grace = await admin.register(name="Grace Hopper", email="grace@example.com", visit_time="11:00")
    gate = await add_device(api, gate="North")
    real = {
        ADA: ada["qr_code"],
        GRACE: grace["qr_code"],
        "vmsdev_KEY": gate.headers["X-Device-Key"],
    }
    clock.set(datetime(2026, 11, 23, 9, 0, 4, tzinfo=UTC))
    shown = list(examples())
    for example in shown:
        if "batch" in example.path:
            clock.set(datetime(2026, 11, 23, 12, tzinfo=UTC))
            reception = await api.admin("noon@example.com")
            real["Bearer ACCESS"] = reception.headers["Authorization"]
        answer = await http.request(
            example.method,
            example.path,
            headers={"Content-Type": "application/json"}
            | {name: real[value] for name, value in example.headers.items()},
            content=replaced(example.body, real),
        )
        assert answer.status_code == example.status, answer.text
        assert told(answer.json()) == told(example.answer)
    assert len(shown) == 5


def replaced(text: str, by: dict[str, str]) -> str:
    for one, other in by.items():
        text = text.replace(one, other)
    return text


def test_the_codes_of_the_guide_have_the_shape_of_ours():
    assert SHAPE.fullmatch(ADA)
    assert SHAPE.fullmatch(GRACE)
    assert set(re.findall(r"V1\w{30,}", GUIDE)) == {ADA, GRACE}


def test_every_refusal_is_explained_in_the_words_of_the_page():
    table = {code: (int(status), *words) for code, status, *words in ROW.findall(GUIDE)}
    assert table == {code: (refusal.status, *words(refusal)) for code, refusal in REFUSALS.items()}


def words(refusal: type[Refusal]) -> tuple[str, ...]:
    advice = refusal.advice
    return tuple(text or "—" for text in (advice.title, advice.at_entrance, advice.at_exit))


def test_every_result_of_a_batch_is_explained():
    assert set(re.findall(r"^\| `(\w+)` \| [A-Z]", GUIDE, re.MULTILINE)) == set(OfflineResult)
