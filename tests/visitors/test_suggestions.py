"""People who are suggested while somebody types."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI

from app.core.db.database import Database
from app.users.models import Role
from app.visitors import suggestion_statements
from tests.devices.devices import add_device
from tests.reports.data import Visitors
from tests.support.api import Api, Client
from tests.support.counting import statements
from tests.support.database import add_site, deactivate
from tests.support.problems import faulty_fields, problem


@pytest.fixture
def visitors(database: Database) -> Visitors:
    return Visitors(database)


async def suggested(client: Client, q: str) -> list[dict[str, Any]]:
    answer = await client.get("visitors/suggest/", q=q)
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["items"]
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def names(client: Client, q: str) -> list[str]:
    return [item["name"] for item in await suggested(client, q)]


async def test_a_suggestion_has_the_facts_of_the_latest_visit(api: Api, visitors: Visitors):
    host = UUID((await api.host()).user_id)
    named = {"host_id": host, "host_name": "Charles Babbage", "host_email": "charles@example.com"}
    latest = {"visit_date": date(2026, 11, 20), "email": "ADA@example.com", "phone": "+49 30 1"}
    facts = {"company": "Engines", "visitor_type": "student", "visitor_category": "academic"}
    await visitors.add(
        {"visit_date": date(2026, 11, 2), "phone": "+49 30 2"},
        {**latest, **facts, **named, "name": "Augusta Ada King"},
        {"visit_date": date(2026, 10, 1), "company": "Old"},
    )
    [found] = await suggested(await api.admin(), "ada")
    expected = latest | facts | named | {"name": "Augusta Ada King", "last_visit": "2026-11-20"}
    expected |= {"host_id": str(host), "language": None}
    del expected["visit_date"]
    assert found == expected


@pytest.mark.parametrize("q", ["jurgen", "JUERG", "jür", "ju muel", "jm@", "bäck", "baeck", "4930"])
async def test_people_are_found_as_in_the_list(api: Api, visitors: Visitors, q: str):
    found = {"name": "Jürgen Müller", "email": "jm@x.example", "company": "Bäcker"}
    await visitors.add(
        found | {"phone": "+49 30 12"}, {"name": "Grace", "email": "grace@x.example"}
    )
    assert await names(await api.admin(), q) == ["Jürgen Müller"]


@pytest.mark.parametrize("q", ["", "a", " a ", "a\u200b", "x" * 201, None])
async def test_fewer_than_two_characters_are_refused(api: Api, q: str | None):
    params = {} if q is None else {"q": q}
    answer = await (await api.admin()).get("visitors/suggest/", **params)
    assert answer.status_code == 422
    assert faulty_fields(answer) == {"q"}


async def test_eight_people_the_latest_visit_first(api: Api, visitors: Visitors):
    await visitors.add(
        *(
            {"name": f"Ada {n}", "email": f"{n}@x.example", "visit_date": date(2026, 11, 1 + n)}
            for n in range(10)
        )
    )
    assert await names(await api.admin(), "ada") == [f"Ada {n}" for n in range(9, 1, -1)]


async def test_somebody_with_many_visits_hides_nobody(
    api: Api, visitors: Visitors, app: FastAPI, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(suggestion_statements, "AT_ONCE", 3)
    often = [{"email": "ada@x.example", "visit_date": date(2026, 11, 20)} for _ in range(7)]
    others = [
        {"name": f"Ada {n}", "email": f"{n}@x.example", "visit_date": date(2026, 11, n)}
        for n in (1, 2)
    ]
    await visitors.add(*others, *often)
    admin = await api.admin()
    with statements(app) as sent:
        assert await names(admin, "ada") == ["Ada Lovelace", "Ada 2", "Ada 1"]
    assert len(sent) == 1 + 2  # the caller, the latest visits, those of others
    monkeypatch.undo()
    with statements(app) as sent:
        await names(admin, "ada")
    assert len(sent) == 1 + 1


async def test_each_sees_people_of_their_own_scope(
    api: Api, visitors: Visitors, database: Database
):
    annex, host = await add_site(database, "Annex"), await api.host()
    other, staff = await api.host("mary@example.com"), await api.of_role(Role.RECEPTIONIST, annex)
    await visitors.add(
        {"name": "Ada One", "email": "1@x.example", "host_id": UUID(host.user_id)},
        {"name": "Ada Two", "email": "2@x.example", "site_id": UUID(annex)},
    )
    assert await names(host, "ada") == ["Ada One"]
    assert await names(other, "ada") == []
    assert await names(staff, "ada") == ["Ada Two"]
    assert set(await names(await api.admin(), "ada")) == {"Ada One", "Ada Two"}
    answer = await other.put("auth/me/delegates/", {"user_ids": []})
    assert answer.status_code == 200
    given = await host.put("auth/me/delegates/", {"user_ids": [other.user_id]})
    assert given.status_code == 200, given.text
    assert await names(other, "ada") == ["Ada One"]  # who acts for the host


async def test_guards_and_devices_get_nothing(api: Api, database: Database):
    for caller in (
        await api.of_role(Role.GUARD),
        await add_device(api, "scanner"),
        await add_device(api, "kiosk"),
    ):
        problem(await caller.get("visitors/suggest/", q="ada"), 403, "forbidden")
    problem(await api.http.get("/api/visitors/suggest/?q=ada"), 401, "not_authenticated")


async def test_an_erased_visit_suggests_nobody(api: Api, visitors: Visitors):
    erased = datetime(2026, 11, 22, tzinfo=UTC)
    await visitors.add({"name": "Anonymised visitor", "anonymised_at": erased})
    assert await names(await api.admin(), "anonymised") == []


async def test_the_account_of_a_closed_host_is_left_out(
    api: Api, visitors: Visitors, database: Database
):
    host = await api.host()
    await visitors.add({"host_id": UUID(host.user_id), "host_name": "Charles Babbage"})
    await deactivate(database, host.user_id)
    [found] = await suggested(await api.admin(), "ada")
    assert (found["host_id"], found["host_name"]) == (None, "Charles Babbage")
