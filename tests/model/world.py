"""The real application over a real database, for tests without an event loop."""

import asyncio
from bisect import insort
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any

import httpx
from asgi_lifespan import LifespanManager
from sqlalchemy import select, text

from app.audit.models import AuditEntry
from app.core.clock import SettableClock
from app.core.db.database import ReadSession
from app.core.observability.logging import configure_logging
from app.core.security.passwords import PasswordHasher
from app.main import create_app
from app.notifications.models import Notification
from app.settings import Settings
from app.sites.models import ReEntry
from app.slots.models import Slot
from app.visitors.lifecycle import HOLDS_SEAT
from app.visitors.models import Visitor
from tests.bulk.files import upload, workbook
from tests.conftest import forget_limits
from tests.model.model import CAPACITY, Mail
from tests.support.api import Api, Client, app_of
from tests.support.database import change_default_site
from tests.support.mailbox import sweep
from tests.support.stays import presence_follows_stays
from workers.context import WorkerContext, open_context

ADMIN = "desk@example.com"
CHANGED = "visitors, slots, audit_entries, notifications, scans, retired_qr_codes"
OPEN_ALWAYS = {
    "timezone": "UTC",
    "opens_at": time(0),
    "closes_at": time(0),
    "open_weekdays": [1, 2, 3, 4, 5, 6, 7],
    "booking_lead_minutes": 0,
    "slot_capacity": CAPACITY,
    "self_registration": True,
    "self_registration_share": 50,
}


@dataclass
class Found:
    """The database's facts of one visitor."""

    status: str
    is_away: bool = False
    is_moved: bool = False
    actions: list[str] = field(default_factory=list)
    mails: dict[str, list[Mail]] = field(default_factory=dict)
    """By their status, sorted."""


@dataclass
class Seats:
    """The database's facts of one slot."""

    booked: int
    capacity: int
    of_strangers: int
    holders: int = 0
    strangers: int = 0


@dataclass
class Snapshot:
    """All facts of visitors and slots."""

    visits: dict[str, Found]
    slots: dict[datetime, Seats]
    summaries: int


class World:
    """Runs coroutines on its own event loop."""

    def __init__(
        self, runner: asyncio.Runner, api: Api, admin: Client, context: WorkerContext
    ) -> None:
        self._runner = runner
        self._api = api
        self._client = admin
        self._context = context
        self._signed_in_at: datetime | None = None

    @property
    def clock(self) -> SettableClock:
        assert isinstance(self._context.clock, SettableClock)
        return self._context.clock

    def begin(self, now: datetime) -> None:
        """Start with no registrations."""
        self.clock.set(now)
        self._runner.run(self._forget())

    async def _forget(self) -> None:
        async with self._context.database.engine.begin() as connection:
            await connection.execute(text(f"TRUNCATE {CHANGED} CASCADE"))
        await forget_limits(app_of(self._api).state.redis)

    def permit_re_entry(self, value: ReEntry) -> None:
        self._runner.run(change_default_site(self._context.database, re_entry=value))

    def request(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Send a request of an admin."""
        return self._runner.run(self._request(method, path, body))

    async def _request(self, method: str, path: str, body: Any) -> httpx.Response:
        return await (await self._admin()).request(method, path, json=body)

    def ask(self, path: str, body: Any) -> httpx.Response:
        """Send a request of a stranger."""
        return self._runner.run(self._api.http.post(f"/api/{path}", json=body))

    def upload(self, rows: list[list[Any]], **fields: str) -> httpx.Response:
        return self._runner.run(self._upload(rows, fields))

    async def _upload(self, rows: list[list[Any]], fields: dict[str, Any]) -> httpx.Response:
        return await upload(await self._admin(), workbook(rows), **fields)

    async def _admin(self) -> Client:
        """Sign in again after a change of the time, since a token lasts for minutes."""
        if self._signed_in_at != self.clock.now():
            self._client = await self._api.sign_in(ADMIN, self._client.user_id)
            self._signed_in_at = self.clock.now()
        return self._client

    def job(self, job: Callable[[dict[Any, Any]], Awaitable[None]]) -> None:
        """Run a job of the worker."""
        self._runner.run(self._job(job))

    async def _job(self, job: Callable[[dict[Any, Any]], Awaitable[None]]) -> None:
        await job({"context": self._context})

    def deliver(self) -> None:
        """Have the worker send the queued mails."""
        self._runner.run(sweep(self._context.delivery))

    def look(self) -> Snapshot:
        """Return what the database says of everybody."""
        return self._runner.run(self._look())

    async def _look(self) -> Snapshot:
        async with self._context.database.read() as session:
            return await _snapshot(session)


async def _snapshot(session: ReadSession) -> Snapshot:
    seats = (Slot.booked, Slot.capacity, Slot.self_booked)
    slots = {
        id_: (datetime.combine(day, time(hour), UTC), Seats(*counts))
        for id_, day, hour, *counts in await session.rows(
            select(Slot.id, Slot.visit_date, Slot.hour, *seats)
        )
    }
    visits = {}
    await presence_follows_stays(session)
    presence = (Visitor.status, Visitor.is_away, Visitor.is_rescheduled)
    of_seat = (Visitor.slot_id, Visitor.is_self_registered)
    for id_, status, is_away, is_moved, slot, by_stranger in await session.rows(
        select(Visitor.id, *presence, *of_seat)
    ):
        visits[id_] = Found(status.value, is_away, is_moved)
        if status in HOLDS_SEAT:
            slots[slot][1].holders += 1
            slots[slot][1].strangers += by_stranger
    events = select(AuditEntry.subject_id, AuditEntry.action).order_by(AuditEntry.id)
    for subject, action in await session.rows(events):
        if subject is not None and subject in visits:  # the audit log outlives the visitor
            visits[subject].actions.append(action)
    summaries = 0
    for mail in await session.scalars(select(Notification)):
        if mail.visitor_id is None:
            summaries += not mail.erase_when_done
        else:
            sent = (mail.kind.value, mail.recipient, mail.payload["sequence"])
            insort(visits[mail.visitor_id].mails.setdefault(mail.status.value, []), sent)
    return Snapshot(
        {str(id_): found for id_, found in visits.items()}, dict(slots.values()), summaries
    )


@contextmanager
def running(settings: Settings, now: datetime) -> Iterator[World]:
    """Run the application and the worker's parts, with a clock that stands still."""
    configure_logging(debug=False)
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            yield runner.run(_start(runner, stack, settings, SettableClock(now)))
        finally:
            runner.run(stack.aclose())


async def _start(
    runner: asyncio.Runner, stack: AsyncExitStack, settings: Settings, clock: SettableClock
) -> World:
    app = create_app(settings, clock=clock)
    await stack.enter_async_context(LifespanManager(app))
    context = await stack.enter_async_context(open_context(settings, clock))
    transport = httpx.ASGITransport(app)
    http = await stack.enter_async_context(
        httpx.AsyncClient(transport=transport, base_url="http://test")
    )
    await change_default_site(context.database, **OPEN_ALWAYS)
    api = Api(http, context.database, PasswordHasher(settings.bcrypt_rounds))
    return World(runner, api, await api.admin(ADMIN), context)
