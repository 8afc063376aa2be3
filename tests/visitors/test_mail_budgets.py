"""The number of mails that a host, a kiosk or a stranger may cause."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from redis.exceptions import ConnectionError as RedisDown

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.http.limits import RateLimiter
from app.notifications.models import NotificationStatus
from app.notifications.stranger_mail_limits import WITHHELD, StrangerMails
from app.settings import Settings
from app.visitors.budget_limits import RESENT
from app.visitors.reminder_jobs import remind
from tests.bulk.files import rows, upload, workbook
from tests.devices.devices import add_device
from tests.support.api import VISITOR, Api, Client
from tests.support.database import all_mails, change_default_site
from tests.support.mailbox import Mailbox
from tests.support.problems import problem

FORM = {name: VISITOR[name] for name in ("name", "email", "visit_date", "visit_time")}
VICTIM = "victim@example.com"
TUESDAY = date(2026, 11, 24)
SAME_HOUR = {"visit_date": "2026-11-23", "visit_time": "10:00"}
Answers = Awaitable[httpx.Response]


async def codes(calls: Sequence[Answers]) -> Counter[int]:
    return Counter(answer.status_code for answer in await asyncio.gather(*calls))


@pytest.fixture
async def elsewhere(app: FastAPI, database: Database) -> Callable[..., Answers]:
    """Return a function that registers as a stranger, from another network and for another hour."""
    await change_default_site(database, self_registration=True, slot_capacity=100)
    numbers = count(1)

    async def register(**fields: Any) -> httpx.Response:
        number = next(numbers)
        day, hour = divmod(number, 7)
        when = {"visit_date": str(TUESDAY + timedelta(weeks=day)), "visit_time": f"{10 + hour}:00"}
        transport = httpx.ASGITransport(app, client=(f"192.0.2.{number}", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            return await http.post("/api/visitors/", json=FORM | {"email": VICTIM} | when | fields)

    return register


async def to_victim(database: Database) -> Counter[str]:
    """Return the outcome of the mails to one address."""
    mails = [mail for mail in await all_mails(database) if mail.recipient.lower() == VICTIM]
    for mail in mails:
        assert (mail.status is NotificationStatus.SUPERSEDED) is (mail.last_error == WITHHELD)
    return Counter(mail.status.value for mail in mails)


# -- resending --------------------------------------------------------------------------------


async def test_a_confirmation_is_sent_again_once_a_minute(api: Api, database: Database):
    admin = await api.admin()
    path = f"visitors/{(await admin.register())['id']}/resend-email/"
    assert await codes([admin.post(path) for _ in range(20)]) == {202: 1, 429: 19}
    refused = await admin.post(path)
    problem(refused, 429, "too_many_requests")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    other = await admin.register()
    assert (await admin.post(f"visitors/{other['id']}/resend-email/")).status_code == 202
    assert len(await all_mails(database)) == 6


async def test_a_confirmation_is_sent_again_five_times_a_day(api: Api, app: FastAPI):
    admin = await api.admin()
    visitor = (await admin.register())["id"]
    limiter: RateLimiter = app.state.limiter
    for expected in (202, 202, 202, 202, 202, 429):
        await limiter.clear(RESENT[0].of(visitor))
        answer = await admin.post(f"visitors/{visitor}/resend-email/")
        assert answer.status_code == expected
    assert int(answer.headers["Retry-After"]) > 60


async def test_who_may_not_resend_learns_nothing_of_the_limit(api: Api):
    host, other = await api.host(), await api.host("mary@example.com", "Mary")
    path = f"visitors/{(await host.register())['id']}/resend-email/"
    problem(await other.post(path), 404, "not_found")
    assert (await host.post(path)).status_code == 202
    problem(await other.post(path), 404, "not_found")


# -- hosts and kiosks -------------------------------------------------------------------------


def test_the_limits_are_those_of_the_contract():
    fields = Settings.model_fields
    assert fields["host_registration_limit"].default == "100/hour"
    assert fields["kiosk_registration_limit"].default == "300/hour"
    assert fields["kiosk_mail_limit"].default == "60/hour"


async def test_a_host_registers_so_many_an_hour(api: Api, limited: Callable[..., None]):
    limited(host_registration_limit="5/hour")
    host, other = await api.host(), await api.host("mary@example.com", "Mary")
    calls = [host.post("visitors/", FORM) for _ in range(20)]
    assert await codes(calls) == {201: 5, 429: 15}
    refused = await host.post("visitors/", FORM)
    problem(refused, 429, "too_many_requests")
    assert int(refused.headers["Retry-After"]) >= 1
    await other.register()


async def test_staff_registers_as_many_as_come(api: Api, limited: Callable[..., None]):
    limited(host_registration_limit="1/hour", kiosk_registration_limit="1/hour")
    admin = await api.admin()
    for _ in range(3):
        await admin.register()


async def test_what_is_refused_does_not_count(
    api: Api, database: Database, limited: Callable[..., None]
):
    limited(host_registration_limit="2/hour")
    await change_default_site(database, slot_capacity=1)
    host = await api.host()
    await host.register()
    problem(await host.post("visitors/", FORM), 409, "slot_full")
    problem(await host.post("visitors/", FORM | {"visit_time": "23:00"}), 422, "slot_closed")
    problem(await host.post("visitors/", FORM | {"host_name": "Mary"}), 403, "not_your_visit")
    await host.register(visit_time="11:00")
    problem(await host.post("visitors/", FORM | {"visit_time": "12:00"}), 429, "too_many_requests")


async def test_a_repeat_counts_once(api: Api, limited: Callable[..., None]):
    limited(host_registration_limit="2/hour")
    host = await api.host()
    host.headers["Idempotency-Key"] = "again"
    first = [await host.post("visitors/", FORM) for _ in range(4)]
    assert {answer.json()["id"] for answer in first} == {first[0].json()["id"]}
    del host.headers["Idempotency-Key"]
    await host.register()


@pytest.mark.parametrize("setting", ["kiosk_registration_limit", "kiosk_mail_limit"])
async def test_a_kiosk_registers_so_many_an_hour(
    api: Api, clock: SettableClock, limited: Callable[..., None], setting: str
):
    clock.set(datetime.fromisoformat("2026-11-23T10:30:00Z"))
    limited(**{setting: "4/hour"})
    kiosk = await add_device(api, "kiosk", name="Lobby")
    other = await add_device(api, "kiosk", name="Annex")
    walk_in = {"name": "Ada Lovelace", "email": "ada@example.com"}
    assert await codes([kiosk.post("visitors/", walk_in) for _ in range(12)]) == {201: 4, 429: 8}
    assert (await other.post("visitors/", walk_in)).status_code == 201


async def test_mails_of_a_kiosk_are_those_to_an_address(
    api: Api, clock: SettableClock, limited: Callable[..., None]
):
    clock.set(datetime.fromisoformat("2026-11-23T10:30:00Z"))
    limited(kiosk_registration_limit="6/hour", kiosk_mail_limit="2/hour")
    kiosk = await add_device(api, "kiosk", name="Lobby")
    bare, mailed = {"name": "Ada Lovelace"}, {"name": "Ada Lovelace", "email": "ada@example.com"}
    assert await codes([kiosk.post("visitors/", bare) for _ in range(3)]) == {201: 3}
    assert await codes([kiosk.post("visitors/", mailed) for _ in range(4)]) == {201: 2, 429: 2}
    assert await codes([kiosk.post("visitors/", bare) for _ in range(3)]) == {201: 1, 429: 2}


async def test_the_rows_of_an_upload_count(
    api: Api, database: Database, limited: Callable[..., None]
):
    limited(host_registration_limit="5/hour")
    host = await api.host()
    faulty = [*rows(2), ["No address", None, None, None, None, None]]
    assert (await upload(host, workbook(faulty))).status_code == 422
    assert (await upload(host, workbook(rows(3)), query="?dry_run=true")).status_code == 200
    assert (await upload(host, workbook(rows(3)))).status_code == 201
    before = len(await all_mails(database))
    problem(await upload(host, workbook(rows(3, first=4))), 429, "too_many_requests")
    assert len(await all_mails(database)) == before
    calls = [host.post("visitors/", FORM) for _ in range(6)]
    assert await codes(calls) == {201: 2, 429: 4}


# -- changes ----------------------------------------------------------------------------------


async def test_a_new_code_counts_as_a_confirmation_sent_again(
    api: Api, app: FastAPI, database: Database
):
    limiter: RateLimiter = app.state.limiter
    for caller in (await api.host(), await api.admin()):
        visitor = (await caller.register())["id"]
        before = len(await all_mails(database))
        path = f"visitors/{visitor}/"
        assert await codes([caller.post(f"{path}replace-code/") for _ in range(9)]) == {
            200: 1,
            429: 8,
        }
        problem(await caller.post(f"{path}resend-email/"), 429, "too_many_requests")
        for expected in (200, 200, 200, 200, 429):
            await limiter.clear(RESENT[0].of(visitor))
            assert (await caller.post(f"{path}replace-code/")).status_code == expected
        assert len(await all_mails(database)) == before + 5


def readdress(host: Client, path: str, number: int) -> Answers:
    return host.patch(path, {"email": f"ada{number}@example.com"})


def move(host: Client, path: str, number: int) -> Answers:
    day = {"visit_date": "2026-11-24", "visit_time": f"{10 + number % 4}:00"}
    return host.post(f"{path}reschedule/", day)


def patch_time(host: Client, path: str, number: int) -> Answers:
    return host.patch(path, {"visit_time": f"{11 + number % 4}:00"})


def put(host: Client, path: str, number: int) -> Answers:
    return host.put(path, FORM | {"email": f"ada{number}@example.com"})


CHANGES = [readdress, move, patch_time, put]


@pytest.mark.parametrize("change", CHANGES)
async def test_a_host_has_so_many_changes_of_a_visit_mailed(
    api: Api, database: Database, change: Callable[..., Answers]
):
    host, admin = await api.host(), await api.admin()
    path = f"visitors/{(await host.register())['id']}/"
    answers = [await change(host, path, number) for number in range(22)]
    assert Counter(answer.status_code for answer in answers) == {200: 20, 429: 2}
    problem(answers[-1], 429, "too_many_requests")
    mails = len(await all_mails(database))
    assert (await host.patch(path, {"notes": "By bicycle"})).status_code == 200
    assert len(await all_mails(database)) == mails
    assert (await change(admin, path, 25)).status_code == 200
    other = f"visitors/{(await host.register())['id']}/"
    assert (await change(host, other, 1)).status_code == 200
    assert (await host.post(f"{path}cancel/")).status_code == 200


async def test_a_host_has_so_many_changes_mailed_an_hour(api: Api, limited: Callable[..., None]):
    limited(host_registration_limit="6/hour")
    host, other = await api.host(), await api.host("mary@example.com", "Mary")
    paths = [f"visitors/{(await host.register())['id']}/" for _ in range(6)]
    answers = [await readdress(host, path, number) for number in range(2) for path in paths]
    assert [answer.status_code for answer in answers] == [200] * 6 + [429] * 6
    path = f"visitors/{(await other.register())['id']}/"
    assert (await readdress(other, path, 1)).status_code == 200


async def test_a_change_that_is_refused_or_none_does_not_count(
    api: Api, database: Database, limited: Callable[..., None]
):
    limited(host_registration_limit="2/hour")
    await change_default_site(database, slot_capacity=1)
    host = await api.host()
    await host.register(visit_time="11:00")
    path = f"visitors/{(await host.register())['id']}/"
    for _ in range(3):
        problem(await host.patch(path, {"visit_time": "11:00"}), 409, "slot_full")
        full = {"visit_date": FORM["visit_date"], "visit_time": "11:00"}
        problem(await host.post(f"{path}reschedule/", full), 409, "slot_full")
        same = {"visit_date": FORM["visit_date"], "visit_time": FORM["visit_time"]}
        assert (await host.post(f"{path}reschedule/", same)).status_code == 200
        assert (await host.patch(path, {"email": FORM["email"]})).status_code == 200
    for number in (1, 2):
        assert (await readdress(host, path, number)).status_code == 200
    problem(await readdress(host, path, 3), 429, "too_many_requests")
    assert (await host.get(path)).json()["email"] == "ada2@example.com"


# -- strangers --------------------------------------------------------------------------------


async def test_an_unproven_address_gets_three_mails_a_day(
    elsewhere: Callable[..., Answers], database: Database, mailbox: Mailbox
):
    answers = await asyncio.gather(*(elsewhere() for _ in range(60)))
    assert {answer.status_code for answer in answers} == {201}
    differing = {"id", "visit_date", "visit_time", "ends_at", "created_at", "updated_at"}
    shown = [{k: v for k, v in a.json().items() if k not in differing} for a in answers]
    assert all(answer == shown[0] for answer in shown)
    assert await to_victim(database) == {"queued": 3, "superseded": 57}
    assert len(await mailbox.deliver()) == 3


async def test_it_is_one_address_however_it_is_spelled(
    elsewhere: Callable[..., Answers], database: Database
):
    for email in (VICTIM, "Victim@example.com", "VICTIM@EXAMPLE.COM", "victim@Example.com"):
        assert (await elsewhere(email=email)).status_code == 201
    assert await to_victim(database) == {"queued": 3, "superseded": 1}


async def test_plus_addresses_are_one_mailbox(
    elsewhere: Callable[..., Answers], database: Database
):
    for number in range(6):
        assert (await elsewhere(email=f"victim+{number}@example.com")).status_code == 201
    assert (await elsewhere()).status_code == 201
    mails = Counter(mail.status.value for mail in await all_mails(database))
    assert mails == {"queued": 3, "superseded": 4}
    assert (await elsewhere(email="+victim@example.com")).status_code == 201
    assert (await elsewhere(email="+other@example.com")).status_code == 201
    mails = Counter(mail.status.value for mail in await all_mails(database))
    assert mails == {"queued": 5, "superseded": 4}


async def test_kiosks_and_strangers_count_together(
    api: Api, elsewhere: Callable[..., Answers], database: Database
):
    kiosk = await add_device(api, "kiosk", name="Lobby")
    for _ in range(2):
        assert (await elsewhere()).status_code == 201
        assert (await kiosk.post("visitors/", FORM | {"email": VICTIM})).status_code == 201
    assert await to_victim(database) == {"queued": 3, "superseded": 1}


async def test_staff_sees_why_and_sends_it_all_the_same(
    api: Api, elsewhere: Callable[..., Answers], database: Database, mailbox: Mailbox
):
    for _ in range(4):
        last = await elsewhere()
    admin = await api.admin()
    path = f"visitors/{last.json()['id']}/"
    [mail] = (await admin.get(f"{path}notifications/")).json()
    assert (mail["status"], mail["last_error"]) == ("superseded", WITHHELD)
    problem(await admin.post(f"notifications/{mail['id']}/retry/"), 409, "pointless")
    assert (await admin.post(f"{path}resend-email/")).status_code == 202
    assert len(await mailbox.deliver()) == 4
    await admin.register(email=VICTIM)  # a signed-in user is not a stranger
    assert len(await mailbox.deliver()) == 6


async def test_without_redis_it_is_three_as_well(
    app: FastAPI,
    elsewhere: Callable[..., Answers],
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
):
    async def down(*_: object) -> None:
        raise RedisDown

    monkeypatch.setattr(app.state.limiter.shared, "add", down)
    assert await codes([elsewhere() for _ in range(12)]) == {201: 12}
    assert await to_victim(database) == {"queued": 3, "superseded": 9}


async def test_a_full_hour_uses_no_mail_up(elsewhere: Callable[..., Answers], database: Database):
    await change_default_site(database, slot_capacity=1)
    for _ in range(5):
        await elsewhere(**SAME_HOUR)
    for _ in range(3):
        await elsewhere()
    assert await to_victim(database) == {"queued": 3, "superseded": 1}


@pytest.mark.parametrize("proof", ["account", "let in"])
async def test_a_proven_address_gets_its_mail(
    api: Api, elsewhere: Callable[..., Answers], database: Database, proof: str
):
    if proof == "account":
        await api.host(VICTIM)
    else:
        admin = await api.admin()
        guest = await admin.register(email=VICTIM)
        assert (await admin.scan(guest["qr_code"])).status_code == 200
    before = (await to_victim(database))["queued"]
    for _ in range(5):
        assert (await elsewhere(email="Victim@example.com")).status_code == 201
    assert await to_victim(database) == {"queued": before + 5}


async def test_reminders_of_strangers_visits_count(
    app: FastAPI, elsewhere: Callable[..., Answers], database: Database, clock: SettableClock
):
    async def nobody() -> None: ...

    for _ in range(5):
        assert (await elsewhere(visit_date="2026-11-25")).status_code == 201
    await StrangerMails(app.state.limiter).give_back(VICTIM)  # as on a new day: two are left
    await StrangerMails(app.state.limiter).give_back(VICTIM)
    at = datetime.fromisoformat("2026-11-24T11:00:00Z")
    assert await remind(database, nobody, at, StrangerMails(app.state.limiter)) == 5
    reminders = [m for m in await all_mails(database) if m.kind.value == "visitor_reminder"]
    assert Counter(mail.status.value for mail in reminders) == {"queued": 2, "superseded": 3}
