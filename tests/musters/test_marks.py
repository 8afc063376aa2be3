"""Marks of wardens, and people whom they add."""

import asyncio
import random
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from fastapi import FastAPI

from app.core.db.database import Database
from app.musters.mark_statements import deciding_marks
from app.musters.merging import Mark, standing
from app.musters.models import MarkState
from app.users.models import Role
from tests.musters.conftest import Building, mark
from tests.support.api import Api
from tests.support.counting import statements
from tests.support.problems import problem


def merged(sent: dict[str, Any]) -> Mark:
    return Mark(
        UUID(sent["mark_id"]),
        MarkState(sent["state"]),
        datetime.fromisoformat(sent["marked_at"]),
        seen=frozenset(map(UUID, sent["seen"])),
    )


async def test_a_mark_says_who_is_safe(building: Building):
    await building.admit("Ada", "Grace")
    await building.start()
    await building.later(minutes=10)
    body = mark(building.entry("Ada"), "safe", 5, note="Car park")
    answer = (await building.send("marks", [body])).json()
    assert answer["results"] == [{"mark_id": body["mark_id"], "result": "taken", "code": None}]
    assert (answer["counts"]["safe"], answer["counts"]["unaccounted"]) == (1, 1)
    [ada, _] = (await building.read())["entries"]
    assert (ada["state"], ada["marked_at"]) == ("safe", "2026-11-23T08:05:00Z")
    assert (ada["marked_by"], ada["note"], ada["is_late"]) == ("Super Admin", "Car park", False)


async def test_an_alarm_holds_until_somebody_has_seen_it(building: Building):
    await building.admit("Ada")
    await building.start()
    ada = building.entry("Ada")
    alarm = mark(ada, "needs_help", 1)
    await building.mark(alarm, mark(ada, "safe", 2))
    assert await building.states() == {"Ada": "needs_help"}
    assert building.muster["entries"][0]["alarms"] == [alarm["mark_id"]]
    await building.mark(mark(ada, "safe", 2, seen=[alarm["mark_id"]]))
    assert await building.states() == {"Ada": "safe"}
    assert building.muster["entries"][0]["alarms"] == []


async def test_wardens_at_once_come_to_one_state(building: Building, api: Api):
    await building.admit("Ada", "Grace", "Joan")
    entries = [each["id"] for each in (await building.start())["entries"]]
    chance = random.Random(7)  # noqa: S311 - no secret
    marks: list[dict[str, Any]] = []
    for number in range(60):
        seen = [each["mark_id"] for each in chance.sample(marks, min(2, len(marks)))]
        state = chance.choice(["safe", "needs_help", "missing", "left_earlier"])
        marks.append(mark(chance.choice(entries), state, number % 5, seen=seen))
    guard = await api.of_role(Role.GUARD)

    async def send(client: Any) -> None:
        mixed = chance.sample(marks, len(marks))
        for first in range(0, 60, 20):
            answer = await building.send("marks", mixed[first : first + 20], client)
            assert answer.status_code == 200, answer.text

    await asyncio.gather(send(building.root), send(guard))
    after = await building.states()
    await building.send("end", {"unaccounted": building.muster["counts"]["unaccounted"]})
    first_ids = {each["id"]: each["name"] for each in building.muster["entries"]}
    await building.start("drill")  # the same people again, and the marks in order
    ids = {first: building.entry(name) for first, name in first_ids.items()}
    await building.mark(*({**each, "entry": ids[each["entry"]]} for each in marks))
    assert await building.states() == after


async def test_marks_by_parts_decide_as_all_at_once(building: Building):
    names = [f"Guest{number}" for number in range(6)]
    await building.admit(*names)
    await building.start()
    chance = random.Random(3)  # noqa: S311 - no secret
    ids = [str(uuid4()) for _ in range(90)]
    states = ["safe", "unknown", "left_earlier", "needs_help", "missing"]
    sent: list[dict[str, Any]] = []
    for number, id_ in enumerate(ids):
        state = states[min(chance.randrange(9), 4) if number % 6 > 1 else chance.randrange(3)]
        seen = chance.sample(ids[number % 6 :: 6], chance.choice([0, 0, 1, 2]))
        entry = building.entry(names[number % 6])
        sent.append(mark(entry, state, chance.randrange(9), mark_id=id_, seen=seen))
    chance.shuffle(sent)
    await building.later(minutes=9)
    for first in range(0, len(sent), 9):
        await building.mark(*sent[first : first + 9])
    for entry in (await building.read())["entries"]:
        found = standing(merged(each) for each in sent if each["entry"] == entry["id"])
        assert found.mark is not None
        assert (entry["state"], entry["marked_at"]) == (
            found.mark.state,
            found.mark.marked_at.isoformat().replace("+00:00", "Z"),
        )
        assert entry["alarms"] == [str(id_) for id_ in found.alarms]


async def test_marks_that_cannot_decide_any_more_are_not_read(
    building: Building, database: Database
):
    await building.admit("Ada")
    await building.start()
    ada = building.entry("Ada")
    latest, alarm = mark(ada, "safe", 5), mark(ada, "missing", 1)
    witness = mark(ada, "safe", 2, seen=[str(uuid4())])
    await building.mark(*(mark(ada, "safe", number) for number in range(5)))
    await building.mark(latest, alarm, witness)
    async with database.read() as session:
        marks = await deciding_marks(session, [UUID(ada)])
    found = {str(each.id) for each in marks[UUID(ada)]}
    assert found == {each["mark_id"] for each in (latest, alarm, witness)}


