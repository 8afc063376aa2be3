"""The host of a visit, and the mails about a change of host."""

from datetime import timedelta

import pytest

from app.core.clock import SettableClock
from app.core.db.database import Database
from tests.bulk.files import rows, upload, workbook
from tests.support.api import VISITOR, Api
from tests.support.database import add_site, all_events, all_mails, change_default_site, deactivate
from tests.support.mailbox import Mailbox
from tests.support.problems import problem
from tests.visitors.told import LATER, MARY, RIGHT, ids, subjects, text_of, waiting


async def test_a_new_host_is_notified_and_so_is_the_former_one(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    visitor = await admin.register()
    await mailbox.deliver()
    await admin.patch(f"visitors/{visitor['id']}/", MARY)
    mails = (await mailbox.deliver())[2:]
    assert {mail["To"].addresses[0].addr_spec for mail in mails} == {
        "mary@example.com",
        "charles@example.com",
    }
    states = await waiting(admin, visitor)
    assert states["host_registration", "mary@example.com"] == "sent"
    assert states["host_handed_over", "charles@example.com"] == "sent"


async def test_a_new_host_of_a_moved_visit_reads_of_the_new_time_alone(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    visitor = await admin.register()
    await mailbox.deliver()
    await admin.patch(f"visitors/{visitor['id']}/", MARY | LATER)
    mails = await mailbox.deliver()
    [told] = subjects(mails, "mary@example.com")
    assert "24 November 2026, 14:00" in told
    states = await waiting(admin, visitor)
    assert ("host_rescheduled", "mary@example.com") not in states
    assert states["host_handed_over", "charles@example.com"] == "sent"


async def test_a_new_host_of_a_visitor_who_is_here_reads_so(
    api: Api, mailbox: Mailbox, clock: SettableClock
):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.scan(visitor["qr_code"])
    assert len(subjects(await mailbox.deliver(), "charles@example.com")) == 2
    clock.set(clock.now() + timedelta(minutes=1))
    await admin.patch(f"visitors/{visitor['id']}/", MARY)
    [mail] = [each for each in await mailbox.deliver() if "mary@" in each["To"]]
    assert mail["Subject"] == "Ada Lovelace has arrived"
    assert "Please come and meet your visitor" in text_of(mail)
    assert "We will notify you when they arrive" not in text_of(mail)


async def test_a_new_mailbox_of_a_moved_visit_gets_a_confirmation(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    await admin.patch(f"visitors/{visitor['id']}/", {"email": RIGHT} | LATER)
    states = await waiting(admin, visitor)
    assert states == {
        ("visitor_confirmation", "ada@example.com"): "superseded",
        ("visitor_confirmation", RIGHT): "queued",
    }


async def test_a_host_who_has_the_visit_again_gets_one_mail(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    visitor = await admin.register()
    await mailbox.deliver()
    await admin.patch(f"visitors/{visitor['id']}/", MARY)
    back = {"host_name": "Charles Babbage", "host_email": "charles@example.com"}
    await admin.patch(f"visitors/{visitor['id']}/", back)
    states = await waiting(admin, visitor)
    assert states["host_handed_over", "charles@example.com"] == "superseded"
    assert states["host_registration", "mary@example.com"] == "superseded"
    assert states["host_registration", "charles@example.com"] == "queued"


async def test_an_equal_value_changes_nothing(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register()
    fields = {name: visitor[name] for name in VISITOR} | {"host_id": visitor["host_id"]}
    assert (await admin.put(f"visitors/{visitor['id']}/", fields)).json()["qr_code"] == (
        visitor["qr_code"]
    )
    assert len(await all_mails(database)) == 2
    assert len(await all_events(database)) == 1


async def test_a_change_to_what_is_there_is_none(api: Api, clock: SettableClock):
    admin = await api.admin()
    visitor = await admin.register()
    clock.advance(timedelta(minutes=1))
    same = await admin.patch(f"visitors/{visitor['id']}/", {"name": visitor["name"]})
    assert same.json() == visitor


async def test_a_replacement_without_a_host_leaves_that_of_an_account(api: Api):
    admin, host = await api.admin(), await api.host()
    visitor = await admin.register()
    fields = {name: value for name, value in VISITOR.items() if not name.startswith("host_")}
    replaced = (await admin.put(f"visitors/{visitor['id']}/", fields)).json()
    assert replaced["host_id"] == host.user_id
    nobody = {"host_name": None, "host_email": None}
    cleared = (await admin.patch(f"visitors/{visitor['id']}/", nobody)).json()
    assert (cleared["host_id"], cleared["host_email"]) == (None, None)


async def test_a_move_to_another_site_names_the_old_one_and_its_time(
    api: Api, database: Database, mailbox: Mailbox
):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    annex = await add_site(database, "Annex", timezone="Europe/Berlin")
    await admin.patch(f"visitors/{visitor['id']}/", {"site": annex})
    text = text_of((await mailbox.deliver())[-1])
    assert "Main site" in text
    assert "(Europe/Berlin, CET)" in text
    assert "(UTC)" in text


async def test_an_address_of_an_account_names_its_host(api: Api):
    admin, host = await api.admin(), await api.host()
    visitor = await admin.register(host_name="Somebody", host_email="CHARLES@example.com")
    assert visitor["host_id"] == host.user_id
    assert visitor["host_name"] == "Charles Babbage"
    assert await ids(admin, host_id=host.user_id) == [visitor["id"]]


async def test_an_unknown_address_alone_clears_the_name(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    changed = await admin.patch(f"visitors/{visitor['id']}/", {"host_email": "new@example.com"})
    assert (changed.json()["host_name"], changed.json()["host_id"]) == (None, None)


async def test_host_id_wins_and_null_clears_all_three(api: Api):
    admin, host = await api.admin(), await api.host()
    visitor = await admin.register(host_email=None)
    path = f"visitors/{visitor['id']}/"
    chosen = (await admin.patch(path, {"host_id": host.user_id, "host_name": "x"})).json()
    assert (chosen["host_name"], chosen["host_email"]) == ("Charles Babbage", "charles@example.com")
    cleared = (await admin.patch(path, {"host_id": None, "host_name": "x"})).json()
    assert [cleared[name] for name in ("host_id", "host_name", "host_email")] == [None] * 3


async def test_an_unknown_or_closed_host_is_422(api: Api, database: Database):
    admin, host = await api.admin(), await api.host()
    visitor = await admin.register(host_email=None)
    await deactivate(database, host.user_id)
    for host_id in (host.user_id, visitor["id"]):
        answer = await admin.patch(f"visitors/{visitor['id']}/", {"host_id": host_id})
        assert problem(answer, 422, "invalid")["errors"][0]["field"] == "host_id"


@pytest.mark.parametrize("named", [MARY, {"host_email": "mary@example.com"}, {"host_name": "Mary"}])
async def test_a_host_who_names_another_one_is_refused(api: Api, named: dict[str, str]):
    host = await api.host()
    visitor = await host.register()
    own = {name: value for name, value in VISITOR.items() if not name.startswith("host_")}
    spelt = {"host_id": host.user_id, "host_name": "Chuck"}
    assert (await host.post("visitors/", own | spelt)).status_code == 201
    problem(await host.post("visitors/", own | named), 403, "not_your_visit")
    problem(await host.patch(f"visitors/{visitor['id']}/", named), 403, "not_your_visit")
    kept = {name: visitor[name] for name in ("host_id", "host_name", "host_email")}
    assert (await host.patch(f"visitors/{visitor['id']}/", kept)).status_code == 200


async def test_an_accounts_new_name_and_address_reach_its_visits(api: Api, mailbox: Mailbox):
    root, host = await api.superadmin(), await api.host()
    visitor = await root.register()
    changes = {"email": "cb@example.com", "first_name": "Chas"}
    assert (await root.patch(f"auth/users/{host.user_id}/", changes)).status_code == 200
    after = (await root.get(f"visitors/{visitor['id']}/")).json()
    assert (after["host_name"], after["host_email"]) == ("Chas Babbage", "cb@example.com")
    mails = await mailbox.deliver()
    assert any("Ada Lovelace" in subject for subject in subjects(mails, "cb@example.com"))
    # The former address is informed that the account has another one.
    assert not any("Ada" in subject for subject in subjects(mails, "charles@example.com"))


async def test_a_stranger_reads_of_the_host_what_they_have_sent(
    api: Api, database: Database, mailbox: Mailbox
):
    host = await api.host()
    await change_default_site(database, self_registration=True)
    sent = VISITOR | {"host_name": "The one with the beard"}
    answer = (await api.http.post("/api/visitors/", json=sent)).json()
    assert answer["host_name"] == "The one with the beard"
    assert (answer["host_id"], answer["host_email"]) == (None, None)
    to_guest = next(mail for mail in await mailbox.deliver() if "ada@" in str(mail["To"]))
    text = text_of(to_guest)
    assert "The one with the beard" in text
    assert "Charles" not in text
    seen = (await (await api.admin()).get(f"visitors/{answer['id']}/")).json()
    assert (seen["host_id"], seen["host_name"]) == (host.user_id, "Charles Babbage")
    page = await api.http.get(f"/pass/{seen['qr_code']}")
    assert "Charles" not in page.text


SHARP, DOUBLE = "wei\u00df@example.com", "weiss@example.com"


async def test_a_host_whose_address_looks_like_an_account_is_another(api: Api, mailbox: Mailbox):
    sharp, admin = await api.host(SHARP), await api.admin()
    visitor = await admin.register(host_name="Weiss", host_email=DOUBLE)
    assert (visitor["host_id"], visitor["host_email"]) == (None, DOUBLE)
    uploaded = await upload(admin, workbook(rows(1)), host_email=DOUBLE)
    [listed] = uploaded.json()["created"]
    found = (await admin.get(f"visitors/{listed['id']}/")).json()
    assert (found["host_id"], found["host_email"]) == (None, DOUBLE)
    own = await admin.register(host_email="WEI\u00df@EXAMPLE.COM")
    assert own["host_id"] == sharp.user_id
    changed = await admin.patch(f"visitors/{visitor['id']}/", {"host_email": SHARP})
    assert changed.json()["host_id"] == sharp.user_id
    changed = await admin.patch(f"visitors/{visitor['id']}/", {"host_email": DOUBLE})
    assert changed.json()["host_id"] is None
