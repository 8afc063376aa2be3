"""`POST /api/events/stream-ticket/`: how browsers open the stream."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.http.limits import Rule
from app.core.security.random_secrets import stored_hash
from app.streams import router
from app.streams.jobs import purge_tickets
from app.streams.limits import TICKETS
from app.streams.models import StreamTicket
from tests.streams.ears import happen, listening
from tests.support.api import PASSWORD, Api, Client
from tests.support.problems import problem

STREAM = "/api/events/stream/"


async def ticket_of(client: Client) -> str:
    answer = await client.post("events/stream-ticket/")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["ticket"])


async def test_a_ticket_opens_one_stream_as_its_caller(api: Api, url: str):
    host = await api.host()
    ticket = await ticket_of(host)
    async with listening(url, ticket=ticket) as ear:
        problem(await api.http.get(STREAM, params={"ticket": ticket}), 401, "not_authenticated")
        await happen(api.database)
        [own] = await happen(api.database, host=UUID(host.user_id))
        assert [each.id for each in await ear.some(1)] == [own]


async def test_only_the_hash_of_a_ticket_is_stored(api: Api):
    ticket = await ticket_of(await api.superadmin())
    async with api.database.read() as session:
        stored = await session.scalar(select(StreamTicket))
    assert stored is not None
    assert stored.ticket_hash == stored_hash(ticket)


async def test_a_ticket_is_good_for_half_a_minute(api: Api, clock: SettableClock):
    root = await api.superadmin()
    ticket = await ticket_of(root)
    clock.advance(timedelta(seconds=30))
    problem(await api.http.get(STREAM, params={"ticket": ticket}), 401, "not_authenticated")
    for odd in ("", "nonsense", "\x00"):
        problem(await api.http.get(STREAM, params={"ticket": odd}), 401, "not_authenticated")
    problem(await api.http.get(STREAM, params={"ticket": "x" * 201}), 422, "invalid")


async def test_a_ticket_ends_with_its_session(api: Api):
    await api.superadmin()
    body = {"email": "root@example.com", "password": PASSWORD}
    tokens = (await api.http.post("/api/auth/login/", json=body)).json()
    headers = {"Authorization": f"Bearer {tokens['access']}"}
    ticket = (await api.http.post("/api/events/stream-ticket/", headers=headers)).json()["ticket"]
    await api.http.post("/api/auth/logout/", json={"refresh": tokens["refresh"]})
    problem(await api.http.get(STREAM, params={"ticket": ticket}), 401, "not_authenticated")


async def test_a_ticket_beside_another_credential_is_refused(api: Api):
    root = await api.superadmin()
    ticket = await ticket_of(root)
    problem(await root.get("events/stream/", ticket=ticket), 401, "not_authenticated")


async def test_unused_tickets_are_purged(api: Api, database: Database, clock: SettableClock):
    root = await api.superadmin()
    await ticket_of(root)
    assert await purge_tickets(database, clock.now()) == 0
    clock.advance(timedelta(seconds=30))
    assert await purge_tickets(database, clock.now()) == 1


async def test_tickets_of_a_caller_are_limited(api: Api, monkeypatch: pytest.MonkeyPatch):
    assert TICKETS.rate == "60/minute"
    monkeypatch.setattr(router, "TICKETS", Rule(TICKETS.name, "2/minute"))
    root = await api.superadmin()
    for _ in range(2):
        await ticket_of(root)
    problem(await root.post("events/stream-ticket/"), 429, "too_many_requests")
