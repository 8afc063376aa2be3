"""A call of every operation that does something, and the action that must stand in the log.

A new operation that writes needs a line in `DONE`, or a reason in `NOTHING_DONE`.
"""

from typing import Any

import httpx
from sqlalchemy import update

from app.notifications.models import Notification, NotificationStatus
from tests.audit.doing_with_factors import DONE_WITH_FACTORS
from tests.audit.doing_with_webhooks import DONE_WITH_WEBHOOKS
from tests.audit.scene import Doing, Scene
from tests.auth.links import newest_token
from tests.bulk.files import HOST, rows, workbook
from tests.bulk.files import upload as send_workbook
from tests.devices.devices import add_device
from tests.passes.helpers import press_cancel
from tests.scans.offline import happened, send
from tests.scans.walk_ins import WALK_IN, override
from tests.sites.logos import put_logo
from tests.support.api import PASSWORD

ANOTHER = "another correct battery"
PERSON = {"email": "new@example.com", "first_name": "New", "last_name": "Host"}


async def _arrived(scene: Scene) -> str:
    """Return the path of a visitor who is inside."""
    await scene.root.scan(await scene.code())
    return scene.visitor


async def _complete(scene: Scene) -> httpx.Response:
    return await scene.root.post(f"{await _arrived(scene)}complete/")


async def _check_out(scene: Scene) -> httpx.Response:
    return await scene.root.post(f"{await _arrived(scene)}check-out/")


async def _check_in(scene: Scene) -> httpx.Response:
    return await scene.root.post(f"{scene.visitor}check-in/")


async def _undo(scene: Scene) -> httpx.Response:
    return await scene.root.post(f"{await _arrived(scene)}undo/")


async def _scan(scene: Scene) -> httpx.Response:
    return await scene.root.scan(await scene.code())


async def _offline(scene: Scene) -> httpx.Response:
    gate = await add_device(scene.api)
    return await send(gate, happened(await scene.code(), "08:00"))


async def _replace(scene: Scene) -> httpx.Response:
    visitor = (await scene.root.get(scene.visitor)).json()
    names = ("name", "email", "visit_date", "visit_time", "host_name", "host_email")
    body = {name: visitor[name] for name in names} | {"company": "Engines Ltd"}
    return await scene.root.put(scene.visitor, body)


async def _retry(scene: Scene) -> httpx.Response:
    async with scene.database.write() as unit:
        await unit.write(update(Notification).values(status=NotificationStatus.FAILED))
    return await scene.root.post(f"notifications/{scene.ids['notification_id']}/retry/")


async def _upload(scene: Scene) -> httpx.Response:
    return await send_workbook(scene.root, workbook(rows(2)), **HOST)


async def _token(scene: Scene) -> httpx.Response:
    form = {"username": "root@example.com", "password": PASSWORD}
    return await scene.api.http.post("/api/auth/token/", data=form)


async def _log_out(scene: Scene) -> httpx.Response:
    body = {"refresh": (await scene.tokens())["refresh"]}
    return await scene.api.http.post("/api/auth/logout/", json=body)


async def _end_session(scene: Scene) -> httpx.Response:
    await scene.tokens()
    sessions = (await scene.root.get("auth/sessions/")).json()["items"]
    other = next(session for session in sessions if not session["current"])
    return await scene.root.delete(f"auth/sessions/{other['id']}/")


async def _invited(scene: Scene) -> httpx.Response:
    await scene.root.post("auth/users/", PERSON | {"role": "host"})
    token = await newest_token(scene.mailbox, "accept-invitation", "new@example.com")
    body = {"token": token, "password": ANOTHER}
    return await scene.api.http.post("/api/auth/accept-invitation/", json=body)


async def _forgot(scene: Scene) -> httpx.Response:
    await scene.host()
    body = {"email": "charles@example.com"}
    return await scene.api.http.post("/api/auth/forgot-password/", json=body)


async def _reset(scene: Scene) -> httpx.Response:
    await _forgot(scene)
    token = await newest_token(scene.mailbox, "reset-password", "charles@example.com")
    body = {"token": token, "new_password": ANOTHER}
    return await scene.api.http.post("/api/auth/reset-password/", json=body)


