"""Calls about webhooks, for `doing.py`."""

import httpx

from tests.audit.scene import Doing, Scene

WEBHOOK = {"url": "https://hooks.example.com/", "types": ["visit.registered"]}


async def _create(scene: Scene) -> httpx.Response:
    return await scene.root.post("webhooks/", WEBHOOK)


async def _change(scene: Scene) -> httpx.Response:
    return await scene.root.patch(scene.webhook, {"payload": "full"})


async def _rotate(scene: Scene) -> httpx.Response:
    return await scene.root.post(f"{scene.webhook}rotate-secret/")


async def _delete(scene: Scene) -> httpx.Response:
    return await scene.root.delete(scene.webhook)


async def _test(scene: Scene) -> httpx.Response:
    return await scene.root.post(f"{scene.webhook}test/")


async def _replay(scene: Scene) -> httpx.Response:
    return await scene.root.post(f"{scene.webhook}replay/", {"after": 0})


async def _redeliver(scene: Scene) -> httpx.Response:
    path = f"{scene.webhook}deliveries/{scene.ids['delivery_id']}/redeliver/"
    return await scene.root.post(path)


OF_ONE = "/api/webhooks/{webhook_id}/"
DONE_WITH_WEBHOOKS: dict[str, tuple[str, Doing]] = {
    "POST /api/webhooks/": ("webhook.created", _create),
    f"PATCH {OF_ONE}": ("webhook.updated", _change),
    f"DELETE {OF_ONE}": ("webhook.deleted", _delete),
    f"POST {OF_ONE}rotate-secret/": ("webhook.secret_rotated", _rotate),
    f"POST {OF_ONE}test/": ("webhook.tested", _test),
    f"POST {OF_ONE}replay/": ("webhook.replayed", _replay),
    f"POST {OF_ONE}deliveries/{{delivery_id}}/redeliver/": ("webhook.redelivered", _redeliver),
}
