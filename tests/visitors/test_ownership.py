"""For a host, another host's visitor does not exist."""

from typing import Any

import pytest

from app.core.db.database import Database
from tests.support.api import VISITOR, Api
from tests.support.database import all_events, all_mails
from tests.support.problems import problem

OPERATIONS: list[tuple[str, str, Any]] = [
    ("GET", "", None),
    ("PUT", "", VISITOR),
    ("PATCH", "", {"phone": "112"}),
    ("PATCH", "", {"visit_time": "15:00"}),
    ("DELETE", "", None),
    ("POST", "reschedule/", {"visit_date": "2026-11-24", "visit_time": "15:00"}),
    ("POST", "cancel/", None),
    ("POST", "check-out/", None),
    ("POST", "undo/", None),
    ("POST", "complete/", None),
    ("POST", "replace-code/", None),
    ("POST", "resend-email/", None),
    ("GET", "events/", None),
    ("GET", "stays/", None),
    ("GET", "notifications/", None),
    ("GET", "personal-data/", None),
    ("GET", "badge.pdf", None),
    ("GET", "qr.png", None),
    ("GET", "qr.svg", None),
]


@pytest.mark.parametrize(("method", "path", "body"), OPERATIONS)
async def test_a_stranger_gets_404_and_changes_nothing(
    api: Api, database: Database, method: str, path: str, body: Any
):
    owner, stranger = await api.host(), await api.host("mary@example.com")
    visitor = await owner.register()
    answer = await stranger.request(method, f"visitors/{visitor['id']}/{path}", json=body)
    problem(answer, 404, "not_found")
    assert (await owner.get(f"visitors/{visitor['id']}/")).json() == visitor
    assert len(await all_events(database)) == 1
    assert len(await all_mails(database)) == 2


@pytest.mark.parametrize(("method", "path", "body"), OPERATIONS)
async def test_nobody_gets_401_and_who_is_not_there_404(
    api: Api, method: str, path: str, body: Any
):
    visitor = await (await api.admin()).register()
    url = f"/api/visitors/{visitor['id']}/{path}"
    problem(await api.http.request(method, url, json=body), 401, "not_authenticated")
    missing = f"visitors/01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11/{path}"
    admin = await api.superadmin()
    problem(await admin.request(method, missing, json=body), 404, "not_found")


def test_every_operation_of_a_visitor_is_in_the_table(running_app: Any):
    documented = {
        (method.upper(), path.split("{visitor_id}/")[1])
        for path, methods in running_app.openapi()["paths"].items()
        if "/visitors/{visitor_id}/" in path
        for method in methods
    }
    of_desk = {("POST", "check-in/")}  # not for hosts
    assert documented - of_desk == {(method, path) for method, path, _ in OPERATIONS}


async def test_a_visitor_is_seen_by_its_host_and_by_admins(api: Api):
    host = await api.host()
    visitor = await host.register()
    for caller in (host, await api.admin(), await api.superadmin()):
        for path in ("", "events/", "notifications/", "qr.png", "qr.svg"):
            answer = await caller.get(f"visitors/{visitor['id']}/{path}")
            assert answer.status_code == 200
