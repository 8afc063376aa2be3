"""`Idempotency-Key`: a repeated POST creates nothing again."""

import asyncio
from datetime import timedelta
from functools import cache
from typing import Any

import httpx
import pytest

from app.bulk.errors import XLSX
from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.http.idempotency import forget_old
from tests.bulk.files import COMMON, row, workbook
from tests.support.api import VISITOR, Api, Client


async def post(client: Client, key: str, body: Any, path: str = "visitors/") -> httpx.Response:
    repeat = Client(client._http, client.headers | {"Idempotency-Key": key}, client.user_id)
    return await repeat.post(path, body)


async def count(client: Client) -> int:
    total: int = (await client.get("visitors/", include_total=True)).json()["total"]
    return total


async def test_a_repeat_gets_the_first_answer(api: Api) -> None:
    admin = await api.admin()
    first = await post(admin, "key-1", VISITOR)
    again = await post(admin, "key-1", VISITOR)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Location"] == first.headers["Location"]
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert await count(admin) == 1


async def test_another_body_under_the_key_is_refused(api: Api) -> None:
    admin = await api.admin()
    await post(admin, "key-1", VISITOR)
    answer = await post(admin, "key-1", VISITOR | {"name": "Grace Hopper"})
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_form_is_the_same_whatever_its_boundary(api: Api) -> None:
    admin = await api.admin()

    async def send(boundary: str, name: str = "guest", query: str = "") -> httpx.Response:
        kind = f"multipart/form-data; boundary={boundary}"
        line = [name, f"{name}@example.com", *row()[2:]]
        form = httpx.Request(
            "POST", "http://test", headers={"Content-Type": kind}, data=COMMON, files=files(line)
        )
        headers = admin.headers | {"Idempotency-Key": "key-1", "Content-Type": kind}
        path = f"/api/visitors/bulk-upload/{query}"
        return await admin._http.post(path, content=form.read(), headers=headers)

    first, again = await send("one"), await send("another")
    assert (again.status_code, again.content) == (201, first.content)
    assert await count(admin) == 1
    assert (await send("one", "else")).json()["code"] == "idempotency_key_reused"
    assert (await send("one", query="?dry_run=true")).json()["code"] == "idempotency_key_reused"


def files(line: list[Any]) -> dict[str, Any]:
    # The same bytes twice, since a workbook contains the time of its creation.
    return {"file": ("list.xlsx", _workbook(tuple(line)), XLSX)}


@cache
def _workbook(line: tuple[Any, ...]) -> bytes:
    return workbook([line])


async def test_callers_and_paths_do_not_share_keys(api: Api) -> None:
    admin, root = await api.admin(), await api.superadmin()
    await post(admin, "key-1", VISITOR)
    assert "Idempotency-Replayed" not in (await post(root, "key-1", VISITOR)).headers
    department = await post(admin, "key-1", {"name": "Research"}, "departments/")
    assert department.status_code == 201


async def test_of_simultaneous_repeats_one_creates(api: Api) -> None:
    admin = await api.admin()
    answers = await asyncio.gather(*(post(admin, "key-1", VISITOR) for _ in range(20)))
    codes = {(answer.status_code, answer.json().get("code")) for answer in answers}
    assert codes <= {(201, None), (409, "request_in_progress")}
    assert await count(admin) == 1


async def test_a_refused_request_may_be_tried_again(api: Api, clock: SettableClock) -> None:
    admin = await api.admin()
    body = VISITOR | {"visit_time": "08:10"}
    assert (await post(admin, "key-1", body)).status_code == 422
    site = (await (await api.superadmin()).get("sites/")).json()["items"][0]
    root = await api.sign_in("root@example.com", "")
    await root.patch(f"sites/{site['id']}/", {"opens_at": "08:00", "booking_lead_minutes": 0})
    assert (await post(admin, "key-1", body)).status_code == 201


async def test_a_crash_before_the_commit_leaves_nothing(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = await api.admin()
    with monkeypatch.context() as patch:
        patch.setattr("app.core.http.idempotency.Repeatable.keep", _crash)
        assert (await post(admin, "key-1", VISITOR)).status_code == 500
    assert await count(admin) == 0
    assert (await post(admin, "key-1", VISITOR)).status_code == 201


async def _crash(*_: object) -> None:
    raise RuntimeError("the power is cut")


async def test_keys_are_forgotten_after_a_day(
    api: Api, clock: SettableClock, database: Database
) -> None:
    admin = await api.admin()
    department = {"name": "Research"}
    await post(admin, "key-1", department, "departments/")
    clock.advance(timedelta(hours=24, seconds=1))
    admin = await api.sign_in("desk@example.com", admin.user_id)
    again = await post(admin, "key-1", department, "departments/")
    assert (again.status_code, again.json()["code"]) == (409, "name_taken")
    async with database.write() as unit:
        assert await forget_old(unit, clock.now()) == 1


async def test_erasing_a_visitor_erases_the_kept_answer(api: Api, database: Database) -> None:
    admin = await api.admin()
    visitor = (await post(admin, "key-1", VISITOR)).json()
    await admin.delete(f"visitors/{visitor['id']}/")
    assert (await post(admin, "key-1", VISITOR)).json()["id"] != visitor["id"]


@pytest.mark.parametrize("key", ["", "with space", "k" * 256])
async def test_a_key_that_is_no_key_is_refused(api: Api, key: str) -> None:
    answer = await post(await api.admin(), key, VISITOR)
    assert answer.status_code == 422
