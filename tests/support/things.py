from typing import Any

from tests.support.api import Client


async def one_of_each(root: Client) -> dict[str, str]:
    """Create a resource of each kind; return ids by path parameter."""
    visitor = await root.register()
    site = f"sites/{visitor['site']}"
    slot = {"visit_date": "2026-11-24", "visit_time": "10:00", "capacity": 3}
    mails = (await root.get(f"visitors/{visitor['id']}/notifications/")).json()
    member = {"name": "Guest", "email": "guest@example.com"}
    group = {"name": "Choir", "visit_date": "2026-11-23", "visit_time": "10:00"}
    hook = {"url": "https://hooks.example.com/", "types": ["visit.registered"]}
    webhook = await _made(root, "webhooks/", hook)
    muster = await _made(root, f"{site}/musters/", {"kind": "drill"})
    return {
        "visitor_id": visitor["id"],
        "group_id": await _made(root, "groups/", group | {"visitors": [member]}),
        "site_id": visitor["site"],
        "user_id": root.user_id,
        "notification_id": mails[0]["id"],
        "device_id": await _made(root, "devices/", {"name": "North gate", "kind": "scanner"}),
        "key_id": await _made(
            root, "api-keys/", {"name": "Door", "scopes": ["gate:scan"], "sites": None}
        ),
        "department_id": await _made(root, "departments/", {"name": "Chemistry"}),
        "closure_id": await _made(root, f"{site}/closures/", {"date": "2026-12-23"}),
        "muster_id": muster,
        "link_id": await _made(root, f"musters/{muster}/links/", {"name": "Mary"}),
        "webhook_id": webhook,
        "delivery_id": await _made(root, f"webhooks/{webhook}/test/", {}),
        "slot_id": await _made(root, f"{site}/slot-capacities/", slot),
    }


async def _made(root: Client, path: str, body: dict[str, Any]) -> str:
    answer = await root.post(path, body)
    assert answer.status_code in {200, 201, 202}, answer.text
    return str(answer.json()["id"])
