"""For a host, other hosts' visitors do not exist, not even as a difference in a response."""

import zipfile
from io import BytesIO
from typing import Any

import httpx
import pytest

from app.core.clock import SettableClock
from tests.support.api import Api, Client
from tests.support.problems import problem
from tests.support.requests import sample
from tests.support.route_table import Operation, operations
from tools.write_permissions import documented_app

APP = documented_app()
OWN = {"name": "Own Visitor", "email": "own@example.com", "visit_date": "2026-11-25"}
# Words that occur only in the foreign visitor.
FOREIGN = {
    "name": "Xanthippe Quagmire",
    "email": "xq.secret@foreign.example",
    "phone": "+49 7777 1234567",
    "company": "Zyzzyva Holdings",
    "notes": "bring the umbrella stand",
    "purpose": "maintenance",
    "visit_date": "2026-11-24",
    "visit_time": "13:37",
}
WORDS = ("Xanthippe", "Quagmire", "xq.secret", "7777 123", "Zyzzyva", "umbrella", "mary@", "Mary")
# A field with names or references, which a host may search.
SEARCHES: list[dict[str, Any]] = [
    *[{"q": word} for word in ("Xanthippe", "quag", "xq.secret", "foreign.example", "Zyzzyva")],
    {"q": "+49 7777 1234567"},
    {"host_email": "mary@example.com"},
    {"visit_date": FOREIGN["visit_date"]},
    {"purpose": FOREIGN["purpose"]},
    {"status": "pending", "visit_date_to": FOREIGN["visit_date"]},
]
READS = [op for op in operations(APP) if op.method == "GET" and op.path.startswith("/api/")]
# They depend on all visits: the free seats of an hour, and the list of hosts.
SHARED = {"/api/visitors/available-slots/", "/api/visitors/check-slot/", "/api/visitors/hosts/"}
OF_THE_CALLER = [op for op in READS if op.path not in SHARED]
OF_ONE_VISITOR = [op for op in operations(APP) if "{visitor_id}" in op.path]


class Foreign:
    """A visitor of Mary, and the host Charles, who must not learn of the visit."""

    def __init__(self, charles: Client, mary: Client) -> None:
        self.charles, self.mary = charles, mary
        self.visitor: dict[str, Any] = {}

    async def arrives(self) -> None:
        self.visitor = await self.mary.register(**FOREIGN)
        moved = {"visit_date": FOREIGN["visit_date"], "visit_time": "14:00"}
        path = f"visitors/{self.visitor['id']}/"
        self.visitor = (await self.mary.post(f"{path}reschedule/", moved)).json()
        assert self.visitor["qr_code"]

    def words(self) -> tuple[str, ...]:
        return (*WORDS, self.visitor["id"], self.visitor["qr_code"])


@pytest.fixture
async def foreign(api: Api) -> Foreign:
    return Foreign(await api.host(), await api.host("mary@example.com", "Mary"))


def text_of(answer: httpx.Response) -> str:
    """Return what an answer says; the parts of a workbook unpacked, but for when it was made."""
    if not answer.content.startswith(b"PK"):
        return answer.text
    with zipfile.ZipFile(BytesIO(answer.content)) as parts:
        names = sorted(name for name in parts.namelist() if not name.startswith("docProps/"))
        return "".join(parts.read(name).decode() for name in names)


def _said(answer: httpx.Response) -> str:
    """Return the same without what differs with every request."""
    return text_of(answer).replace(answer.headers["X-Request-ID"], "")


async def _ask(client: Client, operation: Operation, **params: Any) -> httpx.Response:
    request = sample(APP.openapi(), operation.method, operation.path)
    options = request.options | {"params": request.options["params"] | params}
    return await client.request(operation.method, request.path, **options)


