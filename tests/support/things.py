from typing import Any

from tests.support.api import Client


async def one_of_each(root: Client) -> dict[str, str]:
    """Create a resource of each kind; return ids by path parameter."""
    visitor = await root.register()
    site = f"sites/{visitor['site']}"
    slot = {"visit_date": "2026-11-24", "visit_time": "10:00", "capacity": 3}
    mails = (await root.get(f"visitors/{visitor['id']}/notifications/")).json()
    return {
        "visitor_id": visitor["id"],
        "site_id": visitor["site"],
        "user_id": root.user_id,
        "notification_id": mails[0]["id"],
        "device_id": await _made(root, "devices/", {"name": "North gate", "kind": "scanner"}),
        "department_id": await _made(root, "departments/", {"name": "Chemistry"}),
        "closure_id": await _made(root, f"{site}/closures/", {"date": "2026-12-23"}),
        "slot_id": await _made(root, f"{site}/slot-capacities/", slot),
    }


async def _made(root: Client, path: str, body: dict[str, Any]) -> str:
    answer = await root.post(path, body)
    assert answer.status_code in {200, 201}, answer.text
    return str(answer.json()["id"])
