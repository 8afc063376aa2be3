"""Events of open visits whose site, department, group or host is changed."""

from typing import Any
from uuid import UUID

import pytest

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.events.jobs import tell_of_shown
from app.visitors.closing_jobs import close_past_visits
from tests.conftest import MONDAY
from tests.events.acts import Scene, scene_of
from tests.events.test_sources import pending
from tests.groups.groups import add_group
from tests.support.api import Api
from tests.support.database import add_department


@pytest.fixture
async def scene(api: Api, clock: SettableClock) -> Scene:
    return await scene_of(api, clock)


async def told(database: Database) -> list[tuple[str, list[str]]]:
    """Do the worker's job; return visit and fields of each event that tells of a change."""
    await tell_of_shown(database, MONDAY)
    return [
        (str(event["subject_id"]), event["fields"])
        for event in await pending(database, "visit.updated")
    ]


@pytest.mark.parametrize("query", ["", "?notify=false"])
@pytest.mark.parametrize(
    ("change", "field"),
    [({"name": "Riverside"}, "site_name"), ({"timezone": "Asia/Tokyo"}, "ends_at")],
)
async def test_a_site_tells_its_visits(
    scene: Scene, query: str, change: dict[str, Any], field: str
):
    before = (await scene.admin.get(scene.visit)).json()
    await scene.admin.patch(f"{scene.site}{query}", change)
    assert await told(scene.database) == [(scene.visitor["id"], [field])]
    after = (await scene.admin.get(scene.visit)).json()
    assert after[field] != before[field]
    assert after["updated_at"] != before["updated_at"]


async def test_nothing_is_told_of_what_no_visit_shows(scene: Scene):
    await scene.admin.patch(scene.site, {"address": "Elsewhere"})
    await scene.admin.patch(scene.site, {"name": "Riverside"})
    await told(scene.database)
    before = await told(scene.database)
    await scene.admin.patch(f"{scene.site}?dry_run=true", {"name": "Hillside"})
    await scene.admin.patch(scene.site, {"name": "Riverside"})
    assert await told(scene.database) == before


async def test_a_department_tells_its_visits(scene: Scene):
    department = await add_department(scene.database)
    of_it = await scene.admin.register(email="of@it.example.com", department=department)
    await scene.admin.patch(f"departments/{department}/", {"name": "Science"})
    await scene.admin.patch(f"departments/{department}/", {"description": "All of it"})
    assert await told(scene.database) == [(of_it["id"], ["department_name"])]
    assert (await scene.admin.get(f"visitors/{of_it['id']}/")).json()[
        "department_name"
    ] == "Science"


async def test_a_group_tells_its_visits(scene: Scene):
    group = await add_group(scene.admin, 3)
    await scene.admin.patch(f"groups/{group['id']}/", {"name": "The jury"})
    events = await told(scene.database)
    assert [fields for _, fields in events] == [["group"]] * 3


async def test_a_host_with_another_name_is_told(scene: Scene):
    host = await scene.api.host()
    theirs = await host.register(email="their@example.com")
    await host.patch("auth/me/", {"last_name": "Countess"})
    [event] = await pending(scene.database, "visit.updated")
    assert (event["subject_id"], event["host_id"]) == (UUID(theirs["id"]), UUID(host.user_id))
    assert (event["actor_kind"], event["actor_id"]) == ("user", UUID(host.user_id))
    assert event["fields"] == ["host_name", "host_email"]


async def test_an_account_that_is_made_or_deleted_is_told(scene: Scene):
    email = "guest-host@example.com"
    theirs = await scene.admin.register(email="their@example.com", host_email=email)
    made = await scene.admin.post(
        "auth/users/", {"email": email, "first_name": "A", "last_name": "B", "role": "host"}
    )
    assert made.status_code == 201, made.text
    user = made.json()["id"]
    await scene.admin.delete(f"auth/users/{user}/")
    events = await pending(scene.database, "visit.updated")
    assert [(str(event["subject_id"]), event["fields"]) for event in events] == [
        (theirs["id"], ["host_id"])
    ] * 2
    assert [event["host_id"] for event in events] == [UUID(user), None]


async def test_a_visit_that_is_over_is_not_told(scene: Scene, clock: SettableClock):
    await close_past_visits(scene.database, clock.now().replace(day=25))
    await scene.admin.patch(scene.site, {"name": "Riverside"})
    assert await told(scene.database) == []


async def test_many_are_told_in_batches_once_each(scene: Scene, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("app.events.shown_repository.BATCH", 2)
    others = [await scene.admin.register(email=f"{n}@example.com") for n in range(4)]
    await scene.admin.patch(scene.site, {"name": "Riverside"})
    expected = sorted([scene.visitor["id"], *(visit["id"] for visit in others)])
    assert [visit for visit, _ in await told(scene.database)] == expected
    assert len(await told(scene.database)) == 5
