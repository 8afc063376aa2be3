"""Links for wardens without an account."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy import select

from app.core.db.database import Database
from app.core.db.rollout import Rollout
from app.core.security.random_secrets import stored_hash
from app.musters.models import MusterLink
from app.notifications.models import Notification
from app.users.models import Role
from tests.musters.conftest import Building, mark
from tests.support.api import Api, Client, app_of
from tests.support.problems import problem


async def make_link(building: Building, client: Client | None = None, **fields: Any) -> str:
    """Return the path of a new link."""
    answer = await building.send("links", {"name": "Mary"} | fields, client)
    assert answer.status_code == 201, answer.text
    url: str = answer.json()["url"]
    return "/muster/" + url.rpartition("/muster/")[2]


async def roster(api: Api, path: str) -> httpx.Response:
    return await api.http.get(f"{path}/roster/")


async def test_a_link_is_shown_once_and_stored_as_a_hash(
    building: Building, api: Api, database: Database
):
    await building.admit("Ada")
    await building.start()
    answer = await building.send("links", {"name": "Mary"})
    link = answer.json()
    token = link["url"].rpartition("/")[2]
    assert (answer.status_code, set(link)) == (201, {"id", "name", "url", "created_at"})
    assert len(token) >= 22  # 128 bits
    listed = await building.root.get(f"musters/{building.muster['id']}/links/")
    assert listed.json() == [{key: link[key] for key in ("id", "name", "created_at")}]
    async with database.read() as session:
        [stored] = (await session.scalars(select(MusterLink))).all()
    assert stored.token_hash == stored_hash(token)
    shown = await roster(api, f"/muster/{token}")
    assert shown.json() == building.muster | {
        "warden": "Mary",
        "site_name": shown.json()["site_name"],
        "language": "en",
        "timezone": "UTC",
    }
    assert shown.headers["referrer-policy"] == "no-referrer"
    assert "noindex" in shown.headers["x-robots-tag"]
    assert shown.headers["cache-control"] == "no-store"
    assert "set-cookie" not in shown.headers


async def test_marks_by_a_link_bear_its_name(building: Building, api: Api):
    await building.admit("Ada")
    await building.start()
    path = await make_link(building)
    marks = [mark(building.entry("Ada"))]
    for result in ("taken", "known"):
        answer = await api.http.post(f"{path}/marks/", json=marks)
        assert answer.json()["results"][0]["result"] == result
    person = {"person_id": str(uuid4()), "name": "Grace", "state": "missing"}
    for _ in range(2):
        added = await api.http.post(f"{path}/people/", json=person)
        assert (added.status_code, added.json()["confidence"]) == (201, "added")
    entries = (await building.read())["entries"]
    assert [(each["name"], each["state"], each["marked_by"]) for each in entries] == [
        ("Ada", "safe", "Mary"),
        ("Grace", "missing", "Mary"),
    ]
    assert (await api.http.post(f"{path}/marks/", json=[{}])).status_code == 422


async def test_a_guards_link_shows_no_phones_and_is_not_mailed(building: Building, api: Api):
    host = await api.host()
    await building.root.patch(f"auth/users/{host.user_id}/", {"phone": "+49 30 1"})
    await building.admit("Ada")
    await building.start()
    guard = await api.of_role(Role.GUARD, building.site)
    refused = await building.send("links", {"name": "Mary", "email": "m@example.com"}, guard)
    assert problem(refused, 403, "forbidden")
    for client, phone in ((guard, None), (building.root, "+49 30 1")):
        path = await make_link(building, client)
        [ada] = (await roster(api, path)).json()["entries"]
        assert ada["host_phone"] == phone
    for stranger in (host, await api.of_role(Role.HOST, email="other@example.com")):
        assert (await building.send("links", {"name": "Eve"}, stranger)).status_code == 403


async def test_a_link_dies(building: Building, api: Api):
    await building.admit("Ada")
    await building.start()
    path, deleted = await make_link(building), await make_link(building, name="Eve")
    links = f"musters/{building.muster['id']}/links/"
    [id_] = [
        each["id"] for each in (await building.root.get(links)).json() if each["name"] == "Eve"
    ]
    for status in (204, 404):
        assert (await building.root.delete(f"{links}{id_}/")).status_code == status
    assert problem(await roster(api, deleted), 410, "dead_link")
    await building.send("end", {"unaccounted": 1})
    await building.later(minutes=59)
    assert (await roster(api, path)).status_code == 200
    await building.later(minutes=1)
    assert problem(await roster(api, path), 410, "dead_link")
    late = await api.http.post(f"{path}/marks/", json=[mark(building.entry("Ada"))])
    assert problem(late, 410, "dead_link")
    refused = await building.send("links", {"name": "Mary"})
    assert problem(refused, 409, "invalid_transition")
    await building.send("reopen")
    assert (await roster(api, path)).status_code == 200
    assert problem(await roster(api, deleted), 410, "dead_link")
    building.clock.advance(timedelta(hours=23))
    assert problem(await roster(api, path), 410, "dead_link")
    assert (await api.http.get(path)).status_code == 410


async def test_forged_links_are_limited_and_genuine_ones_are_not(building: Building, api: Api):
    await building.admit("Ada")
    await building.start()
    path = await make_link(building)
    answers = [await roster(api, f"/muster/{number:043d}") for number in range(31)]
    assert problem(answers[0], 404, "unknown_link")
    assert problem(answers[-1], 429, "too_many_requests")
    assert (await api.http.get(f"/muster/{'x' * 43}")).status_code == 429
    assert (await roster(api, path)).status_code == 200
    assert (await api.http.get(path)).status_code == 200


async def test_a_link_is_mailed_once_the_update_is_finished(
    building: Building, api: Api, database: Database
):
    await building.admit("Ada")
    await building.start("drill")
    await make_link(building, email="mary@example.com")
    mail = select(Notification).where(Notification.recipient == "mary@example.com")
    async with database.read() as session:
        [sent] = (await session.scalars(mail)).all()
    assert (sent.kind.value, sent.erase_when_done) == ("muster_started", True)
    assert "/muster/" in sent.payload["link"]
    async with database.write() as unit:
        unit.add(Rollout(revision="9999", finished_at=None))
    app_of(api).state.database.rollout_is_finished = False
    body = {"name": "Mary", "email": "mary@example.com"}
    refused = await building.send("links", body)
    assert problem(refused, 503, "update_under_way")
    assert len((await building.root.get(f"musters/{building.muster['id']}/links/")).json()) == 1
    await make_link(building)
