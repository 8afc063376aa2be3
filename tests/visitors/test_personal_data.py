"""All data about a person in one document."""

from typing import Any

from app.core.db.database import Database
from app.core.security.qr_token import token_hash
from tests.bulk.files import HOST, rows, upload, workbook
from tests.support.api import Api, Client
from tests.support.database import all_events
from tests.support.problems import problem


async def personal_data(client: Client, visitor: dict[str, Any]) -> dict[str, Any]:
    answer = await client.get(f"visitors/{visitor['id']}/personal-data/")
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def test_the_document_holds_the_record_and_all_that_happened(api: Api):
    admin = await api.admin()
    visitor = await admin.register(phone="+49 30 123456", notes="quiet")
    path = f"visitors/{visitor['id']}/"
    await admin.scan(visitor["qr_code"], gate="North")
    await admin.scan(visitor["qr_code"], gate="South")
    document = await personal_data(admin, visitor)
    assert document["visitor"] == (await admin.get(path)).json()
    assert document["events"] == (await admin.get(f"{path}events/")).json()
    assert document["checked_in_gate"] == "North"
    assert document["host_id"] is None
    assert document["anonymised_at"] is None
    assert [(scan["gate"], scan["verdict"], scan["code"]) for scan in document["scans"]] == [
        ("North", "admitted", None),
        ("South", "refused", "already_inside"),
    ]
    [stay] = document["stays"]
    assert (stay["in_gate"], stay["out_at"]) == ("North", None)


async def test_mails_are_there_with_what_they_say(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    mails = (await personal_data(admin, visitor))["notifications"]
    assert [(mail["kind"], mail["recipient"]) for mail in mails] == [
        ("visitor_confirmation", "ada@example.com"),
        ("host_registration", "charles@example.com"),
    ]
    assert {mail["payload"]["visitor_name"] for mail in mails} == {"Ada Lovelace"}


async def test_a_summary_shows_nothing_of_the_others(api: Api):
    admin = await api.admin()
    created = (await upload(admin, workbook(rows(3)), **HOST)).json()["created"]
    answer = await admin.get(f"visitors/{created[1]['id']}/personal-data/")
    kinds = {mail["kind"]: mail["payload"] for mail in answer.json()["notifications"]}
    assert kinds.keys() == {"host_bulk_summary", "visitor_confirmation"}
    assert [row["name"] for row in kinds["host_bulk_summary"]["visitors"]] == ["Guest 2"]
    assert "Guest 1" not in answer.text
    assert "Guest 3" not in answer.text


async def test_it_is_a_file(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    answer = await admin.get(f"visitors/{visitor['id']}/personal-data/")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Disposition"] == (
        f'attachment; filename="personal-data-{visitor["id"]}.json"'
    )
    assert answer.headers["Cache-Control"] == "no-store"


async def test_no_hash_of_a_token_is_in_it(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.scan(visitor["qr_code"])
    answer = await admin.get(f"visitors/{visitor['id']}/personal-data/")
    assert "hash" not in answer.text
    assert token_hash(visitor["qr_code"]).hex() not in answer.text


async def test_the_audit_log_says_who_has_seen_it(api: Api, database: Database):
    admin, host = await api.admin(), await api.host()
    visitor = await host.register()
    for caller in (admin, host):
        document = await personal_data(caller, visitor)
        assert document["events"][-1]["actor_id"] == caller.user_id
    events = (await all_events(database))[1:]
    assert [(event.action, str(event.actor_id)) for event in events] == [
        ("personal_data_exported", admin.user_id),
        ("personal_data_exported", host.user_id),
    ]


async def test_who_only_looks_at_the_record_leaves_no_entry(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.get(f"visitors/{visitor['id']}/")
    assert [event.action for event in await all_events(database)] == ["registered"]


async def test_who_is_refused_leaves_no_entry(api: Api, database: Database):
    owner, stranger = await api.host(), await api.host("mary@example.com")
    visitor = await owner.register()
    answer = await stranger.get(f"visitors/{visitor['id']}/personal-data/")
    problem(answer, 404, "not_found")
    assert [event.action for event in await all_events(database)] == ["registered"]
