"""To whoever is limited to sites, what belongs to another site does not exist, by any road."""

from typing import Any

import httpx
import pytest

from app.auth.caller import CallerRole
from app.core.db.database import Database
from app.users.models import Role
from app.users.roles import ROLES
from tests.auth.test_foreign_data import FOREIGN, text_of
from tests.devices.devices import add_device
from tests.support.api import VISITOR, Api, Client
from tests.support.database import fail_mails
from tests.support.problems import problem
from tests.support.requests import NOBODY, sample
from tests.support.route_table import Operation, operations
from tools.write_permissions import documented_app

APP = documented_app()
DOCUMENT = APP.openapi()
OPERATIONS = [op for op in operations(APP) if op.in_document and not op.is_public]
LIMITED = [role for role, rights in ROLES.items() if rights.has_sites]
ELSEWHERE = {"name": "Elsewhere", "open_weekdays": [1, 2, 3, 4, 5, 6, 7], "timezone": "UTC"}
# Parameters of paths that name something of a site.
OF_A_SITE = (
    "visitor_id",
    "group_id",
    "site_id",
    "device_id",
    "notification_id",
    "user_id",
    "muster_id",
    "key_id",
    "webhook_id",
)
# Lists and figures: limited to the sites of the caller.
LISTS = {
    "GET /api/api-keys/",
    "GET /api/analytics/trends/",
    "GET /api/auth/users/",
    "GET /api/desk/",
    "GET /api/desk/search/",
    "GET /api/devices/",
    "GET /api/events/",
    "GET /api/events/stream/",
    "GET /api/groups/",
    "GET /api/musters/",
    "GET /api/notifications/",
    "GET /api/sites/",
    "GET /api/visitors/",
    "GET /api/visitors/dashboard-stats/",
    "GET /api/visitors/download-template/",
    "GET /api/visitors/export-excel/",
    "GET /api/visitors/scans/",
    "GET /api/visitors/suggest/",
    "GET /api/webhooks/",
}
# The body names a site, or a visit by its code.
BODIES = {
    "POST /api/api-keys/",
    "POST /api/auth/users/",
    "POST /api/devices/",
    "POST /api/groups/",
    "POST /api/visitors/",
    "POST /api/visitors/bulk-upload/",
    "POST /api/visitors/scans/batch/",
    "POST /api/visitors/verify-qr/",
    "POST /api/visitors/walk-in/",
    "POST /api/webhooks/",
}
# Of the caller's own account, or of no site at all.
OF_NO_SITE = {
    "POST /api/auth/change-password/",
    "POST /api/auth/confirm/",
    "GET /api/auth/events/",
    "GET /api/auth/me/",
    "PATCH /api/auth/me/",
    "GET /api/auth/me/delegates/",
    "PUT /api/auth/me/delegates/",
    "POST /api/auth/oidc/confirm/",
    "GET /api/auth/passkeys/",
    "POST /api/auth/passkeys/",
    "POST /api/auth/passkeys/options/",
    "DELETE /api/auth/passkeys/{passkey_id}/",
    "PATCH /api/auth/passkeys/{passkey_id}/",
    "POST /api/auth/second-factor/recovery-codes/",
    "POST /api/auth/second-factor/totp/",
    "DELETE /api/auth/second-factor/totp/",
    "POST /api/auth/second-factor/totp/confirm/",
    "DELETE /api/auth/sessions/",
    "GET /api/auth/sessions/",
    "DELETE /api/auth/sessions/{session_id}/",
    "GET /api/departments/",
    "POST /api/departments/",
    "DELETE /api/departments/{department_id}/",
    "GET /api/departments/{department_id}/",
    "PATCH /api/departments/{department_id}/",
    "PUT /api/departments/{department_id}/",
    "POST /api/devices/heartbeat/",
    "GET /api/devices/me/",
    "POST /api/events/stream-ticket/",
    "POST /api/sites/",
    "GET /api/visitors/hosts/",
}


