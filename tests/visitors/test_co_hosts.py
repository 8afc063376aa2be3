"""Co-hosts get the mails of the host, and no access."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from icalendar import Calendar

from app.core.db.database import Database
from app.core.db.rollout import Rollout
from app.visitors.co_hosts import changed
from app.visitors.retention_jobs import anonymise_past
from tests.conftest import MONDAY
from tests.devices.devices import add_device
from tests.support.api import VISITOR, Api, Client, app_of
from tests.support.database import change_default_site, fail_mails, places_holding
from tests.support.mailbox import Mailbox, body_of
from tests.support.problems import faulty_fields, problem
from tests.visitors.told import LATER, MARY, ids

GRACE: dict[str, Any] = {"name": "Grace Hopper", "email": "grace@example.com"}
EDSGER: dict[str, Any] = {"name": None, "email": "edsger@example.com"}
BOTH = [GRACE, EDSGER]


async def kinds_to(admin: Client, visitor: dict[str, Any], to: str) -> list[str]:
    """Return the kinds of mail that somebody is sent, oldest first."""
    found = (await admin.get(f"visitors/{visitor['id']}/notifications/")).json()
    return [
        mail["kind"] for mail in found if mail["recipient"] == to and mail["status"] != "superseded"
    ]


def to(mails: list[EmailMessage], address: str) -> list[EmailMessage]:
    return [mail for mail in mails if address in str(mail["To"])]


def method_of(mail: EmailMessage) -> str:
    [part] = [p for p in mail.iter_attachments() if p.get_content_type() == "text/calendar"]
    return str(Calendar.from_ical(part.get_content())["METHOD"])


async def test_co_hosts_get_every_mail_of_the_host(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    visitor = await admin.register(co_hosts=BOTH)
    assert visitor["co_hosts"] == BOTH
    path = f"visitors/{visitor['id']}/"
    await mailbox.deliver()
    await admin.patch(path, {"duration_minutes": 90})
    await mailbox.deliver()
    moved = (await admin.post(f"{path}reschedule/", {"visit_time": "09:00"} | DAY)).json()
    await mailbox.deliver()
    await admin.scan(moved["qr_code"])
    await mailbox.deliver()
    expected = ["host_registration", "host_updated", "host_rescheduled", "host_arrival"]
    for address in ("charles@example.com", GRACE["email"], EDSGER["email"]):
        assert await kinds_to(admin, visitor, address) == expected
    mails = mailbox.mails()
    for mail in to(mails, "grace@"):
        assert "Hello Grace Hopper," in body_of(mail)
        assert "Host: Charles Babbage" in body_of(mail)
        assert "you are a co-host of this visit" in body_of(mail)
        assert "in the visitor management system" not in body_of(mail)
    assert all("Hello," in body_of(mail) for mail in to(mails, "edsger@"))
    assert len(to(mails, "grace@")) == len(to(mails, "edsger@")) == len(expected)


DAY = {"visit_date": "2026-11-23"}


@pytest.mark.parametrize("how", ["cancel", "delete"])
async def test_co_hosts_hear_that_a_visit_is_off(api: Api, mailbox: Mailbox, how: str):
    admin = await api.admin()
    visitor = await admin.register(co_hosts=BOTH, host_name=None, host_email=None)
    path = f"visitors/{visitor['id']}/"
    await mailbox.deliver()
    await (admin.post(f"{path}cancel/") if how == "cancel" else admin.delete(path))
    mails = await mailbox.deliver()
    for address in ("grace@", "edsger@"):
        assert [method_of(mail) for mail in to(mails, address)] == ["PUBLISH", "CANCEL"]


async def test_an_arrival_without_a_host_is_told_to_co_hosts_too(
    api: Api, database: Database, mailbox: Mailbox
):
    admin = await api.admin()
    await change_default_site(database, reception_email="reception@example.com")
    visitor = await admin.register(co_hosts=[GRACE], host_name=None, host_email=None)
    await admin.scan(visitor["qr_code"])
    mails = await mailbox.deliver()
    assert "reception address" in body_of(to(mails, "reception@")[-1])
    assert "Please come and meet your visitor" in body_of(to(mails, "grace@")[-1])


async def test_a_change_of_co_hosts_is_told_to_those_whom_it_concerns(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    visitor = await admin.register(co_hosts=[GRACE])
    path = f"visitors/{visitor['id']}/"
    before = len(await mailbox.deliver())
    same = {"co_hosts": [{"name": "Grace Hopper", "email": "Grace@Example.com"}]}
    assert (await admin.patch(path, same)).json()["co_hosts"] == [GRACE]
    assert len(await mailbox.deliver()) == before
    changed = await admin.patch(path, {"co_hosts": [EDSGER]})
    assert changed.json()["co_hosts"] == [EDSGER]
    mails = (await mailbox.deliver())[before:]
    [new], [former] = to(mails, "edsger@"), to(mails, "grace@")
    assert len(mails) == 2
    assert (method_of(new), method_of(former)) == ("PUBLISH", "CANCEL")
    assert "no longer a co-host of the visit of Ada Lovelace" in body_of(former)
    assert "you were a co-host" in body_of(former)
    back = await admin.patch(path, {"co_hosts": BOTH})
    assert back.json()["co_hosts"] == BOTH
    assert len(to(await mailbox.deliver(), "grace@")) == 3
    events = (await admin.get(f"{path}events/")).json()
    assert events[-1]["details"] == {"fields": ["co_hosts"]}


async def test_a_put_leaves_co_hosts_that_it_does_not_name(api: Api):
    admin = await api.admin()
    visitor = await admin.register(co_hosts=[GRACE])
    path = f"visitors/{visitor['id']}/"
    assert (await admin.put(path, VISITOR)).json()["co_hosts"] == [GRACE]
    for nobody in (list[str](), None):
        cleared = await admin.put(path, VISITOR | {"co_hosts": nobody})
        assert cleared.json()["co_hosts"] == []
        await admin.patch(path, {"co_hosts": [GRACE]})
    assert (await admin.patch(path, {"co_hosts": None})).json()["co_hosts"] == []
    nameless = [{"email": EDSGER["email"]}]
    for change in (admin.patch, admin.put):
        named = await change(path, VISITOR | {"co_hosts": nameless})
        assert named.json()["co_hosts"] == [EDSGER]


async def test_a_move_tells_new_co_hosts_as_of_a_new_visit(api: Api):
    admin = await api.admin()
    visitor = await admin.register(co_hosts=[GRACE])
    await admin.patch(f"visitors/{visitor['id']}/", LATER | {"co_hosts": BOTH})
    assert await kinds_to(admin, visitor, "grace@example.com") == ["host_rescheduled"]
    assert await kinds_to(admin, visitor, "edsger@example.com") == ["host_registration"]
    await admin.patch(f"visitors/{visitor['id']}/", {"visit_time": "15:00", "co_hosts": []})
    for one in BOTH:
        assert await kinds_to(admin, visitor, one["email"]) == ["host_handed_over"]


async def test_a_new_host_leaves_the_mails_of_co_hosts_alone(api: Api):
    admin = await api.admin()
    visitor = await admin.register(co_hosts=[GRACE])
    await admin.patch(f"visitors/{visitor['id']}/", MARY)
    assert await kinds_to(admin, visitor, "grace@example.com") == ["host_registration"]
    assert await kinds_to(admin, visitor, "charles@example.com") == ["host_handed_over"]


async def test_host_and_co_host_may_change_places(api: Api, mailbox: Mailbox):
    """Neither gets a mail that removes the visit from the calendar."""
    admin = await api.admin()
    visitor = await admin.register(co_hosts=[GRACE])
    await mailbox.deliver()
    swapped: dict[str, Any] = {
        "host_name": "Grace Hopper",
        "host_email": "grace@example.com",
        "co_hosts": [{"name": "Charles", "email": "charles@example.com"}],
    }
    answer = await admin.patch(f"visitors/{visitor['id']}/", swapped)
    assert answer.json()["co_hosts"] == swapped["co_hosts"]
    await mailbox.deliver()
    for address in ("charles@example.com", "grace@example.com"):
        assert await kinds_to(admin, visitor, address) == ["host_registration"] * 2


async def test_visits_handed_over_keep_their_co_hosts(api: Api, mailbox: Mailbox):
    root, former = await api.superadmin(), await api.host()
    new = await api.host("grace@example.com", "Grace")
    visitor = await root.register(co_hosts=BOTH)
    await root.post(f"auth/users/{former.user_id}/hand-over/", {"to": new.user_id})
    read = (await root.get(f"visitors/{visitor['id']}/")).json()
    assert read["co_hosts"] == [EDSGER]
    mails = await mailbox.deliver()
    assert len(to(mails, "grace@")) == 1  # the summary
    assert len(to(mails, "edsger@")) == 1
    assert [method_of(mail) for mail in to(mails, "charles@")] == ["CANCEL"]


async def test_a_mail_of_somebody_removed_is_not_sent(
    api: Api, database: Database, mailbox: Mailbox
):
    admin = await api.admin()
    visitor = await admin.register(co_hosts=BOTH)
    await fail_mails(database)
    path = f"visitors/{visitor['id']}/"
    await admin.patch(path, {"co_hosts": [EDSGER | {"name": "Edsger Dijkstra"}]})
    found = (await admin.get(f"{path}notifications/")).json()
    failed = {m["recipient"]: m for m in found if m["kind"] == "host_registration"}
    gone = await admin.post(f"notifications/{failed['grace@example.com']['id']}/retry/")
    problem(gone, 409, "pointless")
    again = await admin.post(f"notifications/{failed['edsger@example.com']['id']}/retry/")
    assert again.status_code == 202
    mails = await mailbox.deliver()
    assert [str(mail["To"]) for mail in to(mails, "edsger@")] == [
        "Edsger Dijkstra <edsger@example.com>"
    ]
    assert [method_of(mail) for mail in to(mails, "grace@")] == ["CANCEL"]


async def test_who_becomes_the_host_by_address_gets_one_mail(api: Api, mailbox: Mailbox):
    """An account that takes the address of a co-host takes the visit along."""
    root, host = await api.superadmin(), await api.host()
    visitor = await root.register(co_hosts=[GRACE])
    renamed = await root.patch(f"auth/users/{host.user_id}/", {"email": GRACE["email"]})
    assert renamed.status_code == 200, renamed.text
    mails = [mail for mail in await mailbox.deliver() if "Ada" in str(mail["Subject"])]
    assert len(to(mails, "grace@")) == 1
    await root.scan(visitor["qr_code"])
    assert len(to(await mailbox.deliver(), "grace@")) == 1 + len(to(mails, "grace@")) + 1


@pytest.mark.parametrize(
    "co_hosts",
    [
        [GRACE | {"email": f"grace{n}@example.com"} for n in range(6)],
        [GRACE, {"email": "GRACE@example.com"}],
        [{"name": "Grace"}],
        [{"email": "nobody"}],
        [GRACE | {"phone": "1"}],
        ["grace@example.com"],
        "grace@example.com",
    ],
)
async def test_co_hosts_that_cannot_be_are_422(api: Api, co_hosts: Any):
    answer = await (await api.admin()).post("visitors/", VISITOR | {"co_hosts": co_hosts})
    assert {field.split(".")[0] for field in faulty_fields(answer)} == {"co_hosts"}


async def test_the_host_is_no_co_host(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    own = {"name": "Charles", "email": "Charles@example.com"}
    visitor = await admin.register(co_hosts=[own, GRACE])
    assert visitor["co_hosts"] == [GRACE]
    changed = await admin.patch(f"visitors/{visitor['id']}/", {"host_email": "grace@example.com"})
    assert changed.json()["co_hosts"] == []
    assert len(to(await mailbox.deliver(), "grace@")) == 1


async def test_a_host_names_co_hosts_who_have_no_access(api: Api):
    host, grace = await api.host(), await api.host("grace@example.com", "Grace")
    visitor = await host.register(co_hosts=[GRACE])
    assert visitor["co_hosts"] == [GRACE]
    problem(await grace.get(f"visitors/{visitor['id']}/"), 404, "not_found")
    assert await ids(grace) == []


async def test_strangers_and_kiosks_set_neither(api: Api, database: Database):
    await change_default_site(database, self_registration=True)
    kiosk = await add_device(api, "kiosk")
    extra = {"co_hosts": [GRACE], "duration_minutes": 90}
    for headers in ({}, kiosk.headers):
        body = VISITOR | extra
        answer = await api.http.post("/api/visitors/", json=body, headers=headers)
        assert faulty_fields(answer) == set(extra)
        answer = await api.http.post("/api/visitors/", json=VISITOR, headers=headers)
        assert answer.status_code == 201, answer.text
        shown = answer.json()
        assert (shown["co_hosts"], shown["duration_minutes"]) == ([], 60)


async def test_the_limits_of_a_host_count_co_hosts(api: Api, limited: Callable[..., None]):
    limited(host_registration_limit="4/hour")
    host = await api.host()
    visitor = await host.register(co_hosts=BOTH)
    own = {name: value for name, value in VISITOR.items() if not name.startswith("host_")}
    problem(await host.post("visitors/", own | {"co_hosts": [GRACE]}), 429, "too_many_requests")
    assert (await host.post("visitors/", own)).status_code == 201
    path = f"visitors/{visitor['id']}/"
    assert (await host.patch(path, {"visit_time": "11:00"})).status_code == 200
    problem(await host.patch(path, {"co_hosts": [GRACE]}), 429, "too_many_requests")


async def test_co_hosts_are_erased_with_the_visit(api: Api, database: Database):
    admin = await api.admin()
    kept, gone = [await admin.register(co_hosts=[GRACE | {"name": "Zephyrine"}]) for _ in range(2)]
    await admin.patch(f"visitors/{kept['id']}/", {"co_hosts": [EDSGER | {"name": "Zephyrine"}]})
    await admin.post(f"visitors/{kept['id']}/cancel/")
    assert await places_holding(database, "Zephyrine") != set()
    await admin.delete(f"visitors/{gone['id']}/?notify=false")
    assert await anonymise_past(database, MONDAY + timedelta(days=200), 180) == 1
    for trace in ("Zephyrine", "grace@", "edsger@"):
        assert await places_holding(database, trace) == set()
    assert (await admin.get(f"visitors/{kept['id']}/")).json()["co_hosts"] == []


async def test_neither_is_written_during_an_update(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
):
    """Mails of the previous release would go to the host twice, and tell an hour."""
    root = await api.superadmin()
    visitor = await root.register()
    monkeypatch.setattr(app_of(api).state.database, "rollout_is_finished", False)
    async with database.write() as unit:
        unit.add(Rollout(revision="0022", finished_at=None))
    path = f"visitors/{visitor['id']}/"
    for refused in (
        await root.post("visitors/", VISITOR | {"co_hosts": [GRACE]}),
        await root.post("visitors/", VISITOR | {"duration_minutes": 90}),
        await root.patch(path, {"co_hosts": [GRACE]}),
        await root.patch(path, {"duration_minutes": 90}),
        await root.post("sites/", {"name": "Works", "visit_minutes": 90}),
        await root.patch(f"sites/{visitor['site']}/", {"visit_minutes": 90}),
    ):
        problem(refused, 503, "update_under_way")
    usual = {"duration_minutes": 60, "co_hosts": []}
    assert (await root.post("visitors/", VISITOR | usual)).status_code == 201
    assert (await root.put(path, VISITOR | usual)).status_code == 200


def test_a_known_address_keeps_its_spelling():
    change = changed([GRACE], [EDSGER, GRACE | {"email": "GRACE@example.com"}], None)
    assert (change.after, change.new, change.removed) == (
        [EDSGER, GRACE],
        ("edsger@example.com",),
        (),
    )


async def test_of_two_lists_at_once_one_stands_and_all_are_told(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    path = f"visitors/{visitor['id']}/"
    await asyncio.gather(*(admin.patch(path, {"co_hosts": [one]}) for one in BOTH))
    [left] = (await admin.get(path)).json()["co_hosts"]
    [gone] = [one for one in BOTH if one != left]
    assert await kinds_to(admin, visitor, left["email"]) == ["host_registration"]
    assert await kinds_to(admin, visitor, gone["email"]) == ["host_handed_over"]
