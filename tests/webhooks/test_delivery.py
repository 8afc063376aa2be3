"""From an event to a receiver, over real sockets."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from app.core.db.rollout import Rollout, finish
from app.users.models import Role
from app.webhooks.client import Poster
from tests.e2e.installation import eventually
from tests.support.api import VISITOR, Client
from tests.webhooks.conftest import hooks_of, make
from tests.webhooks.receivers import Receiver, answering, hang

NEXT_WEEK = {"visit_date": "2026-12-08"}


async def status_of(client: Client, webhook: dict[str, Any]) -> Any:
    return (await client.get(f"webhooks/{webhook['id']}/")).json()


async def deliveries(client: Client, webhook: dict[str, Any], **query: str) -> Any:
    return (await client.get(f"webhooks/{webhook['id']}/deliveries/", **query)).json()["items"]


async def test_an_event_comes_once_and_is_signed(api, hooks):
    admin = await api.admin()
    async with Receiver().running() as receiver:
        webhook = await make(admin, receiver.url)
        visitor = await admin.register(**NEXT_WEEK)
        assert await hooks.deliver() == 1
        assert await hooks.deliver() == 0
        [message] = receiver.messages
    body = message.verified(webhook["secret"])
    data = body["data"]
    assert body.keys() == {"type", "timestamp", "data"}
    assert (body["type"], body["timestamp"]) == ("visit.registered", data["created_at"])
    assert data["id"] == message.headers["webhook-id"]
    assert data["subject"] == {"type": "visitor", "id": visitor["id"], "version": 1}
    assert data["actor"] == {"kind": "user", "id": admin.user_id}
    assert data["site"] == visitor["site"]
    assert isinstance(data["seq"], int)
    assert "object" not in data
    assert VISITOR["email"] not in message.body
    [delivery] = await deliveries(admin, webhook)
    assert (delivery["status"], delivery["attempts"], delivery["last_status"]) == (
        "delivered",
        1,
        200,
    )
    assert delivery["event_id"] == data["id"]


async def test_only_the_types_and_the_site_that_are_asked_for(api, hooks):
    root = await api.superadmin()
    place = (await root.post("sites/", {"name": "Elsewhere", "timezone": "UTC"})).json()["id"]
    async with Receiver().running() as receiver:
        await make(root, receiver.url, types=["visit.cancelled"])
        await make(root, receiver.url, site=place)
        visitor = await root.register(**NEXT_WEEK)
        assert await hooks.deliver() == 0
        await root.post(f"visitors/{visitor['id']}/cancel/")
        assert await hooks.deliver() == 1


async def test_a_full_message_has_the_record_without_its_code(api, hooks):
    admin = await api.admin()
    async with Receiver().running() as receiver:
        webhook = await make(admin, receiver.url, payload="full")
        visitor = await admin.register(**NEXT_WEEK)
        await hooks.dispatch()
        await admin.patch(f"visitors/{visitor['id']}/", {"company": "Engines Ltd"})
        await hooks.deliver()
        now = (await admin.get(f"visitors/{visitor['id']}/")).json()
        del now["qr_code"]
        [message] = receiver.messages
        assert message.verified(webhook["secret"])["data"]["object"] == now
        await hooks.dispatch()
        await admin.post(f"webhooks/{webhook['id']}/replay/", {"after": 0})
        await admin.delete(f"visitors/{visitor['id']}/?notify=false")
        await hooks.deliver()
    assert receiver.messages[-1].verified(webhook["secret"])["data"]["object"] is None


async def test_a_record_that_has_left_the_site_is_not_shown(api, hooks):
    root = await api.superadmin()
    [home] = (await root.get("sites/")).json()["items"]
    place = (await root.post("sites/", {"name": "Elsewhere", "timezone": "UTC"})).json()["id"]
    async with Receiver().running() as receiver:
        webhook = await make(root, receiver.url, payload="full", site=home["id"])
        stays, goes = [
            await root.register(email=f"{name}@example.com", **NEXT_WEEK) for name in "ab"
        ]
        await hooks.dispatch()
        moved = await root.patch(f"visitors/{goes['id']}/", {"site": place})
        assert moved.status_code == 200, moved.text
        await hooks.deliver()
    shown = [m.verified(webhook["secret"])["data"] for m in receiver.messages]
    assert {d["subject"]["id"]: d["object"] is None for d in shown} == {
        stays["id"]: False,
        goes["id"]: True,
    }


async def test_a_maker_who_sees_less_hears_less(api, hooks, database):
    root = await api.superadmin()
    place = (await root.post("sites/", {"name": "Elsewhere", "timezone": "UTC"})).json()["id"]
    home = (await root.get("sites/")).json()["items"][-1]["id"]
    async with Receiver().running() as receiver:
        admin = await api.of_role(Role.ADMIN, home, place)
        webhook = await make(admin, receiver.url, payload="full")
        await root.register(**NEXT_WEEK)
        await hooks.dispatch()
        await root.patch(f"auth/users/{admin.user_id}/", {"sites": [place]})
        await root.register(email="late@example.com", **NEXT_WEEK)
        assert await hooks.deliver() == 1
        assert receiver.messages == []
    [delivery] = await deliveries(root, webhook)
    assert (delivery["status"], delivery["last_error"]) == (
        "failed",
        "Its maker may not see this event",
    )


async def test_a_failure_is_tried_again_with_the_same_id(api, hooks, clock):
    admin = await api.admin()
    receiver = Receiver(answering(500))
    async with receiver.running():
        webhook = await make(admin, receiver.url)
        await admin.register(**NEXT_WEEK)
        assert await hooks.deliver() == 1
        assert await hooks.deliver() == 0
        [delivery] = await deliveries(admin, webhook, status="pending")
        assert (delivery["last_status"], delivery["last_error"]) == (500, "Answered 500")
        assert (await status_of(admin, webhook))["failing_since"] is not None
        clock.advance(timedelta(seconds=6))
        receiver.answer = answering(204)
        assert await hooks.deliver() == 1
        assert (await status_of(admin, webhook))["failing_since"] is None
    assert len(receiver.ids) == 2
    assert len({*receiver.ids}) == 1


async def test_a_receiver_that_is_gone_is_left_alone(api, hooks):
    admin = await api.admin()
    async with Receiver(answering(410)).running() as receiver:
        webhook = await make(admin, receiver.url)
        await admin.register(**NEXT_WEEK)
        await hooks.deliver()
        now = await status_of(admin, webhook)
        assert (now["status"], now["disabled_reason"]) == ("disabled", "gone")
        await admin.register(email="b@example.com", **NEXT_WEEK)
        assert await hooks.deliver() == 0
        assert len(await deliveries(admin, webhook, status="failed")) == 1


async def test_a_wish_to_wait_holds_for_all_messages(api, hooks, clock):
    admin = await api.admin()
    receiver = Receiver(answering(503, Retry_After="3600"))
    async with receiver.running():
        webhook = await make(admin, receiver.url)
        await admin.register(**NEXT_WEEK)
        assert await hooks.deliver() == 1
        receiver.answer = answering(200)
        await admin.register(email="b@example.com", **NEXT_WEEK)
        clock.advance(timedelta(minutes=10))
        assert await hooks.deliver() == 0
        test = (await admin.post(f"webhooks/{webhook['id']}/test/")).json()
        waiting = [*await deliveries(admin, webhook, status="pending"), test]
        dues = [datetime.fromisoformat(each["next_attempt_at"]) for each in waiting]
        assert len(dues) == 4
        assert min(dues) - clock.now() > timedelta(minutes=49)
        clock.advance(timedelta(minutes=51))
        assert await hooks.deliver() == 3


async def test_three_days_of_failure_end_it_and_its_maker_is_mailed(api, hooks, clock, mailbox):
    admin = await api.admin()
    receiver = Receiver(answering(500))
    async with receiver.running():
        webhook = await make(admin, receiver.url)
        await admin.register(**NEXT_WEEK)
        attempts = 0
        for _ in range(20):
            attempts += await hooks.deliver()
            clock.advance(timedelta(hours=12))
        admin = await api.sign_in("desk@example.com", admin.user_id)
        now = await status_of(admin, webhook)
        assert (now["status"], now["disabled_reason"]) == ("disabled", "failing")
        assert attempts == len(receiver.messages) == 7
        [mail] = [m for m in await mailbox.deliver() if "webhook" in m["Subject"]]
        assert mail["To"] == "Front Desk <desk@example.com>"
        assert "for=visits" not in mail.as_string()

        receiver.answer = answering(200)
        await admin.register(email="missed@example.com", visit_date="2026-12-14")
        await hooks.dispatch()
        revived = await admin.patch(f"webhooks/{webhook['id']}/", {"status": "active"})
        assert (revived.json()["disabled_reason"], revived.status_code) == (None, 200)
        assert await hooks.deliver() == 0
        await admin.post(f"webhooks/{webhook['id']}/replay/", {"after": 0})
        assert await hooks.deliver() == 2


async def test_during_an_update_no_mail_is_written_that_nobody_reads(api, hooks, clock, database):
    """The webhook goes on until `vms migrate --finish`, and ends with the next failure."""
    admin = await api.admin()
    async with Receiver(answering(500)).running() as receiver:
        webhook = await make(admin, receiver.url)
        await admin.register(**NEXT_WEEK)
        await hooks.deliver()
        clock.advance(timedelta(days=3))
        database.rollout_is_finished = False
        async with database.write() as unit:
            unit.add(Rollout(revision="0033", finished_at=None))
        assert await hooks.deliver() == 1
        admin = await api.sign_in("desk@example.com", admin.user_id)
        assert (await status_of(admin, webhook))["status"] == "active"
        async with database.write() as unit:
            assert await finish(unit, clock.now()) == 1
        await admin.register(email="b@example.com", visit_date="2026-12-14")
        await hooks.deliver()
        assert (await status_of(admin, webhook))["disabled_reason"] == "failing"


async def test_what_hangs_does_not_hold_up_others(api, hooks):
    admin, poster = await api.admin(), Poster(None, seconds=2)
    hooks.deliverer.poster = poster
    async with Receiver(hang).running() as hanging, Receiver().running() as working:
        for _ in range(3):
            await make(admin, hanging.url)
        await make(admin, working.url)
        for number in range(20):
            await admin.register(email=f"{number}@example.com", **NEXT_WEEK)
        await hooks.dispatch()
        stop = asyncio.Event()
        task = asyncio.create_task(hooks.deliverer.run(stop))
        await eventually(lambda: len(set(working.ids)) == 20)
        stop.set()
        await task
        await poster.close()


async def test_a_test_is_tried_once_and_says_nothing_about_failing(api, hooks):
    admin = await api.admin()
    receiver = Receiver(answering(410))
    async with receiver.running():
        webhook = await make(admin, receiver.url)
        answer = await admin.post(f"webhooks/{webhook['id']}/test/")
        assert answer.status_code == 202
        assert await hooks.deliver() == 1
        now = await status_of(admin, webhook)
        assert (now["status"], now["failing_since"]) == ("active", None)
        [delivery] = await deliveries(admin, webhook)
        assert (delivery["status"], delivery["type"]) == ("failed", "webhook.test")
        receiver.answer = answering(200)
        path = f"webhooks/{webhook['id']}/deliveries/{delivery['id']}/redeliver/"
        assert (await admin.post(path)).status_code == 202
        assert await hooks.deliver() == 1
    body = receiver.messages[-1].verified(webhook["secret"])
    assert (body["type"], body["data"]["subject"]["id"]) == ("webhook.test", webhook["id"])
    assert len(set(receiver.ids)) == 1


async def test_both_secrets_are_valid_for_a_day(api, hooks, clock):
    admin = await api.admin()
    async with Receiver().running() as receiver:
        webhook = await make(admin, receiver.url)
        answer = await admin.post(f"webhooks/{webhook['id']}/rotate-secret/")
        new = answer.json()["secret"]
        await admin.post(f"webhooks/{webhook['id']}/test/")
        await hooks.deliver()
        for secret in (webhook["secret"], new):
            receiver.messages[-1].verified(secret)
        await admin.post(f"webhooks/{webhook['id']}/test/")
        clock.advance(timedelta(hours=24, seconds=1))
        await hooks.deliver()
        signature = receiver.messages[-1].headers["webhook-signature"]
        assert len(signature.split()) == 1


async def test_a_rotation_that_is_repeated_keeps_the_secret_in_use(api, hooks, clock):
    admin = await api.admin()
    async with Receiver().running() as receiver:
        webhook = await make(admin, receiver.url)
        for _ in range(2):
            await admin.post(f"webhooks/{webhook['id']}/rotate-secret/")
            clock.advance(timedelta(minutes=2))
        await admin.post(f"webhooks/{webhook['id']}/test/")
        await hooks.deliver()
        receiver.messages[-1].verified(webhook["secret"])
        assert len(receiver.messages[-1].headers["webhook-signature"].split()) == 3
        await admin.post(f"webhooks/{webhook['id']}/test/")
        clock.advance(timedelta(hours=23, minutes=57))
        await hooks.deliver()
        assert len(receiver.messages[-1].headers["webhook-signature"].split()) == 2


async def test_a_replay_brings_everything_again_with_the_same_ids(api, hooks):
    admin = await api.admin()
    async with Receiver().running() as receiver:
        webhook = await make(admin, receiver.url)
        for number in range(5):
            await admin.register(email=f"{number}@example.com", **NEXT_WEEK)
        await hooks.deliver()
        first = [m.verified(webhook["secret"])["data"]["seq"] for m in receiver.messages]
        answer = await admin.post(f"webhooks/{webhook['id']}/replay/", {"after": sorted(first)[1]})
        assert (answer.status_code, answer.json()) == (
            202,
            {"after": sorted(first)[1], "until": max(first)},
        )
        assert await hooks.deliver() == 3
        assert {*receiver.ids[5:]} < {*receiver.ids[:5]}
        assert len(await deliveries(admin, webhook)) == 5
        late = await admin.post(f"webhooks/{webhook['id']}/replay/", {"after": max(first) + 100})
        assert (late.status_code, late.json()["errors"][0]["field"]) == (422, "after")


async def test_a_new_webhook_hears_nothing_of_the_past(api, hooks):
    admin = await api.admin()
    await admin.register(**NEXT_WEEK)
    await hooks.dispatch()
    async with Receiver().running() as receiver:
        await make(admin, receiver.url)
        assert await hooks.deliver() == 0


async def test_where_nothing_is_opened_no_name_leads_inside(api, database, clock, settings, hooks):
    admin = await api.admin()
    async with Receiver().running() as receiver:
        webhook = await make(admin, receiver.url.replace("127.0.0.1", "localhost"))
        poster = Poster([])
        guarded = hooks_of(database, clock, settings, poster)
        await admin.post(f"webhooks/{webhook['id']}/test/")
        assert await guarded.deliver() == 1
        await poster.close()
        assert receiver.connections == 0
    [delivery] = await deliveries(admin, webhook)
    assert (delivery["status"], delivery["last_error"]) == (
        "failed",
        "The address is not allowed",
    )