def _names_of_site(operation: Operation) -> list[str]:
    return [name for name in OF_A_SITE if f"{{{name}}}" in operation.path]


def _takes_site(operation: Operation) -> bool:
    described = DOCUMENT["paths"][operation.path][operation.method.lower()]
    return any(p["name"] == "site" for p in described.get("parameters", ()))


BY_PATH = [op for op in OPERATIONS if _names_of_site(op)]
PARTS = [
    op
    for op in BY_PATH
    if op.path.endswith(("{closure_id}/", "{slot_id}/", "{delivery_id}/redeliver/"))
]
BY_QUERY = [op for op in OPERATIONS if _takes_site(op)]


def _allowed(chosen: list[Operation]) -> list[Any]:
    """Those operations with each role that is limited to sites and may use them."""
    return [
        pytest.param(role, operation, id=f"{role} {operation}")
        for role in LIMITED
        for operation in chosen
        if operation.allows(CallerRole(role))
    ]


GROUP = {"name": "Choir", "visit_date": "2026-11-24", "visit_time": "11:00"}


class TwoSites:
    """Everything twice: `own` at the site of a limited caller, `other` at another one."""

    def __init__(self, api: Api, root: Client, database: Database) -> None:
        self.api, self.root, self.database = api, root, database
        self.own: dict[str, str] = {}
        self.other: dict[str, str] = {}

    async def caller(self, role: Role) -> Client:
        return await self.api.of_role(role, self.own["site_id"], email=f"limited-{role}@x.example")

    async def open(self) -> None:
        sites = (await self.root.get("sites/")).json()["items"]
        self.own["site_id"] = sites[0]["id"]
        self.other["site_id"] = await self._made("sites/", ELSEWHERE)

    async def fill(self, things: dict[str, str], **fields: Any) -> dict[str, Any]:
        """Add something of every kind to a site; return its visitor."""
        visitor = await self.root.register(**{**fields, "site": things["site_id"]})
        site, mark = f"sites/{things['site_id']}", things["site_id"][-6:]
        slot = {"visit_date": "2026-11-24", "visit_time": "10:00", "capacity": 3}
        await self.root.scan(visitor["qr_code"], gate="Zyzzyva gate")
        group = await self._group(things["site_id"], visitor["name"])
        await fail_mails(self.database)
        mails = (await self.root.get(f"visitors/{visitor['id']}/notifications/")).json()
        device = await add_device(self.api, name=f"Zyzzyva-{mark}", site=things["site_id"])
        guard = await self.api.of_role(
            Role.GUARD, things["site_id"], email=f"zyzzyva-{mark}@foreign.example"
        )
        things |= {
            "visitor_id": visitor["id"],
            "group_id": group,
            "notification_id": mails[0]["id"],
            "device_id": device.user_id,
            "user_id": guard.user_id,
            "session_id": await self._session_of(guard),
            "closure_id": await self._made(f"{site}/closures/", {"date": "2026-12-23"}),
            "slot_id": await self._made(f"{site}/slot-capacities/", slot),
            "muster_id": await self._made(f"{site}/musters/", {"kind": "drill"}),
        }
        key = {"name": "Zyzzyva", "scopes": ["gate:scan"], "sites": [things["site_id"]]}
        things["key_id"] = await self._made("api-keys/", key)
        hook = {"url": "https://x.example/", "types": ["visit.registered"]}
        webhook = await self._made("webhooks/", hook | {"site": things["site_id"]})
        things["webhook_id"] = webhook
        things["delivery_id"] = await self._made(f"webhooks/{webhook}/test/", {})
        links = f"musters/{things['muster_id']}/links/"
        things["link_id"] = await self._made(links, {"name": "Zyzzyva"})
        return visitor

    async def _group(self, site: str, name: str) -> str:
        member = {"name": "Zyzzyva", "email": f"{site[-6:]}@foreign.example"}
        return await self._made(
            "groups/", GROUP | {"name": name, "site": site, "visitors": [member]}
        )

    async def _session_of(self, client: Client) -> str:
        sessions = (await self.root.get(f"auth/users/{client.user_id}/sessions/")).json()["items"]
        return str(sessions[0]["id"])

    async def _made(self, path: str, body: dict[str, Any]) -> str:
        answer = await self.root.post(path, body)
        assert answer.status_code in {200, 201, 202}, answer.text
        return str(answer.json()["id"])


