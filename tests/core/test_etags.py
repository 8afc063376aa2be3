"""`ETag`, `If-None-Match` and `If-Match`: nobody overwrites what they have not seen."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.users.models import Role
from tests.support.api import VISITOR, Api, Client
from tests.support.things import one_of_each

STALE = '"0123456789abcdef0123456789abcdef"'


@dataclass(frozen=True)
class Change:
    """A change of a record, in the order in which one test can make them all."""

    operation: str
    method: str
    path: str
    body: Any = None
    record: str = ""
    is_tagged: bool = True

    @property
    def read(self) -> str:
        return self.record or self.path


V, D, G = "visitors/{visitor_id}/", "devices/{device_id}/", "groups/{group_id}/"
M, K, W = "musters/{muster_id}/", "api-keys/{key_id}/", "webhooks/{webhook_id}/"
S, P, U = "sites/{site_id}/", "departments/{department_id}/", "auth/users/{user_id}/"
SITE = {"name": "Berlin", "timezone": "Europe/Berlin"}
AGAIN = {"visit_date": "2026-11-23", "visit_time": "09:00"}
MARK = [
    {
        "mark_id": "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c33",
        "entry": "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c34",
        "state": "safe",
        "marked_at": "2026-11-23T08:01:00Z",
    }
]
CHANGES = [
    Change("visitors_replace", "PUT", V, VISITOR | {"name": 'Ada "Ü" \\ b'}),
    Change("visitors_update", "PATCH", V, {"notes": "Comes\nby bicycle"}),
    Change("visitors_reschedule", "POST", f"{V}reschedule/", AGAIN, V),
    Change("visitors_replace_code", "POST", f"{V}replace-code/", None, V),
    Change("visitors_resend_email", "POST", f"{V}resend-email/", None, V, is_tagged=False),
    Change("visitors_cancel", "POST", f"{V}cancel/", None, V),
    Change("visitors_undo", "POST", f"{V}undo/", None, V),
    Change("visitors_check_in", "POST", f"{V}check-in/", None, V),
    Change("visitors_check_out", "POST", f"{V}check-out/", None, V),
    Change("visitors_undo", "POST", f"{V}undo/", None, V),
    Change("visitors_complete", "POST", f"{V}complete/", None, V),
    Change("visitors_delete", "DELETE", V, is_tagged=False),
    Change("departments_replace", "PUT", P, {"name": "Physics"}),
    Change("departments_update", "PATCH", P, {"description": "Straße 3\nHof"}),
    Change("departments_delete", "DELETE", P, is_tagged=False),
    Change("devices_replace", "PUT", D, {"name": "South gate", "kind": "scanner"}),
    Change("devices_update", "PATCH", D, {"gate": "Süd"}),
    Change("devices_rotate_key", "POST", f"{D}rotate-key/", None, D),
    Change("devices_delete", "DELETE", D, is_tagged=False),
    Change("groups_update", "PATCH", G, {"name": "Board"}),
    Change("groups_reschedule", "POST", f"{G}reschedule/", AGAIN, G, is_tagged=False),
    Change("groups_check_in", "POST", f"{G}check-in/", {}, G, is_tagged=False),
    Change("groups_check_out", "POST", f"{G}check-out/", {}, G, is_tagged=False),
    Change("groups_cancel", "POST", f"{G}cancel/", {}, G, is_tagged=False),
    Change("musters_mark", "POST", f"{M}marks/", MARK, M, is_tagged=False),
    Change("musters_add_person", "POST", f"{M}people/", {"name": "Mary"}, M, is_tagged=False),
    Change("musters_update", "PATCH", M, {"kind": "real"}),
    Change("musters_end", "POST", f"{M}end/", {"unaccounted": 1}, M),
    Change("musters_reopen", "POST", f"{M}reopen/", None, M),
    Change("users_update", "PATCH", U, {"last_name": "Bäbbage"}),
    Change("users_hand_over", "POST", f"{U}hand-over/", {"to": "{root}"}, U, is_tagged=False),
    Change("users_delete", "DELETE", U, is_tagged=False),
    Change("api_keys_update", "PATCH", K, {"name": "Ledger"}),
    Change("api_keys_rotate", "POST", f"{K}rotate/", None, K),
    Change("api_keys_delete", "DELETE", K, is_tagged=False),
    Change("webhooks_update", "PATCH", W, {"payload": "full"}),
    Change("webhooks_rotate_secret", "POST", f"{W}rotate-secret/", None, W),
    Change("webhooks_test", "POST", f"{W}test/", None, W, is_tagged=False),
    Change("webhooks_replay", "POST", f"{W}replay/", {"after": 0}, W, is_tagged=False),
    Change(
        "webhooks_redeliver",
        "POST",
        f"{W}deliveries/{{delivery_id}}/redeliver/",
        None,
        W,
        is_tagged=False,
    ),
    Change("webhooks_delete", "DELETE", W, is_tagged=False),
    Change("auth_update_me", "PATCH", "auth/me/", {"phone": "+49 30 123456"}),
    Change("sites_replace", "PUT", S, SITE | {"is_default": True}),
    Change("sites_update", "PATCH", S, {"address": "Straße 3\n10115 Berlin"}),
    Change(
        "sites_check_out_all",
        "POST",
        f"{S}check-out-all/",
        {"expected_count": 0, "reason": "Closing time"},
        S,
        is_tagged=False,
    ),
    Change("sites_delete", "DELETE", "sites/{new_site}/", is_tagged=False),
]


@dataclass
class Scene:
    root: Client
    ids: dict[str, str] = field(default_factory=dict)

    async def send(self, change: Change, tag: str | None) -> httpx.Response:
        path = change.path.format(**self.ids)
        body = change.body
        if isinstance(body, dict):
            body = {name: self._value(value) for name, value in body.items()}
        return await sent(self.root, change.method, path, body, tag)

    def _value(self, value: Any) -> Any:
        return self.ids["root"] if value == "{root}" else value

    async def tag(self, change: Change) -> str:
        return await tag_of(self.root, change.read.format(**self.ids))


async def sent(
    client: Client, method: str, path: str, body: Any, tag: str | None, **headers: str
) -> httpx.Response:
    condition = headers if tag is None else headers | {"If-Match": tag}
    whoever = Client(client._http, client.headers | condition, client.user_id)
    return await whoever.request(method, path, json=body)


async def known(client: Client, path: str, tag: str) -> httpx.Response:
    whoever = Client(client._http, client.headers | {"If-None-Match": tag}, client.user_id)
    return await whoever.request("GET", path)


async def tag_of(client: Client, path: str) -> str:
    answer = await client.request("GET", path)
    assert answer.status_code == 200, answer.text
    return str(answer.headers["ETag"])


@pytest.fixture
async def scene(api: Api) -> Scene:
    root = await api.superadmin()
    ids = await one_of_each(root)
    host = await api.host()
    annex = (await root.post("sites/", SITE | {"name": "Annex"})).json()["id"]
    others = {"user_id": host.user_id, "root": root.user_id, "new_site": annex}
    return Scene(root, ids | others)


async def test_every_change_takes_if_match(scene: Scene, app: FastAPI) -> None:
    for change in CHANGES:
        told = change.operation
        stale = await scene.send(change, STALE)
        assert (stale.status_code, stale.json()["code"]) == (412, "changed_meanwhile"), told
        tag = await scene.tag(change)
        done = await scene.send(change, tag)
        if told == "visitors_resend_email":  # the new code was mailed less than a minute ago
            assert done.status_code == 429
            continue
        assert done.status_code < 300, (told, done.text)
        assert ("ETag" in done.headers) is change.is_tagged, told
        if change.is_tagged:
            assert done.headers["ETag"] == await scene.tag(change), told


async def test_the_document_declares_it_for_exactly_these(app: FastAPI) -> None:
    operations = [
        operation for path in app.openapi()["paths"].values() for operation in path.values()
    ]
    by_id = {operation["operationId"]: operation for operation in operations}
    assert {id_ for id_, each in by_id.items() if _takes(each, "If-Match")} == {
        change.operation for change in CHANGES
    }
    for change in CHANGES:
        answers = by_id[change.operation]["responses"]
        assert answers["412"]["$ref"].endswith("/ChangedMeanwhile")
        good = next(answers[code] for code in sorted(answers) if code.startswith("2"))
        assert ("ETag" in good.get("headers", {})) is change.is_tagged, change.operation
    for id_, each in by_id.items():
        assert _takes(each, "If-None-Match") is ("304" in each["responses"]), id_


def _takes(operation: dict[str, Any], header: str) -> bool:
    return any(each["name"] == header for each in operation.get("parameters", ()))


async def test_every_read_of_a_record_can_end_in_304(scene: Scene) -> None:
    records = {change.read for change in CHANGES} | {"auth/me/"}
    lists = {"sites/", "departments/", "visitors/hosts/", "desk/?site={site_id}"}
    for path in sorted(records | lists):
        path = path.format(**scene.ids)
        tag = await tag_of(scene.root, path)
        bare = tag.strip('"')
        for given in (tag, f"W/{tag}", f'"{bare}-gzip"', f'"x", W/"{bare}-br"', "*"):
            answer = await known(scene.root, path, given)
            assert (answer.status_code, answer.content) == (304, b""), (path, given)
            assert answer.headers["ETag"] == tag
        assert (await known(scene.root, path, STALE)).status_code == 200


async def test_a_stale_put_wipes_no_colleagues_note(api: Api) -> None:
    mine, colleague = await api.admin(), await api.admin("second@example.com")
    path = f"visitors/{(await mine.register())['id']}/"
    seen = await tag_of(mine, path)
    await colleague.patch(path, {"notes": "Needs a wheelchair"})
    answer = await sent(mine, "PUT", path, VISITOR | {"company": "Engines Ltd"}, seen)
    assert (answer.status_code, answer.json()["code"]) == (412, "changed_meanwhile")
    now = (await mine.get(path)).json()
    assert (now["notes"], now["company"]) == ("Needs a wheelchair", None)
    again = await sent(mine, "PUT", path, VISITOR, await tag_of(mine, path))
    assert again.status_code == 200


@pytest.mark.parametrize("name", ["visitor", "site", "department", "device", "group", "user"])
async def test_of_two_changes_with_one_tag_one_wins(scene: Scene, name: str) -> None:
    change = next(
        each for each in CHANGES if each.method == "PATCH" and f"{{{name}_id}}" in each.path
    )
    tag = await scene.tag(change)
    [word] = change.body
    bodies = [change.body | {word: f"Version {number}"} for number in range(6)]
    path = change.path.format(**scene.ids)
    answers = await asyncio.gather(*(sent(scene.root, "PATCH", path, body, tag) for body in bodies))
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [200, *[412] * 5]
    [won] = [answer for answer in answers if answer.status_code == 200]
    assert (await scene.root.get(path)).json()[word] == won.json()[word]


async def test_if_match_takes_lists_stars_and_rewritten_tags(api: Api) -> None:
    admin = await api.admin()
    path = f"visitors/{(await admin.register())['id']}/"
    for number, form in enumerate(
        ("*", "{0}", "W/{0}", '"other", {0}', '"{1}-gzip"', '"{1}-br"', 'W/"{1}-zstd"')
    ):
        tag = await tag_of(admin, path)
        given = form.format(tag, tag.strip('"'))
        answer = await sent(admin, "PATCH", path, {"notes": f"{number}"}, given)
        assert answer.status_code == 200, (form, answer.text)
    tag = (await tag_of(admin, path)).strip('"')
    for wrong in ("", tag, f'"{tag}', f'"{tag}-deflate"', f'"{tag.upper()}"', "W/", ",", '"*"'):
        answer = await sent(admin, "PATCH", path, {"notes": "wrong"}, wrong)
        assert answer.status_code == 412, wrong
    gone = f"visitors/{admin.user_id}/"
    assert (await sent(admin, "PATCH", gone, {}, "*")).status_code == 404


async def test_permission_and_validation_come_first(api: Api) -> None:
    admin, host = await api.admin(), await api.host()
    guard = await api.of_role(Role.GUARD)
    path = f"visitors/{(await admin.register(host_email='other@example.com'))['id']}/"
    nobody = "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11"
    for client, method, body, status in (
        (guard, "PATCH", {"notes": "x"}, 403),
        (host, "PATCH", {"notes": "x"}, 404),
        (admin, "PATCH", {"notes": 5}, 422),
        (admin, "PATCH", {"department": nobody}, 422),
        (admin, "PATCH", {"site": nobody}, 422),
        (admin, "PATCH", {"visit_date": "2026-11-23", "visit_time": "23:00"}, 422),
        (admin, "PATCH", {}, 412),
    ):
        answer = await sent(client, method, path, body, STALE)
        assert answer.status_code == status, (body, answer.text)


async def test_a_stale_action_has_no_effect(api: Api) -> None:
    admin = await api.admin()
    visitor = await admin.register()
    path = f"visitors/{visitor['id']}/"
    mails = (await admin.get(f"{path}notifications/")).json()
    events = (await admin.get(f"{path}events/")).json()
    for act in ("cancel/", "check-in/", "replace-code/", "resend-email/", "undo/", "complete/"):
        assert (await sent(admin, "POST", path + act, None, STALE)).status_code == 412, act
    assert (await sent(admin, "DELETE", path, None, STALE)).status_code == 412
    assert (await admin.get(path)).json() == visitor
    assert (await admin.get(f"{path}notifications/")).json() == mails
    assert (await admin.get(f"{path}events/")).json() == events
    # No refused one counted against the limit of once a minute.
    assert (await admin.post(f"{path}resend-email/")).status_code == 202


async def test_a_replay_comes_before_if_match(api: Api) -> None:
    admin = await api.admin()
    path = f"visitors/{(await admin.register())['id']}/"
    tag = await tag_of(admin, path)
    key = {"Idempotency-Key": "key-1"}
    first = await sent(admin, "POST", f"{path}check-in/", {}, tag, **key)
    again = await sent(admin, "POST", f"{path}check-in/", {}, tag, **key)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
    assert again.headers["ETag"] == first.headers["ETag"] != tag
    other = await sent(admin, "POST", f"{path}check-in/", {}, tag, **{"Idempotency-Key": "key-2"})
    assert other.status_code == 412


async def test_a_tag_follows_the_names_that_are_shown(scene: Scene) -> None:
    root, ids = scene.root, scene.ids
    visitor = V.format(**ids)
    await root.patch(visitor, {"department": ids["department_id"], "host_id": ids["user_id"]})
    seen = [await tag_of(root, visitor)]
    for path, body in (
        (S, {"name": "Potsdam"}),
        (P, {"name": "Alchemy"}),
        (U, {"first_name": "Charlotte"}),
    ):
        assert (await root.patch(path.format(**ids), body)).status_code == 200
        seen.append(await tag_of(root, visitor))
    members = (await root.get(G.format(**ids))).json()["visitors"]
    of_member = f"visitors/{members[0]['id']}/"
    before = await tag_of(root, of_member)
    await root.patch(G.format(**ids), {"name": "Choir of Berlin"})
    assert await tag_of(root, of_member) != before
    assert len(set(seen)) == 4


async def test_a_device_that_reports_keeps_its_tag(api: Api, scene: Scene) -> None:
    made = await scene.root.post("devices/", {"name": "East gate", "kind": "scanner"})
    path, tag = f"devices/{made.json()['id']}/", made.headers["ETag"]
    assert (await scene.root.get(path)).json()["last_seen_at"] is None
    key = {"X-Device-Key": made.json()["key"]}
    await scene.root._http.post("/api/devices/heartbeat/", headers=key)
    seen = await scene.root.get(path)
    assert seen.json()["last_seen_at"] is not None
    assert seen.headers["ETag"] == tag
    assert (await sent(scene.root, "PATCH", path, {"gate": "East"}, tag)).status_code == 200


async def test_a_tag_is_of_what_the_caller_is_shown(api: Api, scene: Scene) -> None:
    guard = await api.of_role(Role.GUARD)
    path = M.format(**scene.ids)
    await scene.root.post(f"{path}people/", {"name": "Grace"})
    assert await tag_of(guard, path) == await tag_of(scene.root, path)
    visitor = await scene.root.register(
        host_email="charles@example.com", visit_time="09:00", email="b@example.com"
    )
    await scene.root.patch(U.format(**scene.ids), {"phone": "+49 30 123456"})
    card = await guard.post(f"visitors/{visitor['id']}/check-in/")
    assert card.status_code == 200, card.text
    left = await sent(
        guard, "POST", f"visitors/{visitor['id']}/check-out/", {}, card.headers["ETag"]
    )
    assert left.status_code == 200, left.text
    assert left.headers["ETag"] != card.headers["ETag"]


async def test_every_post_that_makes_a_record_is_tagged(scene: Scene) -> None:
    await scene.root.patch(S.format(**scene.ids), {"opens_at": "07:00"})  # for walk-ins
    root, day = scene.root, {"visit_date": "2026-11-24", "visit_time": "10:00"}
    member = {"name": "Guest", "email": "guest2@example.com"}
    for path, body in (
        ("visitors/", VISITOR | day),
        ("visitors/walk-in/", {"name": "Walker", "host_email": "charles@example.com"}),
        ("departments/", {"name": "History"}),
        ("devices/", {"name": "West gate", "kind": "kiosk"}),
        ("groups/", day | {"name": "Visitors", "visitors": [member]}),
        ("sites/", SITE | {"name": "Depot"}),
        ("sites/{new_site}/musters/", {"kind": "drill"}),
        (
            "auth/users/",
            {"email": "n@example.com", "first_name": "N", "last_name": "M", "role": "host"},
        ),
    ):
        made = await root.post(path.format(**scene.ids), body)
        assert made.status_code == 201, made.text
        where = made.headers["Location"].removeprefix("/api/")
        assert made.headers["ETag"] == await tag_of(root, where), path


async def test_a_dry_run_has_no_tag_and_heeds_the_condition(scene: Scene) -> None:
    path = f"{S.format(**scene.ids)}?dry_run=true"
    told = await scene.root.patch(path, {"name": "Potsdam"})
    assert (told.status_code, "ETag" in told.headers) == (200, False)
    assert (await sent(scene.root, "PATCH", path, {"name": "P"}, STALE)).status_code == 412
