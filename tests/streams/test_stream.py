"""`GET /api/events/stream/`: order, resumption, scope, and what proxies need."""

from collections import deque
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import update

from app.events.kinds import EventType
from app.events.models import EventLog
from app.streams import hub_service
from app.streams.hub_service import Hub
from app.users.roles import Role
from tests.streams.ears import give_numbers, happen, listening, until
from tests.support.api import Api, Client
from tests.support.problems import problem

PATH = "events/stream/"


async def sites(root: Client) -> list[UUID]:
    body = {"name": "Second", "timezone": "Europe/Berlin"}
    assert (await root.post("sites/", body)).status_code == 201
    return [UUID(site["id"]) for site in (await root.get("sites/")).json()["items"]]


async def test_events_come_in_order_as_the_feed_has_them(api: Api, url: str):
    root = await api.superadmin()
    await give_numbers(api.database)
    async with listening(url, root.headers | {"Accept-Encoding": "gzip, br, zstd"}) as ear:
        for name in ("Ada", "Grace"):
            visitor = await root.register(name=name, email=f"{name}@example.com")
        await root.post(f"visitors/{visitor['id']}/cancel/")
        await give_numbers(api.database)
        heard = await ear.some(3)
    feed = (await root.get("events/")).json()["items"][-3:]
    assert [each.event for each in heard] == [
        "visit.registered",
        "visit.registered",
        "visit.cancelled",
    ]
    assert [each.data for each in heard] == feed
    assert [(each.event, each.id) for each in heard] == [(e["type"], e["seq"]) for e in feed]
    headers = ear.response.headers
    assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Accel-Buffering"] == "no"
    assert "Content-Encoding" not in headers


async def test_head_has_the_headers_of_a_stream(api: Api, url: str):
    root = await api.superadmin()
    async with httpx.AsyncClient(base_url=url, headers=root.headers) as client:
        answer = await client.head("/api/events/stream/")
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert (await client.head("/api/events/stream/?after=-1")).status_code == 422


async def test_a_stream_continues_after_the_event_that_was_read(api: Api, url: str):
    root = await api.superadmin()
    numbers = await happen(api.database, 5)
    first, second = numbers[0], numbers[1]
    async with listening(url, root.headers, after=first) as ear:
        assert [each.id for each in await ear.some(4)] == numbers[1:]
    async with listening(url, root.headers, after=0) as ear:
        assert [each.id for each in await ear.some(len(numbers))][-5:] == numbers
    again = root.headers | {"Last-Event-ID": str(second)}
    async with listening(url, again, after=first) as ear:  # as a browser does
        assert [each.id for each in await ear.some(3)] == numbers[2:]


@pytest.mark.parametrize("odd", ["", "abc", "-1", "1.5", "9" * 40])
async def test_an_odd_last_event_id_is_none(api: Api, url: str, odd: str):
    root = await api.superadmin()
    await happen(api.database, 2)
    async with listening(url, root.headers | {"Last-Event-ID": odd}) as ear:
        [number] = await happen(api.database)
        assert [each.id for each in await ear.some(1)] == [number]


async def test_a_position_that_is_not_kept_begins_anew(api: Api, url: str):
    root = await api.superadmin()
    numbers = await happen(api.database, 5)
    async with api.database.write() as unit:
        await unit.write(update(EventLog).values(cut_through=numbers[2]))
    for lost in (numbers[0], numbers[-1] + 1000):  # deleted, and of a database that was restored
        async with listening(url, root.headers | {"Last-Event-ID": str(lost)}) as ear:
            heard = await ear.some(3)
        assert [each.event for each in heard] == ["reset", "scan.refused", "scan.refused"]
        assert [each.id for each in heard] == [None, *numbers[3:]]


async def test_everybody_hears_what_they_may_read(api: Api, url: str):
    root = await api.superadmin()
    first, second = await sites(root)
    host = await api.host()
    desk = await api.of_role(Role.RECEPTIONIST, str(second))
    await give_numbers(api.database)
    async with (
        listening(url, host.headers) as hosts,
        listening(url, desk.headers) as desks,
        listening(url, root.headers) as roots,
        listening(url, root.headers, site=str(first), types="slot.full,mail.sent") as narrow,
    ):
        [theirs] = await happen(api.database, site=first, host=UUID(host.user_id))
        [there] = await happen(api.database, site=second)
        [nowhere] = await happen(api.database)
        [full] = await happen(api.database, type_=EventType.SLOT_FULL, site=first)
        await happen(api.database, type_=EventType.SLOT_FULL, site=second)
        [last] = await happen(api.database, site=second, host=UUID(host.user_id))
        assert [each.id for each in await hosts.some(2)] == [theirs, last]
        assert [each.id for each in await desks.some(3)] == [there, last - 1, last]
        assert [each.id for each in await roots.some(6)] == [
            *(theirs, there, nowhere, full),
            *(last - 1, last),
        ]
        assert [each.id for each in await narrow.some(1)] == [full]


async def test_who_reads_no_visits_hears_nothing(api: Api, http: httpx.AsyncClient):
    problem(await http.get(f"/api/{PATH}"), 401, "not_authenticated")
    guard = await api.of_role(Role.GUARD)
    problem(await guard.get(PATH), 403, "forbidden")
    problem(await guard.post("events/stream-ticket/"), 403, "forbidden")
    root = await api.superadmin()
    for odd in ({"types": "visit.unheard_of"}, {"after": "x"}, {"after": "-1"}, {"other": "1"}):
        problem(await root.get(PATH, **odd), 422, "invalid")


async def test_an_account_has_so_many_streams(
    app: FastAPI, api: Api, url: str, monkeypatch: pytest.MonkeyPatch
):
    hub: Hub = app.state.hub
    monkeypatch.setattr(hub, "_most_of_caller", 2)
    root, other = await api.superadmin(), await api.admin()
    async with listening(url, root.headers), listening(url, other.headers):
        async with listening(url, root.headers):
            answer = await root.get(PATH)
            problem(answer, 429, "too_many_requests")
            assert int(answer.headers["Retry-After"]) > 0
        await until(lambda: len(hub._listeners) == 2)
        async with listening(url, root.headers):
            pass


async def test_a_quiet_stream_has_comments(
    app: FastAPI, api: Api, url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(hub_service, "COMMENT_SECONDS", 0.1)
    monkeypatch.setattr(app.state.hub, "_comments", deque())  # some are due later
    root = await api.superadmin()
    async with listening(url, root.headers) as ear:
        for _ in range(3):
            await ear.comment()
