"""Visits of a host who has left, and their new hosts."""

import pytest

from app.core.db.database import Database
from tests.support.api import Api
from tests.support.database import change_default_site, deactivate
from tests.support.mailbox import Mailbox
from tests.support.problems import problem
from tests.visitors.told import ids, subjects


@pytest.mark.parametrize("how", ["deactivated", "deleted"])
@pytest.mark.parametrize("reception", ["reception@example.com", None])
async def test_nobody_writes_to_a_closed_account(
    api: Api, database: Database, mailbox: Mailbox, how: str, reception: str | None
):
    root, host = await api.superadmin(), await api.host()
    await change_default_site(database, reception_email=reception)
    visitor = await root.register()
    path = f"auth/users/{host.user_id}/"
    closed = await (
        root.delete(path) if how == "deleted" else root.patch(path, {"is_active": False})
    )
    assert (closed.status_code, closed.json()["upcoming_visits"]) == (200, 1)
    await root.scan(visitor["qr_code"])
    mails = await mailbox.deliver()
    assert not subjects(mails, "charles@example.com")
    assert len(subjects(mails, "reception@example.com")) == (2 if reception else 0)


async def test_visits_are_handed_over_with_one_mail_to_the_new_host(api: Api, mailbox: Mailbox):
    root, former = await api.superadmin(), await api.host()
    new = await api.host("mary@example.com", "Mary")
    visits = [await root.register(name=f"Guest {n}") for n in range(2)]
    await mailbox.deliver()
    answer = await root.post(f"auth/users/{former.user_id}/hand-over/", {"to": new.user_id})
    assert answer.json() == {"visits": 2, "left": 0}
    mails = (await mailbox.deliver())[4:]
    assert len(subjects(mails, "mary@example.com")) == 1
    assert len(subjects(mails, "charles@example.com")) == 2
    assert sorted(await ids(new)) == sorted(visit["id"] for visit in visits)


async def test_a_closed_former_host_gets_no_mail_of_a_hand_over(api: Api, mailbox: Mailbox):
    root, former = await api.superadmin(), await api.host()
    new = await api.host("mary@example.com", "Mary")
    await root.register()
    await root.patch(f"auth/users/{former.user_id}/", {"is_active": False})
    await root.post(f"auth/users/{former.user_id}/hand-over/", {"to": new.user_id})
    assert not subjects(await mailbox.deliver(), "charles@example.com")


async def test_a_hand_over_to_nobody_is_422(api: Api, database: Database):
    root, former = await api.superadmin(), await api.host()
    closed = await api.host("mary@example.com", "Mary")
    await deactivate(database, closed.user_id)
    for to in (closed.user_id, former.user_id, "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11"):
        answer = await root.post(f"auth/users/{former.user_id}/hand-over/", {"to": to})
        assert problem(answer, 422, "invalid")["errors"][0]["field"] == "to"
