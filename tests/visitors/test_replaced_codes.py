"""A code that another mailbox has received is replaced."""

import pytest

from app.core.db.database import Database
from app.visitors.models import VisitorStatus
from tests.support.api import VISITOR, Api
from tests.support.database import all_mails, set_status
from tests.support.mailbox import Mailbox
from tests.support.problems import problem
from tests.visitors.told import LATER, RIGHT


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_the_code_of_a_wrong_mailbox_opens_nothing(api: Api, method: str):
    admin = await api.admin()
    visitor = await admin.register()
    body = {"email": RIGHT} if method == "PATCH" else VISITOR | {"email": RIGHT}
    changed = (await admin.request(method, f"visitors/{visitor['id']}/", json=body)).json()
    assert changed["qr_code"] != visitor["qr_code"]
    refused = problem(await admin.scan(visitor["qr_code"]), 409, "replaced")
    assert "newest mail" in refused["detail"]
    assert "Ada" not in str(refused)
    assert (await admin.scan(changed["qr_code"])).status_code == 200


async def test_the_pass_of_a_wrong_mailbox_shows_and_cancels_nothing(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.patch(f"visitors/{visitor['id']}/", {"email": RIGHT})
    shown = await api.http.get(f"/pass/{visitor['qr_code']}")
    assert shown.status_code == 410
    assert not {"Ada", "Charles", "Main site"} & set(shown.text.split())
    cancelled = await api.http.post(f"/pass/{visitor['qr_code']}/cancel", data={"confirmed": "yes"})
    assert cancelled.status_code == 410
    assert (await admin.get(f"visitors/{visitor['id']}/")).json()["status"] == "pending"


async def test_only_the_right_mailbox_is_written_to(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    await admin.patch(f"visitors/{visitor['id']}/", {"email": RIGHT})
    mails = await mailbox.deliver()
    assert [mail["To"].addresses[0].addr_spec for mail in mails] == [RIGHT]


async def test_codes_that_a_wrong_mailbox_had_before_are_replaced_too(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.post(f"visitors/{visitor['id']}/reschedule/", LATER)
    problem(await admin.scan(visitor["qr_code"]), 409, "rescheduled")
    await admin.patch(f"visitors/{visitor['id']}/", {"email": RIGHT})
    problem(await admin.scan(visitor["qr_code"]), 409, "replaced")


@pytest.mark.parametrize("same", ["ADA@Example.com", "ada@example.com"])
async def test_another_spelling_of_one_mailbox_keeps_the_code(
    api: Api, database: Database, same: str
):
    admin = await api.admin()
    visitor = await admin.register()
    changed = (await admin.patch(f"visitors/{visitor['id']}/", {"email": same})).json()
    assert changed["qr_code"] == visitor["qr_code"]
    assert len(await all_mails(database)) == 2


async def test_the_code_of_an_ended_visit_is_replaced_without_a_mail(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    await set_status(database, visitor["id"], VisitorStatus.COMPLETED)
    await admin.patch(f"visitors/{visitor['id']}/", {"email": RIGHT})
    assert (await api.http.get(f"/pass/{visitor['qr_code']}")).status_code == 410
    assert len(await all_mails(database)) == 1


async def test_a_code_is_replaced_on_purpose(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    answer = await admin.post(f"visitors/{visitor['id']}/replace-code/")
    assert answer.status_code == 200
    assert answer.json()["qr_code"] != visitor["qr_code"]
    problem(await admin.scan(visitor["qr_code"]), 409, "replaced")
    [mail] = await mailbox.deliver()
    assert answer.json()["qr_code"] in mail.as_string()
    await admin.scan(answer.json()["qr_code"])
    again = await admin.post(f"visitors/{visitor['id']}/replace-code/")
    assert problem(again, 409, "invalid_transition")["current_status"] == "verified"


async def test_who_is_inside_gets_the_new_code_by_mail(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    await admin.scan(visitor["qr_code"])
    await mailbox.deliver()
    changed = (await admin.patch(f"visitors/{visitor['id']}/", {"email": RIGHT})).json()
    problem(await admin.scan(visitor["qr_code"], direction="out"), 409, "replaced")
    assert changed["qr_code"] in (await mailbox.deliver())[-1].as_string()
    assert (await admin.scan(changed["qr_code"], direction="out")).status_code == 200


async def test_an_address_at_another_domain_gets_another_code(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    visitor = await admin.register(email="info@strasse.de", host_email=None)
    await mailbox.deliver()
    path = f"visitors/{visitor['id']}/"
    changed = (await admin.patch(path, {"email": "info@stra\u00dfe.de"})).json()
    assert changed["qr_code"] != visitor["qr_code"]
    assert "xn--strae-oqa.de" in str((await mailbox.deliver())[-1]["To"])
    same = (await admin.patch(path, {"email": "INFO@xn--strae-oqa.de"})).json()
    assert same["qr_code"] == changed["qr_code"]
