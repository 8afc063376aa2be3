"""Musters: their rosters, kinds and ends."""

import asyncio

from fastapi import FastAPI
from sqlalchemy import select

from app.core.db.database import Database
from app.sites.models import ReEntry
from app.users.models import Role
from app.visitors.closing_jobs import close_past_visits
from app.visitors.stay_models import OutMethod, Stay
from tests.devices.devices import add_device
from tests.musters.conftest import Building, mark
from tests.support.api import Api
from tests.support.counting import statements
from tests.support.database import change_default_site
from tests.support.problems import problem


async def test_a_roster_has_everybody_inside(building: Building, api: Api):
    host = await api.host()
    await building.root.patch(f"auth/users/{host.user_id}/", {"phone": "+49 30 1"})
    await building.admit("Grace", "Ada", company="Engines")
    await building.root.register(email="later@example.com")
    muster = await building.start("drill", note="Autumn")
    assert (muster["site"], muster["kind"], muster["note"]) == (building.site, "drill", "Autumn")
    assert (muster["status"], muster["ended_at"]) == ("open", None)
    assert (muster["started_at"], muster["started_by"]) == ("2026-11-23T08:00:00Z", "Super Admin")
    assert muster["counts"] == {
        "unknown": 2,
        "safe": 0,
        "needs_help": 0,
        "missing": 0,
        "left_earlier": 0,
        "total": 2,
        "unaccounted": 2,
    }
    ada, grace = muster["entries"]
    assert grace["name"] == "Grace"
    assert ada == {
        "id": ada["id"],
        "visitor_id": building.visitors[1]["id"],
        "name": "Ada",
        "company": "Engines",
        "host_name": "Charles Babbage",
        "host_phone": "+49 30 1",
        "gate": "North",
        "in_at": "2026-11-23T08:00:00Z",
        "confidence": "inside",
        "state": "unknown",
        "marked_at": None,
        "marked_by": None,
        "note": None,
        "alarms": [],
        "is_late": False,
    }
    assert await building.read() == muster


async def test_who_was_checked_out_unseen_is_unconfirmed(building: Building, database: Database):
    await building.admit("Ada")
    await building.later(hours=14)
    for hours, expected in ((1, ["unconfirmed"]), (10, ["unconfirmed"]), (1, [])):
        await building.later(hours=hours)
        await close_past_visits(database, building.clock.now())
        muster = await building.start("drill")
        assert [entry["confidence"] for entry in muster["entries"]] == expected
        await building.send("end", {"unaccounted": len(expected)})


async def test_one_muster_is_open_at_a_site(building: Building, api: Api):
    await building.admit("Ada")
    starts = [
        building.root.post(f"sites/{building.site}/musters/", {"kind": "real"}) for _ in range(3)
    ]
    answers = await asyncio.gather(*starts)
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    [started] = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    refused = problem(next(a for a in answers if a.status_code == 409), 409, "muster_open")
    assert refused["muster"] == started


async def test_a_drill_becomes_real_but_not_the_reverse(building: Building):
    await building.admit("Ada")
    path = f"musters/{(await building.start('drill'))['id']}/"
    for _ in range(2):
        assert (await building.root.patch(path, {"kind": "real"})).json()["kind"] == "real"
    back = await building.root.patch(path, {"kind": "drill"})
    assert problem(back, 409, "invalid_transition")["current_status"] == "open"
    await building.send("end", {"unaccounted": 1})
    assert (await building.root.patch(path, {"kind": "real"})).status_code == 200
    problem(await building.root.patch(path, {"kind": "drill"}), 409, "invalid_transition")


async def test_an_end_names_who_is_unaccounted_for(building: Building):
    await building.admit("Ada", "Grace")
    await building.start()
    refused = problem(await building.send("end", {"unaccounted": 1}), 409, "count_changed")
    assert refused["unaccounted"] == 2
    await building.mark(mark(building.entry("Ada")))
    await building.later(hours=1)
    ended = (await building.send("end", {"unaccounted": 1})).json()
    assert (ended["status"], ended["ended_at"]) == ("ended", "2026-11-23T09:00:00Z")
    problem(await building.send("end", {"unaccounted": 1}), 409, "invalid_transition")


async def test_an_end_checks_out_who_had_left(building: Building):
    await building.admit("Ada", "Grace", "Joan")
    await building.start()
    ada, grace, joan = (building.entry(name) for name in ("Ada", "Grace", "Joan"))
    await building.later(minutes=9)
    alarm = mark(joan, "missing", 2)
    await building.mark(mark(ada, "left_earlier", 5), mark(grace), alarm)
    await building.mark(mark(joan, "left_earlier", 3))  # an alarm holds
    assert (await building.send("end", {"unaccounted": 1})).status_code == 200
    after = {}
    for visitor in building.visitors:
        record = (await building.root.get(f"visitors/{visitor['id']}/")).json()
        after[record["name"]] = (record["presence"], record["checked_out_at"])
    assert after == {
        "Ada": ("left", "2026-11-23T08:05:00Z"),
        "Grace": ("inside", None),
        "Joan": ("inside", None),
    }
    async with building.api.database.read() as session:
        [stay] = await session.scalars(select(Stay).where(Stay.out_at.is_not(None)))
    assert stay.out_method is OutMethod.MUSTER