@pytest.mark.parametrize("operation", OF_THE_CALLER, ids=str)
async def test_no_answer_differs_by_what_others_have(foreign: Foreign, operation: Operation):
    await foreign.charles.register(**OWN)
    before = _said(await _ask(foreign.charles, operation))
    await foreign.arrives()
    after = await _ask(foreign.charles, operation)
    if "download-template" not in operation.path:  # built from the list of hosts
        assert not [word for word in foreign.words() if word in text_of(after)]
    assert _said(after) == before


@pytest.mark.parametrize("path", ["visitors/", "visitors/export-excel/"])
@pytest.mark.parametrize("params", SEARCHES, ids=str)
async def test_no_search_finds_them(foreign: Foreign, path: str, params: dict[str, Any]):
    await foreign.arrives()
    answer = await foreign.charles.get(path, **params)
    assert answer.status_code == 200
    assert not [word for word in foreign.words() if word in text_of(answer)]
    seen_by_mary = await foreign.mary.get(path, **params)
    assert "Xanthippe" in text_of(seen_by_mary)


async def test_no_search_by_code_or_count_finds_them(foreign: Foreign):
    await foreign.charles.register(**OWN)
    await foreign.arrives()
    by_code = await foreign.charles.get(
        "visitors/", q=foreign.visitor["qr_code"], include_total=True
    )
    assert (by_code.json()["items"], by_code.json()["total"]) == ([], 0)
    counted = await foreign.charles.get("visitors/", include_total=True)
    assert counted.json()["total"] == 1


@pytest.mark.parametrize("ordering", ["created_at", "-created_at", "visit_date", "-visit_date"])
async def test_anothers_cursor_opens_nothing(foreign: Foreign, clock: SettableClock, ordering: str):
    for hour in (10, 11, 12):
        await foreign.mary.register(**FOREIGN | {"visit_time": f"{hour}:00"})
        await foreign.charles.register(**OWN | {"visit_time": f"{hour}:00"})
    page = {"limit": 1, "ordering": ordering}
    cursor = (await foreign.mary.get("visitors/", **page)).json()["next_cursor"]
    answer = await foreign.charles.get("visitors/", cursor=cursor, ordering=ordering)
    assert {item["name"] for item in answer.json()["items"]} <= {"Own Visitor"}


@pytest.mark.parametrize("operation", OF_ONE_VISITOR, ids=str)
async def test_every_road_to_one_of_them_ends_like_one_to_nobody(
    foreign: Foreign, operation: Operation
):
    await foreign.arrives()
    request = sample(APP.openapi(), operation.method, operation.path)
    nobody = await foreign.charles.request(operation.method, request.path, **request.options)
    path = operation.path.removeprefix("/api/").replace("{visitor_id}", foreign.visitor["id"])
    found = await foreign.charles.request(operation.method, path, **request.options)
    is_of_desk = operation.path.endswith("/check-in/")  # which is closed to hosts
    problem(found, *((403, "forbidden") if is_of_desk else (404, "not_found")))
    assert _said(found) == _said(nobody)
    assert (await foreign.mary.get(f"visitors/{foreign.visitor['id']}/")).json() == foreign.visitor


async def test_a_full_hour_does_not_tell_who_fills_it(foreign: Foreign, api: Api):
    await foreign.arrives()
    for _ in range(19):
        await (await api.admin(f"{_}@example.com")).register(**FOREIGN | {"visit_time": "14:30"})
    late = {"visit_date": FOREIGN["visit_date"], "visit_time": "14:00"}
    answer = await foreign.charles.post("visitors/", OWN | late)
    problem(answer, 409, "slot_full")
    assert not [word for word in foreign.words() if word in answer.text]


async def test_a_visitor_that_changes_hosts_is_gone_for_the_first_one(foreign: Foreign, api: Api):
    visitor = await foreign.charles.register(**OWN)
    path = f"visitors/{visitor['id']}/"
    await (await api.admin()).patch(path, {"host_name": "Mary", "host_email": "mary@example.com"})
    problem(await foreign.charles.get(path), 404, "not_found")
    assert (await foreign.mary.get(path)).status_code == 200
    assert (await foreign.charles.get("visitors/")).json()["items"] == []