@pytest.fixture
async def two(api: Api, database: Database) -> TwoSites:
    sites = TwoSites(api, await api.superadmin(), database)
    await sites.open()
    return sites


def _path(operation: Operation, things: dict[str, str]) -> str:
    path = operation.path.removeprefix("/api/")
    for name, id_ in things.items():
        path = path.replace(f"{{{name}}}", id_)
    return path


async def _ask(
    client: Client, operation: Operation, things: dict[str, str], **params: Any
) -> httpx.Response:
    options = dict(sample(DOCUMENT, operation.method, operation.path).options)
    options["params"] = options["params"] | params
    return await client.request(operation.method, _path(operation, things), **options)


def _said(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, text_of(answer).replace(answer.headers["X-Request-ID"], "")


def test_every_operation_is_classified():
    by_name = {str(op) for op in (*BY_PATH, *BY_QUERY)} | LISTS | BODIES | OF_NO_SITE
    assert {str(op) for op in OPERATIONS} == by_name


@pytest.mark.parametrize(("role", "operation"), _allowed(BY_PATH))
async def test_a_thing_of_another_site_answers_like_none(
    two: TwoSites, role: Role, operation: Operation
):
    await two.fill(two.other)
    await two.fill(two.own, email="own@example.com")
    caller = await two.caller(role)
    nobody = dict.fromkeys(two.other, NOBODY)
    other = await _ask(caller, operation, two.other)
    problem(other, 404, "not_found")
    assert _said(other) == _said(await _ask(caller, operation, nobody))
    own = await _ask(caller, operation, two.own)
    assert own.status_code != 404, own.text


@pytest.mark.parametrize(("role", "operation"), _allowed(PARTS))
async def test_a_part_of_another_site_is_none_of_the_own_one(
    two: TwoSites, role: Role, operation: Operation
):
    await two.fill(two.other)
    answer = await _ask(await two.caller(role), operation, two.other | two.own)
    problem(answer, 404, "not_found")


@pytest.mark.parametrize(("role", "operation"), _allowed(BY_QUERY))
async def test_another_site_in_a_query_answers_like_none(
    two: TwoSites, role: Role, operation: Operation
):
    await two.fill(two.other)
    caller = await two.caller(role)
    other = await _ask(caller, operation, {}, site=two.other["site_id"])
    assert _said(other) == _said(await _ask(caller, operation, {}, site=NOBODY))
    assert (await _ask(caller, operation, {}, site=two.own["site_id"])).status_code == 200


# Admitted at once.
NOW = {"visit_date": "2026-11-23", "visit_time": "10:00"}
READS = [op for op in OPERATIONS if op.method == "GET" and "{" not in op.path]


@pytest.mark.parametrize(("role", "operation"), _allowed(READS))
async def test_no_answer_differs_by_what_another_site_has(
    two: TwoSites, role: Role, operation: Operation
):
    await two.fill(two.own, email="own@example.com")
    caller = await two.caller(role)
    before = _said(await _ask(caller, operation, {}))
    visitor = await two.fill(two.other, **FOREIGN | NOW)
    after = await _ask(caller, operation, {})
    assert _said(after) == before
    words = ("Xanthippe", "xq.secret", visitor["id"], visitor["qr_code"], two.other["site_id"])
    assert not [word for word in words if word in text_of(after)]


async def test_lists_have_what_the_own_sites_have(two: TwoSites):
    mine = await two.fill(two.own, email="own@example.com")
    await two.fill(two.other, **FOREIGN)
    admin = await two.caller(Role.ADMIN)
    counted = (await admin.get("visitors/", include_total=True)).json()
    assert (
        (counted["items"][-1]["id"], counted["total"])
        == (mine["id"], len(counted["items"]))
        == (mine["id"], 2)
    )
    for path in ("devices/", "groups/", "notifications/", "sites/", "visitors/scans/", "webhooks/"):
        page = (await admin.get(path, include_total=True)).json()
        assert page["total"] == len(page["items"]) > 0, path


async def test_lists_and_figures_are_the_sum_over_the_sites(two: TwoSites, api: Api):
    third = await two.root.post("sites/", ELSEWHERE | {"name": "Third"})
    for site in (two.own["site_id"], two.other["site_id"], third.json()["id"]):
        await two.root.register(site=site, email=f"{site[-4:]}@example.com")
    both = await api.of_role(Role.RECEPTIONIST, two.own["site_id"], two.other["site_id"])
    assert (await both.get("visitors/", include_total=True)).json()["total"] == 2
    dashboard = (await both.get("visitors/dashboard-stats/")).json()
    assert dashboard["total_visitors_today"] == len(dashboard["recent_visitors"]) == 2
    trends = (await both.get("analytics/trends/", date_to="2026-11-30")).json()
    assert trends["overall"]["total"] == len(trends["by_site"]) == 2
    one = (await both.get("visitors/dashboard-stats/", site=two.own["site_id"])).json()
    assert one["total_visitors_today"] == 1


async def test_nobody_searches_another_site(two: TwoSites):
    visitor = await two.fill(two.other, **FOREIGN)
    desk = await two.caller(Role.RECEPTIONIST)
    for q in ("Xanthippe", "xq.secret", "+49 7777 1234567", visitor["qr_code"]):
        found = (await desk.get("visitors/", q=q, include_total=True)).json()
        assert (found["items"], found["total"]) == ([], 0)
        assert (await two.root.get("visitors/", q=q)).json()["items"]


# -- bodies ---------------------------------------------------------------------------------------


async def test_a_registration_at_another_site_is_one_at_none(two: TwoSites):
    desk = await two.caller(Role.RECEPTIONIST)
    other = await desk.post("visitors/", VISITOR | {"site": two.other["site_id"]})
    assert _said(other) == _said(await desk.post("visitors/", VISITOR | {"site": NOBODY}))
    assert problem(other, 422, "invalid")["errors"][0]["field"] == "site"


async def test_a_group_at_another_site_is_one_at_none(two: TwoSites):
    desk = await two.caller(Role.RECEPTIONIST)
    of_group = {**GROUP, "visitors": [{"name": "Ada", "email": "ada@example.com"}]}
    other = await desk.post("groups/", of_group | {"site": two.other["site_id"]})
    assert _said(other) == _said(await desk.post("groups/", of_group | {"site": NOBODY}))
    assert problem(other, 422, "invalid")["errors"][0]["field"] == "site"


async def test_a_move_to_another_site_is_one_to_none(two: TwoSites):
    mine = await two.root.register(site=two.own["site_id"])
    desk = await two.caller(Role.RECEPTIONIST)
    path = f"visitors/{mine['id']}/"
    other = await desk.patch(path, {"site": two.other["site_id"]})
    assert _said(other) == _said(await desk.patch(path, {"site": NOBODY}))
    assert other.status_code == 422


async def test_a_device_at_another_site_is_one_at_none(two: TwoSites):
    admin = await two.caller(Role.ADMIN)
    gate = {"name": "Gate", "kind": "scanner"}
    other = await admin.post("devices/", gate | {"site": two.other["site_id"]})
    assert _said(other) == _said(await admin.post("devices/", gate | {"site": NOBODY}))
    made = await admin.post("devices/", gate)
    assert made.json()["site"] == two.own["site_id"]
    path = f"devices/{made.json()['id']}/"
    moved = await admin.patch(path, {"site": two.other["site_id"]})
    assert _said(moved) == _said(await admin.patch(path, {"site": NOBODY}))


async def test_an_account_of_another_site_is_no_host(two: TwoSites):
    await two.fill(two.other)
    desk = await two.caller(Role.RECEPTIONIST)
    body = {name: value for name, value in VISITOR.items() if not name.startswith("host_")}
    other = await desk.post("visitors/", body | {"host_id": two.other["user_id"]})
    assert _said(other) == _said(await desk.post("visitors/", body | {"host_id": NOBODY}))
    mine = await desk.register()
    path = f"visitors/{mine['id']}/"
    other = await desk.patch(path, {"host_id": two.other["user_id"]})
    assert _said(other) == _said(await desk.patch(path, {"host_id": NOBODY}))


@pytest.mark.parametrize("retired", [False, True], ids=["present code", "former code"])
async def test_a_scan_of_another_site_is_unknown(two: TwoSites, retired: bool):
    visitor = await two.root.register(site=two.other["site_id"])
    if retired:
        moved = {"visit_date": "2026-11-24", "visit_time": "14:00"}
        await two.root.post(f"visitors/{visitor['id']}/reschedule/", moved)
    guard = await two.caller(Role.GUARD)
    refusal = problem(await guard.scan(visitor["qr_code"]), 404, "unknown")
    await two.root.delete(f"visitors/{visitor['id']}/")
    erased = problem(await guard.scan(visitor["qr_code"]), 404, "unknown")
    assert refusal | {"request_id": ""} == erased | {"request_id": ""}
    in_ledger = (await two.root.get("visitors/scans/", scanned_by=guard.user_id)).json()["items"]
    assert [scan["visitor"] for scan in in_ledger] == [None, None]


@pytest.mark.parametrize("retired", [False, True], ids=["present code", "former code"])
async def test_an_offline_scan_of_another_site_is_unknown(two: TwoSites, retired: bool):
    visitor = await two.root.register(site=two.other["site_id"])
    if retired:
        moved = {"visit_date": "2026-11-24", "visit_time": "14:00"}
        await two.root.post(f"visitors/{visitor['id']}/reschedule/", moved)
    guard = await two.caller(Role.GUARD)
    scan = {"token": visitor["qr_code"], "scan_id": NOBODY, "scanned_at": "2026-11-23T07:59:00Z"}
    [result] = (await guard.post("visitors/scans/batch/", {"scans": [scan]})).json()["results"]
    assert (result["result"], result["code"]) == ("unknown", "unknown")
    record = (await two.root.get(f"visitors/{visitor['id']}/")).json()
    assert record["status"] == "pending"


async def test_an_earlier_scan_is_not_replayed_once_its_site_is_lost(two: TwoSites):
    visitor = await two.root.register(site=two.other["site_id"], visit_time="09:00")
    guard = await two.api.of_role(Role.GUARD, two.other["site_id"], email="moving@example.com")
    assert (await guard.scan(visitor["qr_code"], scan_id=NOBODY)).status_code == 200
    change = {"sites": [two.own["site_id"]]}
    assert (await two.root.patch(f"auth/users/{guard.user_id}/", change)).status_code == 200
    problem(await guard.scan(visitor["qr_code"], scan_id=NOBODY), 404, "unknown")
    scan = {"token": visitor["qr_code"], "scan_id": NOBODY, "scanned_at": "2026-11-23T07:59:00Z"}
    [result] = (await guard.post("visitors/scans/batch/", {"scans": [scan]})).json()["results"]
    assert (result["result"], result["verdict"]) == ("unknown", None)


async def test_the_ledger_tells_nothing_of_a_visitor_of_another_site(two: TwoSites, api: Api):
    visitor = await two.root.register(**FOREIGN | {"site": two.other["site_id"]})
    gate = await add_device(api, name="Own-gate", site=two.own["site_id"])
    problem(await gate.scan(visitor["qr_code"]), 409, "wrong_site")
    admin = await two.caller(Role.ADMIN)
    [scan] = (await admin.get("visitors/scans/")).json()["items"]
    assert (scan["code"], scan["visitor"]) == ("wrong_site", None)
    assert "Elsewhere" not in scan["message"]
    found = await admin.get("visitors/scans/", visitor=visitor["id"])
    assert found.json()["items"] == []


# -- no site named --------------------------------------------------------------------------------


async def test_a_registration_without_a_site_is_at_the_only_one(two: TwoSites, api: Api):
    desk = await api.of_role(Role.RECEPTIONIST, two.other["site_id"])
    assert (await desk.register())["site"] == two.other["site_id"]
    day = {"visit_date": "2026-11-24"}
    assert (await desk.get("visitors/available-slots/", **day)).json()["site"] == two.other[
        "site_id"
    ]


async def test_it_is_at_the_default_one_of_several_or_at_none(two: TwoSites, api: Api):
    third = (await two.root.post("sites/", ELSEWHERE | {"name": "Third"})).json()["id"]
    both = await api.of_role(Role.RECEPTIONIST, two.own["site_id"], third)
    assert (await both.register())["site"] == two.own["site_id"]
    neither = await api.of_role(Role.ADMIN, two.other["site_id"], third)
    problem(await neither.post("visitors/", VISITOR), 422, "site_required")
    gate = {"name": "Gate", "kind": "scanner"}
    problem(await neither.post("devices/", gate), 422, "site_required")
    slots = await neither.get("visitors/available-slots/", visit_date="2026-11-24")
    problem(slots, 422, "site_required")
    named = await neither.post("visitors/", VISITOR | {"site": third})
    assert named.json()["site"] == third


# -- open sessions --------------------------------------------------------------------------------


async def test_a_new_site_holds_with_the_next_request(two: TwoSites):
    there = await two.root.register(site=two.other["site_id"])
    desk = await two.caller(Role.RECEPTIONIST)
    path = f"visitors/{there['id']}/"
    problem(await desk.get(path), 404, "not_found")
    change = {"sites": [two.other["site_id"]]}
    assert (await two.root.patch(f"auth/users/{desk.user_id}/", change)).status_code == 200
    assert (await desk.get(path)).status_code == 200
    assert (await desk.get("auth/me/")).json()["sites"] == [two.other["site_id"]]


async def test_a_new_role_holds_with_the_next_request(two: TwoSites):
    desk = await two.caller(Role.RECEPTIONIST)
    assert (await desk.get("visitors/")).status_code == 200
    change = {"role": "guard", "sites": [two.own["site_id"]]}
    assert (await two.root.patch(f"auth/users/{desk.user_id}/", change)).status_code == 200
    problem(await desk.get("visitors/"), 403, "forbidden")
    me = (await desk.get("auth/me/")).json()
    assert me["permissions"] == [
        "gate:scan",
        "gate:desk",
        "desk:read",
        "musters:read",
        "musters:write",
    ]


async def test_an_answer_is_not_repeated_once_its_site_is_lost(two: TwoSites):
    desk = await two.caller(Role.RECEPTIONIST)
    headers = desk.headers
    desk.headers = headers | {"Idempotency-Key": "once"}
    body = VISITOR | {"site": two.own["site_id"]}
    assert (await desk.post("visitors/", body)).status_code == 201
    assert (await desk.post("visitors/", body)).status_code == 201
    change = {"sites": [two.other["site_id"]]}
    assert (await two.root.patch(f"auth/users/{desk.user_id}/", change)).status_code == 200
    assert (await desk.post("visitors/", body)).status_code == 422