async def _hand_over(scene: Scene) -> httpx.Response:
    former, other = await scene.host(), await scene.api.host("ada@example.com", "Ada")
    return await scene.root.post(f"auth/users/{former.user_id}/hand-over/", {"to": other.user_id})


async def _add_site(scene: Scene) -> httpx.Response:
    return await scene.root.post("sites/", {"name": "Annex", "timezone": "UTC"})


async def _set_logo(scene: Scene) -> httpx.Response:
    return await put_logo(scene.root, scene.site.split("/")[1])


async def _remove_logo(scene: Scene) -> httpx.Response:
    await _set_logo(scene)
    return await scene.root.delete(f"{scene.site}logo/")


async def _delete_site(scene: Scene) -> httpx.Response:
    return await scene.root.delete(f"sites/{(await _add_site(scene)).json()['id']}/")


async def _delete_department(scene: Scene) -> httpx.Response:
    return await scene.root.delete(scene.department)


PARTS = ("visitor", "site", "department", "device", "api_key", "muster")


def _sent(method: str, path: str, body: Any = None) -> Doing:
    """Send a body to a path that names parts of the scene, such as `{visitor}`."""

    async def do(scene: Scene) -> httpx.Response:
        parts = {name: getattr(scene, name) for name in PARTS}
        options = {} if body is None else {"json": body}
        return await scene.root.request(method, path.format(**parts, **scene.ids), **options)

    return do


async def _audit_lines(scene: Scene) -> httpx.Response:
    headers = scene.root.headers | {"Accept": "application/x-ndjson"}
    return await scene.api.http.get("/api/audit/", headers=headers)


async def _cancel_pass(scene: Scene) -> httpx.Response:
    return await press_cancel(scene.api.http, await scene.code())


async def _start_muster(scene: Scene) -> httpx.Response:
    await scene.root.post(f"{scene.muster}end/", {"unaccounted": 0})
    return await scene.root.post(f"{scene.site}musters/", {"kind": "real"})


async def _mark(scene: Scene) -> httpx.Response:
    person = (await scene.root.post(f"{scene.muster}people/", {"name": "Ada"})).json()["id"]
    mark = {"mark_id": person, "entry": person, "state": "safe", "marked_at": AN_INSTANT}
    return await scene.root.post(f"{scene.muster}marks/", [mark])


async def _delete_link(scene: Scene) -> httpx.Response:
    link = (await scene.root.post(f"{scene.muster}links/", {"name": "Mary"})).json()["id"]
    return await scene.root.delete(f"{scene.muster}links/{link}/")


async def _link(scene: Scene) -> str:
    made = await scene.root.post(f"{scene.muster}links/", {"name": "Mary"})
    return "/muster/" + str(made.json()["url"]).rpartition("/")[2]


async def _mark_by_link(scene: Scene) -> httpx.Response:
    link = await _link(scene)
    person = await scene.api.http.post(f"{link}/people/", json={"name": "Ada"})
    id_ = person.json()["id"]
    mark = {"mark_id": id_, "entry": id_, "state": "safe", "marked_at": AN_INSTANT}
    return await scene.api.http.post(f"{link}/marks/", json=[mark])


async def _add_by_link(scene: Scene) -> httpx.Response:
    link = await _link(scene)
    return await scene.api.http.post(f"{link}/people/", json={"name": "Ada"})


async def _reopen_muster(scene: Scene) -> httpx.Response:
    await scene.root.post(f"{scene.muster}end/", {"unaccounted": 0})
    return await scene.root.post(f"{scene.muster}reopen/")


async def _change_user(scene: Scene) -> httpx.Response:
    host = await scene.host()
    return await scene.root.patch(f"auth/users/{host.user_id}/", {"first_name": "Chuck"})


async def _delete_user(scene: Scene) -> httpx.Response:
    return await scene.root.delete(f"auth/users/{(await scene.host()).user_id}/")


async def _register_account(scene: Scene) -> httpx.Response:
    body = PERSON | {"password": ANOTHER}
    return await scene.api.http.post("/api/auth/register/", json=body)


