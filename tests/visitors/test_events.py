"""The audit log and the mails of a visitor, as the API shows them."""

from app.core.db.database import Database
from tests.support.api import Api
from tests.support.mailbox import Mailbox


async def test_the_audit_log_says_who_when_what_and_from_where(api: Api):
    admin, host = await api.admin(), await api.host()
    visitor = await host.register()
    path = f"visitors/{visitor['id']}/"
    await admin.patch(path, {"phone": "112", "company": "x"})
    await admin.post(f"{path}reschedule/", {"visit_date": "2026-11-23", "visit_time": "09:00"})
    moved = (await admin.get(path)).json()
    await admin.scan(moved["qr_code"], gate="North")
    await admin.post(f"{path}check-out/")
    events = (await host.get(f"{path}events/")).json()
    assert [(event["action"], event["actor_id"]) for event in events] == [
        ("registered", host.user_id),
        ("updated", admin.user_id),
        ("rescheduled", admin.user_id),
        ("checked_in", admin.user_id),
        ("checked_out", admin.user_id),
    ]
    assert {event["client_address"] for event in events} == {"127.0.0.1"}
    assert {event["created_at"] for event in events} == {"2026-11-23T08:00:00Z"}
    assert events[0]["actor_role"] == "host"
    assert events[1]["details"] == {"fields": ["company", "phone"]}
    assert events[2]["details"] == {"before": "2026-11-23 10:00", "after": "2026-11-23 09:00"}
    assert events[3]["details"] == {"gate": "North"}


async def test_an_event_bears_the_id_of_its_request(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    headers = admin.headers | {"X-Request-ID": "order-4711"}
    await api.http.post(f"/api/visitors/{visitor['id']}/cancel/", headers=headers)
    [_, cancelled] = (await admin.get(f"visitors/{visitor['id']}/events/")).json()
    assert (cancelled["action"], cancelled["request_id"]) == ("cancelled", "order-4711")


async def test_a_change_is_named_and_not_quoted(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.patch(f"visitors/{visitor['id']}/", {"email": "augusta@example.com"})
    answer = await admin.get(f"visitors/{visitor['id']}/events/")
    assert "email" in answer.text
    assert "augusta" not in answer.text
    assert "ada@" not in answer.text


async def test_mails_are_shown_with_their_state(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    visitor = await admin.register()
    path = f"visitors/{visitor['id']}/notifications/"
    queued = (await admin.get(path)).json()
    assert [mail["kind"] for mail in queued] == ["visitor_confirmation", "host_registration"]
    assert {(mail["status"], mail["attempts"], mail["sent_at"]) for mail in queued} == {
        ("queued", 0, None)
    }
    await mailbox.deliver()
    sent = (await admin.get(path)).json()
    assert {(mail["status"], mail["attempts"], mail["last_error"]) for mail in sent} == {
        ("sent", 1, None)
    }