async def test_a_known_mark_stays_as_it_was(building: Building):
    await building.admit("Ada", "Grace")
    await building.start()
    body = mark(building.entry("Ada"))
    other = body | {"state": "missing"}
    assert await building.mark(body, body, other) == [
        ("taken", None),
        ("known", None),
        ("refused", "mark_id_reused"),
    ]
    elsewhere = body | {"entry": building.entry("Grace")}
    assert await building.mark(body, elsewhere) == [("known", None), ("refused", "mark_id_reused")]
    assert await building.states() == {"Ada": "safe", "Grace": "unknown"}


async def test_a_mark_of_nobody_is_refused_alone(building: Building):
    await building.admit("Ada")
    await building.start("drill")
    former = building.entry("Ada")
    await building.send("end", {"unaccounted": 1})
    await building.start()
    results = await building.mark(mark(str(uuid4())), mark(former), mark(building.entry("Ada")))
    assert results == [("refused", "unknown_entry")] * 2 + [("taken", None)]


async def test_a_malformed_mark_refuses_all(building: Building):
    await building.admit("Ada")
    await building.start()
    good = mark(building.entry("Ada"))
    for bad in (
        good | {"state": "gone"},
        good | {"seen": [str(uuid4()) for _ in range(101)]},
        good | {"marked_at": "08:00"},
    ):
        problem(await building.send("marks", [good, bad]), 422, "invalid")
    for none_or_many in ([], [mark(building.entry("Ada")) for _ in range(501)]):
        problem(await building.send("marks", none_or_many), 422, "invalid")
    assert await building.states() == {"Ada": "unknown"}


async def test_a_wrong_clock_is_clamped(building: Building):
    await building.admit("Ada")
    await building.start()
    ada = building.entry("Ada")
    await building.later(minutes=20)
    await building.mark(mark(ada, "safe", 999))
    await building.mark(mark(ada, "missing", 24, seen=[]))
    await building.later(hours=1)
    [entry] = (await building.read())["entries"]
    assert (entry["state"], entry["marked_at"]) == ("missing", "2026-11-23T08:24:00Z")
    await building.mark(mark(ada, "safe", -99, seen=entry["alarms"]))
    [entry] = (await building.read())["entries"]
    assert (entry["state"], entry["marked_at"]) == ("safe", "2026-11-23T08:25:00Z")


async def test_marks_are_taken_until_an_hour_after_the_end(building: Building):
    await building.admit("Ada")
    await building.start()
    await building.send("end", {"unaccounted": 1})
    await building.later(hours=1)
    assert await building.mark(mark(building.entry("Ada"))) == [("taken", None)]
    [entry] = (await building.read())["entries"]
    assert (entry["state"], entry["is_late"]) == ("safe", True)
    await building.later(seconds=1)
    late = await building.send("marks", [mark(building.entry("Ada"))])
    problem(late, 409, "invalid_transition")


async def test_a_person_is_added_once(building: Building):
    await building.admit("Ada")
    await building.start()
    body = {
        "person_id": str(uuid4()),
        "name": "Grace",
        "company": "Navy",
        "note": "Caterer",
        "state": "needs_help",
    }
    answers = await asyncio.gather(*(building.send("people", body) for _ in range(3)))
    assert {answer.status_code for answer in answers} == {201}
    added = answers[0].json()
    assert (added["id"], added["visitor_id"], added["name"]) == (body["person_id"], None, "Grace")
    assert (added["confidence"], added["state"], added["note"]) == (
        "added",
        "needs_help",
        "Caterer",
    )
    await building.mark(mark(added["id"], seen=added["alarms"]))
    assert await building.states() == {"Ada": "unknown", "Grace": "safe"}
    taken = {"person_id": building.entry("Ada"), "name": "Joan"}
    problem(await building.send("people", taken), 409, "person_id_reused")
    assert (await building.send("people", {"name": "Joan"})).json()["state"] == "unknown"


async def test_a_person_id_that_is_a_mark_of_others_is_refused(building: Building):
    await building.admit("Ada")
    await building.start()
    taken = mark(building.entry("Ada"))
    await building.mark(taken)
    body = {"person_id": taken["mark_id"], "name": "Grace", "state": "missing"}
    problem(await building.send("people", body), 409, "person_id_reused")
    assert await building.states() == {"Ada": "safe"}  # and nobody in an unknown state
    assert (await building.send("people", body | {"person_id": str(uuid4())})).status_code == 201
    assert await building.states() == {"Ada": "safe", "Grace": "missing"}


async def test_five_hundred_marks_keep_their_budget(building: Building, app: FastAPI):
    await building.admit("Ada", "Grace")
    await building.start()
    seen = [str(uuid4()) for _ in range(40)]
    ids = [building.entry(name) for name in ("Ada", "Grace")]
    marks = [mark(ids[n % 2], "safe", n / 600, seen=seen) for n in range(500)]
    with statements(app) as sent:
        assert set(await building.mark(*marks)) == {("taken", None)}
    assert len(sent) <= 8, sent
    [entry, _] = (await building.read())["entries"]
    assert entry["marked_by"] == "Super Admin"


async def test_a_body_of_marks_has_its_own_limit(building: Building):
    await building.admit("Ada")
    await building.start()
    note = "x" * 2000
    many = [mark(building.entry("Ada"), note=note) for _ in range(460)]
    assert (await building.send("marks", many)).status_code == 200
    larger = [mark(building.entry("Ada"), note=note) for _ in range(500)]
    problem(await building.send("marks", larger), 413, "too_large")
    problem(await building.send("people", {"name": "x", "note": note * 40}), 413, "too_large")