async def _log_in(scene: Scene) -> httpx.Response:
    body = {"email": "root@example.com", "password": PASSWORD}
    return await scene.api.http.post("/api/auth/login/", json=body)


async def _check_out_group(scene: Scene) -> httpx.Response:
    path = f"groups/{scene.ids['group_id']}"
    await scene.root.post(f"{path}/check-in/")
    return await scene.root.post(f"{path}/check-out/")


AN_INSTANT = "2026-11-23T08:00:00Z"
VISIT = {"name": "Eve", "email": "eve@example.com", "visit_date": "2026-11-24"}
GROUP = {
    "name": "Board",
    "visit_date": "2026-11-24",
    "visit_time": "10:00",
    "visitors": [{"name": "Eve", "email": "eve@example.com"}],
}
MOVE = {"visit_date": "2026-11-25", "visit_time": "11:00"}
CAPACITY = {"visit_date": "2026-11-26", "visit_time": "10:00", "capacity": 3}
API_KEY = {"name": "Loader", "scopes": ["visitors:read"], "sites": None}
DEVICE = {"name": "South gate", "kind": "scanner"}

DONE: dict[str, tuple[str, Doing]] = {
    "POST /api/visitors/": (
        "visitor.registered",
        _sent("POST", "visitors/", VISIT | {"visit_time": "10:00"}),
    ),
    "PUT /api/visitors/{visitor_id}/": ("visitor.updated", _replace),
    "PATCH /api/visitors/{visitor_id}/": (
        "visitor.updated",
        _sent("PATCH", "{visitor}", {"notes": "By bicycle"}),
    ),
    "DELETE /api/visitors/{visitor_id}/": ("visitor.deleted", _sent("DELETE", "{visitor}")),
    "POST /api/visitors/{visitor_id}/reschedule/": (
        "visitor.rescheduled",
        _sent("POST", "{visitor}reschedule/", MOVE),
    ),
    "POST /api/visitors/{visitor_id}/cancel/": (
        "visitor.cancelled",
        _sent("POST", "{visitor}cancel/"),
    ),
    "POST /api/visitors/{visitor_id}/check-in/": ("visitor.checked_in", _check_in),
    "POST /api/visitors/{visitor_id}/check-out/": ("visitor.checked_out", _check_out),
    "POST /api/visitors/{visitor_id}/complete/": ("visitor.completed", _complete),
    "POST /api/visitors/{visitor_id}/undo/": ("visitor.undone", _undo),
    "POST /api/visitors/{visitor_id}/replace-code/": (
        "visitor.code_replaced",
        _sent("POST", "{visitor}replace-code/"),
    ),
    "POST /api/visitors/{visitor_id}/resend-email/": (
        "visitor.email_resent",
        _sent("POST", "{visitor}resend-email/"),
    ),
    "POST /api/visitors/walk-in/": (
        "visitor.checked_in",
        _sent("POST", "visitors/walk-in/", WALK_IN | override("slot_closed")),
    ),
    "POST /api/visitors/verify-qr/": ("visitor.checked_in", _scan),
    "POST /api/visitors/scans/batch/": ("visitor.checked_in", _offline),
    "POST /api/visitors/bulk-upload/": ("workbook.uploaded", _upload),
    "POST /api/groups/": ("group.created", _sent("POST", "groups/", GROUP)),
    "PATCH /api/groups/{group_id}/": (
        "group.updated",
        _sent("PATCH", "groups/{group_id}/", {"name": "Trustees"}),
    ),
    "POST /api/groups/{group_id}/check-in/": (
        "visitor.checked_in",
        _sent("POST", "groups/{group_id}/check-in/"),
    ),
    "POST /api/groups/{group_id}/check-out/": ("visitor.checked_out", _check_out_group),
    "POST /api/groups/{group_id}/cancel/": (
        "visitor.cancelled",
        _sent("POST", "groups/{group_id}/cancel/"),
    ),
    "POST /api/groups/{group_id}/reschedule/": (
        "visitor.rescheduled",
        _sent("POST", "groups/{group_id}/reschedule/", MOVE),
    ),
    "POST /pass/{token}/cancel": ("visitor.cancelled", _cancel_pass),
    "GET /api/visitors/export-excel/": (
        "visitors.exported",
        _sent("GET", "visitors/export-excel/?format=csv&q=ada"),
    ),
    "GET /api/musters/{muster_id}/report.xlsx": (
        "muster.reported",
        _sent("GET", "{muster}report.xlsx"),
    ),
    "GET /api/musters/{muster_id}/report.pdf": (
        "muster.reported",
        _sent("GET", "{muster}report.pdf"),
    ),
    "GET /api/visitors/{visitor_id}/personal-data/": (
        "visitor.personal_data_exported",
        _sent("GET", "{visitor}personal-data/"),
    ),
    "GET /api/audit/": ("audit.exported", _audit_lines),
    "POST /api/notifications/{notification_id}/retry/": ("notification.retried", _retry),
    "POST /api/auth/login/": ("user.signed_in", _log_in),
    "POST /api/auth/token/": ("user.signed_in", _token),
    "POST /api/auth/confirm/": (
        "user.signed_in",
        _sent("POST", "auth/confirm/", {"password": PASSWORD}),
    ),
    "POST /api/auth/logout/": ("user.signed_out", _log_out),
    "PATCH /api/auth/me/": (
        "user.updated",
        _sent("PATCH", "auth/me/", {"first_name": "Supreme"}),
    ),
    "POST /api/auth/register/": ("user.registered", _register_account),
    "POST /api/auth/accept-invitation/": ("user.password_reset", _invited),
    "POST /api/auth/change-password/": (
        "user.password_changed",
        _sent(
            "POST",
            "auth/change-password/",
            {"old_password": PASSWORD, "new_password": ANOTHER},
        ),
    ),
    "POST /api/auth/forgot-password/": ("user.password_reset_asked", _forgot),
    "POST /api/auth/reset-password/": ("user.password_reset", _reset),
    "POST /api/auth/users/": (
        "user.created",
        _sent("POST", "auth/users/", PERSON | {"role": "host"}),
    ),
    "PATCH /api/auth/users/{user_id}/": ("user.updated", _change_user),
    "DELETE /api/auth/users/{user_id}/": ("user.deleted", _delete_user),
    "POST /api/auth/users/{user_id}/hand-over/": ("user.visits_handed_over", _hand_over),
    "DELETE /api/auth/sessions/": (
        "user.other_sessions_ended",
        _sent("DELETE", "auth/sessions/"),
    ),
    "DELETE /api/auth/sessions/{session_id}/": ("user.session_ended", _end_session),
    "POST /api/departments/": (
        "department.created",
        _sent("POST", "departments/", {"name": "Legal"}),
    ),
    "PUT /api/departments/{department_id}/": (
        "department.updated",
        _sent("PUT", "{department}", {"name": "Legal"}),
    ),
    "PATCH /api/departments/{department_id}/": (
        "department.updated",
        _sent("PATCH", "{department}", {"name": "Legal"}),
    ),
    "DELETE /api/departments/{department_id}/": ("department.deleted", _delete_department),
    "POST /api/api-keys/": ("api_key.created", _sent("POST", "api-keys/", API_KEY)),
    "PATCH /api/api-keys/{key_id}/": (
        "api_key.updated",
        _sent("PATCH", "{api_key}", {"name": "Loader"}),
    ),
    "DELETE /api/api-keys/{key_id}/": ("api_key.deleted", _sent("DELETE", "{api_key}")),
    "POST /api/api-keys/{key_id}/rotate/": (
        "api_key.rotated",
        _sent("POST", "{api_key}rotate/"),
    ),
    "POST /api/devices/": ("device.created", _sent("POST", "devices/", DEVICE)),
    "PUT /api/devices/{device_id}/": ("device.updated", _sent("PUT", "{device}", DEVICE)),
    "PATCH /api/devices/{device_id}/": (
        "device.updated",
        _sent("PATCH", "{device}", {"name": "East gate"}),
    ),
    "DELETE /api/devices/{device_id}/": ("device.deleted", _sent("DELETE", "{device}")),
    "POST /api/devices/{device_id}/rotate-key/": (
        "device.key_rotated",
        _sent("POST", "{device}rotate-key/"),
    ),
    "POST /api/sites/": ("site.created", _add_site),
    "PUT /api/sites/{site_id}/logo/": ("site.updated", _set_logo),
    "DELETE /api/sites/{site_id}/logo/": ("site.updated", _remove_logo),
    "PUT /api/sites/{site_id}/": (
        "site.updated",
        _sent("PUT", "{site}", {"name": "Lyon", "timezone": "UTC"}),
    ),
    "PATCH /api/sites/{site_id}/": (
        "site.updated",
        _sent("PATCH", "{site}", {"slot_capacity": 7}),
    ),
    "DELETE /api/sites/{site_id}/": ("site.deleted", _delete_site),
    "POST /api/sites/{site_id}/check-out-all/": (
        "site.checked_out",
        _sent("POST", "{site}check-out-all/", {"expected_count": 0, "reason": "Fire"}),
    ),
    "POST /api/sites/{site_id}/slot-capacities/": (
        "slot.capacity_set",
        _sent("POST", "{site}slot-capacities/", CAPACITY),
    ),
    "DELETE /api/sites/{site_id}/slot-capacities/{slot_id}/": (
        "slot.capacity_dropped",
        _sent("DELETE", "{site}slot-capacities/{slot_id}/"),
    ),
    "POST /api/sites/{site_id}/closures/": (
        "closure.created",
        _sent("POST", "{site}closures/", {"date": "2026-12-24"}),
    ),
    "DELETE /api/sites/{site_id}/closures/{closure_id}/": (
        "closure.deleted",
        _sent("DELETE", "{site}closures/{closure_id}/"),
    ),
    "POST /api/sites/{site_id}/musters/": ("muster.started", _start_muster),
    "PATCH /api/musters/{muster_id}/": (
        "muster.turned_real",
        _sent("PATCH", "{muster}", {"kind": "real"}),
    ),
    "POST /api/musters/{muster_id}/marks/": ("muster.marked", _mark),
    "POST /api/musters/{muster_id}/people/": (
        "muster.person_added",
        _sent("POST", "{muster}people/", {"name": "Ada"}),
    ),
    "POST /api/musters/{muster_id}/links/": (
        "muster.link_created",
        _sent("POST", "{muster}links/", {"name": "Mary"}),
    ),
    "DELETE /api/musters/{muster_id}/links/{link_id}/": ("muster.link_deleted", _delete_link),
    "POST /muster/{link}/marks/": ("muster.marked", _mark_by_link),
    "POST /muster/{link}/people/": ("muster.person_added", _add_by_link),
    "POST /api/musters/{muster_id}/end/": (
        "muster.ended",
        _sent("POST", "{muster}end/", {"unaccounted": 0}),
    ),
    "POST /api/musters/{muster_id}/reopen/": ("muster.reopened", _reopen_muster),
}
DONE |= DONE_WITH_FACTORS | DONE_WITH_WEBHOOKS

OF_DIRECTORY = "needs a directory: tests/directory looks at its entries"
NOTHING_DONE = {
    "POST /api/auth/oidc/confirm/": OF_DIRECTORY,
    "POST /api/auth/oidc/token/": OF_DIRECTORY,
    "DELETE /api/auth/users/{user_id}/directory/": OF_DIRECTORY,
    "POST /api/auth/second-factor/totp/": "changes nothing before it is confirmed",
    "POST /api/auth/passkeys/options/": "changes nothing before a passkey is stored",
    "POST /api/auth/passkeys/sign-in/options/": "changes nothing",
    "PATCH /api/auth/passkeys/{passkey_id}/": "changes a name that its user chose",
    "POST /api/auth/token/refresh/": "goes on with a session whose beginning is recorded",
    "POST /api/auth/verify-email/": "refuses everything",
    "POST /api/devices/heartbeat/": "says that a device runs",
    "POST /api/events/stream-ticket/": "opens the stream for somebody who may read it anyway",
}