async def test_nobody_is_checked_out_in_the_future(building: Building):
    await building.admit("Ada")
    await building.start()
    await building.mark(mark(building.entry("Ada"), "left_earlier", 4))
    assert (await building.send("end", {"unaccounted": 0})).status_code == 200
    record = (await building.root.get(f"visitors/{building.visitors[0]['id']}/")).json()
    assert record["checked_out_at"] == building.muster["started_at"]


async def test_who_is_away_is_on_the_roster(building: Building, database: Database):
    await building.admit("Ada")
    await change_default_site(database, re_entry=ReEntry.SAME_DAY)
    await building.root.scan(building.visitors[0]["qr_code"], direction="out")
    [entry] = (await building.start())["entries"]
    assert (entry["confidence"], entry["gate"]) == ("away", "North")


async def test_a_muster_is_reopened_within_a_day(building: Building):
    await building.admit("Ada")
    first = await building.start("drill")
    problem(await building.send("reopen"), 409, "invalid_transition")
    await building.send("end", {"unaccounted": 1})
    await building.admit("Grace")
    reopened = (await building.send("reopen")).json()
    assert (reopened["status"], reopened["ended_at"]) == ("open", None)
    assert [entry["name"] for entry in reopened["entries"]] == ["Ada", "Grace"]
    await building.send("end", {"unaccounted": 2})
    await building.start()
    building.muster = first
    problem(await building.send("reopen"), 409, "muster_open")
    await building.later(hours=24, seconds=1)
    problem(await building.send("reopen"), 409, "reopen_expired")


async def test_a_reopened_muster_knows_who_passed_meanwhile(building: Building, database: Database):
    await change_default_site(database, re_entry=ReEntry.SAME_DAY)
    await building.admit("Ada", "Grace")
    ada, grace = (visitor["qr_code"] for visitor in building.visitors)
    await building.start()
    await building.root.scan(ada, direction="out")
    await building.mark(mark(building.entry("Grace")))
    await building.send("end", {"unaccounted": 0})
    await building.later(minutes=5)
    await building.root.scan(ada)
    await building.root.scan(grace, direction="out")
    await building.send("reopen")
    assert await building.states() == {"Ada": "unknown", "Grace": "left_earlier"}


async def test_musters_are_listed_without_rosters(building: Building):
    await building.admit("Ada")
    for kind in ("drill", "real"):
        await building.start(kind)
        if kind == "drill":
            await building.send("end", {"unaccounted": 1})
    listed = (await building.root.get("musters/", include_total=True)).json()
    assert listed["total"] == 2
    [real, drill] = listed["items"]
    assert "entries" not in real
    assert (real["kind"], drill["kind"]) == ("real", "drill")
    assert drill["counts"]["unaccounted"] == 1
    for chosen in ({"status": "ended"}, {"kind": "drill"}):
        found = (await building.root.get("musters/", **chosen)).json()["items"]
        assert found == [drill]
    assert len((await building.root.get("musters/", site=building.site)).json()["items"]) == 2


async def test_staff_of_the_site_keep_a_muster(building: Building, api: Api):
    host = await api.host()
    await building.root.patch(f"auth/users/{host.user_id}/", {"phone": "+49 30 1"})
    await building.admit("Ada")
    await building.start("drill")
    path = f"musters/{building.muster['id']}/"
    for role in (Role.ADMIN, Role.RECEPTIONIST, Role.GUARD):
        caller = await api.of_role(role, building.site)
        [entry, *_] = (await caller.get(path)).json()["entries"]
        assert entry["host_phone"] == (None if role is Role.GUARD else "+49 30 1")
        marked = await building.send("marks", [mark(entry["id"])], caller)
        assert marked.status_code == 200
        person = await building.send("people", {"name": "Grace"}, caller)
        assert person.status_code == 201
    gate = await add_device(api)
    for caller in (host, gate):
        assert (await caller.get(path)).status_code == 403
        assert (await caller.get("musters/")).status_code == 403
        problem(await building.send("marks", [mark(entry["id"])], caller), 403, "forbidden")


async def test_a_start_and_a_read_keep_their_budgets(building: Building, app: FastAPI):
    await building.admit("Ada", "Grace")
    with statements(app) as sent:
        await building.start()
    assert len(sent) <= 8, sent
    with statements(app) as sent:
        await building.read()
    assert len(sent) <= 3, sent
