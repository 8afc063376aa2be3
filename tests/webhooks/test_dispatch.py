"""Each event is given once, whoever dispatches."""

import asyncio
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select, update

from app.core.clock import Clock
from app.core.db.database import Database
from app.core.ids import new_id
from app.events.kinds import EventType
from app.events.models import EventLog
from app.events.outbox import emit
from app.webhooks.dispatch_service import Dispatcher
from app.webhooks.jobs import delete_old_deliveries
from app.webhooks.models import Webhook, WebhookDelivery
from tests.support.problems import problem
from tests.webhooks.conftest import make, nobody
from tests.webhooks.receivers import Receiver

URL = "https://hooks.example.com/"
SLOTS = ["slot.full"]


async def emit_events(
    database: Database, clock: Clock, number: int, site: UUID | None = None
) -> None:
    async with database.write() as unit:
        for _ in range(number):
            emit(unit, EventType.SLOT_FULL, "slot", new_id(), clock.now(), site=site)


async def count(database: Database) -> int | None:
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(WebhookDelivery))


async def test_two_dispatchers_give_each_event_once(api, hooks, database, clock):
    root = await api.superadmin()
    for _ in range(2):
        await make(root, URL, types=SLOTS)
    await emit_events(database, clock, 300)
    while await hooks.sequencer.step():
        pass
    others = [Dispatcher(database, clock, nobody) for _ in range(3)]
    for _ in range(5):
        await asyncio.gather(*(each.step() for each in others))
    assert await count(database) == 600


async def test_a_dispatcher_that_dies_is_followed(api, hooks, database, clock):
    """What it had queued goes with its transaction."""
    root = await api.superadmin()
    await make(root, URL, types=SLOTS)
    await emit_events(database, clock, 3)
    while await hooks.sequencer.step():
        pass

    class DiedError(Exception):
        pass

    class Mortal(Dispatcher):
        async def _queue(self, *arguments, **options):
            await super()._queue(*arguments, **options)
            raise DiedError

    mortal = Mortal(database, clock, nobody)
    for _ in range(2):
        try:
            await mortal.step()
        except DiedError:
            assert await count(database) == 0
    await hooks.dispatch()
    assert await count(database) == 3


async def test_events_without_a_site_are_for_makers_of_all_sites(api, hooks, database, clock):
    root = await api.superadmin()
    [home] = (await root.get("sites/")).json()["items"]
    admin = await api.of_role("admin", home["id"])
    await make(root, URL, types=SLOTS)
    await make(admin, URL, types=SLOTS)
    await emit_events(database, clock, 1)
    await hooks.dispatch()
    assert await count(database) == 1
    await emit_events(database, clock, 1, UUID(home["id"]))
    await hooks.dispatch()
    assert await count(database) == 3


async def test_two_thousand_webhooks_get_an_event(api, hooks, database, clock):
    root = await api.superadmin()
    async with Receiver().running() as receiver:
        made = await make(root, receiver.url, types=SLOTS)
        async with database.write() as unit:
            model = await unit.scalar(select(Webhook))
            values = {c.name: getattr(model, c.name) for c in Webhook.__table__.c}
            for _ in range(1_999):
                unit.add(Webhook(**{**values, "id": new_id()}))
        await emit_events(database, clock, 1)
        assert await hooks.deliver() == 2_000
        assert len(receiver.messages) == 2_000
        assert len(set(receiver.ids)) == 1
        receiver.messages[-1].verified(made["secret"])


async def test_a_replay_is_fed_in_as_it_is_delivered(api, hooks, database, clock, monkeypatch):
    monkeypatch.setattr("app.webhooks.dispatch_service.MOST_WAITING", 5)
    monkeypatch.setattr("app.webhooks.dispatch_service.BATCH", 4)
    root = await api.superadmin()
    await emit_events(database, clock, 20)
    await hooks.dispatch()
    async with Receiver().running() as receiver:
        webhook = await make(root, receiver.url, types=SLOTS)
        await root.post(f"webhooks/{webhook['id']}/replay/", {"after": 0})
        await hooks.dispatch()
        assert await count(database) == 8
        while await hooks.deliver():
            pass
        assert len(set(receiver.ids)) == len(receiver.ids) == 20
    async with database.read() as session:
        assert await session.scalar(select(Webhook.replay_after)) is None


async def test_a_replay_of_what_is_no_longer_kept_is_refused(api, hooks, database, clock):
    root = await api.superadmin()
    webhook = await make(root, URL, types=SLOTS)
    await emit_events(database, clock, 5)
    await hooks.dispatch()
    async with database.write() as unit:
        await unit.write(update(EventLog).values(cut_through=3))
    path = f"webhooks/{webhook['id']}/replay/"
    problem(await root.post(path, {"after": 2}), 410, "cursor_too_old")
    assert (await root.post(path, {"after": 3})).status_code == 202
    assert (await root.post(path, {"after": 0})).status_code == 202


async def test_a_webhook_that_goes_meanwhile_stops_nobody(api, hooks, database, clock):
    root = await api.superadmin()
    first, second = [await make(root, URL, types=SLOTS) for _ in range(2)]
    await emit_events(database, clock, 1)
    assert (await root.delete(f"webhooks/{first['id']}/")).status_code == 204
    await hooks.dispatch()
    [delivery] = (await root.get(f"webhooks/{second['id']}/deliveries/")).json()["items"]
    assert delivery["status"] == "pending"


async def test_deliveries_are_kept_for_thirty_days(api, hooks, database, clock):
    root = await api.superadmin()
    await make(root, URL, types=SLOTS)
    await emit_events(database, clock, 2)
    await hooks.dispatch()
    assert await delete_old_deliveries(database, clock.now() + timedelta(days=29)) == 0
    assert await delete_old_deliveries(database, clock.now() + timedelta(days=31)) == 2
