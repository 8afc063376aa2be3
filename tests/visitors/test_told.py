"""Queued mails have the facts of the time of sending."""

from app.core.db.database import Database
from app.visitors.models import VisitorStatus
from tests.support.api import Api
from tests.support.database import all_mails, set_status
from tests.support.mailbox import Mailbox
from tests.support.problems import problem
from tests.visitors.told import LATER, text_of, waiting


async def test_a_summary_says_what_became_of_its_visits(api: Api, mailbox: Mailbox):
    root, former = await api.superadmin(), await api.host()
    new = await api.host("mary@example.com", "Mary")
    moved, gone = [await root.register(name=name) for name in ("Moved", "Gone")]
    await root.post(f"auth/users/{former.user_id}/hand-over/", {"to": new.user_id})
    await root.post(f"visitors/{moved['id']}/reschedule/", LATER)
    await root.delete(f"visitors/{gone['id']}/")
    mails = await mailbox.deliver()
    summary = next(
        mail
        for mail in mails
        if "mary@" in str(mail["To"])
        and "Moved" in mail.as_string()
        and "1 visitor" in str(mail["Subject"])
    )
    text = text_of(summary)
    assert "14:00" in text
    assert "Gone" not in text


async def test_a_failed_mail_of_a_moved_visit_is_not_sent_again(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    [mail] = await all_mails(database)
    await fail(database)
    await admin.post(f"visitors/{visitor['id']}/reschedule/", LATER)
    problem(await admin.post(f"notifications/{mail.id}/retry/"), 409, "pointless")


async def fail(database: Database) -> None:
    """Make the mail server refuse every mail."""
    from sqlalchemy import update

    from app.notifications.models import Notification, NotificationStatus

    async with database.write() as unit:
        await unit.write(update(Notification).values(status=NotificationStatus.FAILED))


async def test_what_is_tried_again_says_what_is_true_now(
    api: Api, database: Database, mailbox: Mailbox
):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    [mail] = await all_mails(database)
    await fail(database)
    await admin.patch(f"visitors/{visitor['id']}/", {"name": "Augusta Ada King"})
    assert (await admin.post(f"notifications/{mail.id}/retry/")).status_code == 202
    [sent] = await mailbox.deliver()
    assert "Augusta Ada King" in str(sent["To"])


async def test_the_end_of_a_visit_ends_its_mails(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.scan(visitor["qr_code"])
    await admin.scan(visitor["qr_code"], direction="out")
    assert set((await waiting(admin, visitor)).values()) == {"superseded"}


async def test_a_deleted_visit_that_lies_ahead_is_cancelled_by_mail(
    api: Api, database: Database, mailbox: Mailbox
):
    admin = await api.admin()
    visitor = await admin.register()
    await mailbox.deliver()
    assert (await admin.delete(f"visitors/{visitor['id']}/")).status_code == 204
    assert (await admin.get("notifications/")).json()["items"] == []
    mails = (await mailbox.deliver())[2:]
    assert {mail["To"].addresses[0].addr_spec for mail in mails} == {
        "ada@example.com",
        "charles@example.com",
    }
    assert all("cancelled" in str(mail["Subject"]).lower() for mail in mails)
    assert await all_mails(database) == []


async def test_a_mail_about_an_erased_visitor_is_not_retried_by_hand(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    await admin.delete(f"visitors/{visitor['id']}/")
    [mail] = await all_mails(database)
    problem(await admin.post(f"notifications/{mail.id}/retry/"), 404, "not_found")


async def test_a_visit_is_deleted_in_silence_where_that_is_asked(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.request("DELETE", f"visitors/{visitor['id']}/", params={"notify": "false"})
    assert await all_mails(database) == []


async def test_deleting_a_past_visit_notifies_nobody(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register()
    await set_status(database, visitor["id"], VisitorStatus.COMPLETED)
    await admin.delete(f"visitors/{visitor['id']}/")
    assert await all_mails(database) == []


async def test_a_visitor_answers_their_host_and_a_host_nobody(api: Api, mailbox: Mailbox):
    await (await api.admin()).register()
    answered = {str(mail["To"]): mail["Reply-To"] for mail in await mailbox.deliver()}
    [to_guest] = [reply for to, reply in answered.items() if "ada@" in to]
    assert str(to_guest) == "charles@example.com"
    assert [reply for to, reply in answered.items() if "charles@" in to] == [None]
