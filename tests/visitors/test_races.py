"""Real sessions that compete for the same seats."""

import asyncio
from collections import Counter
from collections.abc import Awaitable

import httpx
import pytest
from sqlalchemy import text

from app.core.db.database import Database
from tests.support.api import VISITOR, Api
from tests.support.database import all_events, assert_seats_are_visitors, booked
from tests.visitors.test_closures import somebody_waits


async def together(*calls: Awaitable[httpx.Response]) -> Counter[int]:
    """Return the number of responses with each status code."""
    return Counter(answer.status_code for answer in await asyncio.gather(*calls))


@pytest.mark.parametrize("slot_is_new", [True, False])
async def test_sixty_at_once_for_twenty_seats(api: Api, database: Database, slot_is_new: bool):
    admin = await api.admin()
    if not slot_is_new:
        visitor = await admin.register()
        await admin.post(f"visitors/{visitor['id']}/cancel/")
    calls = [admin.post("visitors/", VISITOR | {"visit_time": f"10:{n:02}"}) for n in range(60)]
    assert await together(*calls) == {201: 20, 409: 40}
    assert await booked(database, "2026-11-23", 10) == 20
    await assert_seats_are_visitors(database)


async def test_registrations_at_once_for_an_hour_without_a_row_fit(api: Api):
    """One of them creates the row; its absence a moment before does not mean full."""
    admin = await api.admin()
    for hour in range(9, 17):
        bodies = [VISITOR | {"visit_time": f"{hour:02}:{n:02}"} for n in range(20)]
        assert await together(*(admin.post("visitors/", body) for body in bodies)) == {201: 20}


async def test_opposite_moves_wait_for_each_other(api: Api, database: Database):
    admin = await api.admin()
    left = await admin.register(visit_time="10:00")
    right = await admin.register(visit_time="15:00")
    for round_ in range(50):
        times = ("15:00", "10:00") if round_ % 2 == 0 else ("10:00", "15:00")
        codes = await together(
            *(
                admin.post(
                    f"visitors/{visitor['id']}/reschedule/",
                    {"visit_date": "2026-11-23", "visit_time": time},
                )
                for visitor, time in zip((left, right), times, strict=True)
            )
        )
        assert codes == {200: 2}
    await assert_seats_are_visitors(database)


async def test_many_moves_in_a_circle_lose_no_seat(api: Api, database: Database):
    admin = await api.admin()
    hours = ["09:00", "10:00", "11:00", "12:00"]
    visitors = [await admin.register(visit_time=hours[n % 4]) for n in range(16)]
    for round_ in range(1, 4):
        codes = await together(
            *(
                admin.post(
                    f"visitors/{visitor['id']}/reschedule/",
                    {"visit_date": "2026-11-24", "visit_time": hours[(number * 3 + round_) % 4]},
                )
                for number, visitor in enumerate(visitors)
            )
        )
        assert codes == {200: 16}
    await assert_seats_are_visitors(database)


async def test_twenty_moves_into_the_last_seat(api: Api, database: Database):
    admin = await api.admin()
    for _ in range(19):
        await admin.register(visit_time="15:00")
    visitors = [await admin.register() for _ in range(20)]
    body = {"visit_date": "2026-11-23", "visit_time": "15:30"}
    codes = await together(
        *(admin.post(f"visitors/{visitor['id']}/reschedule/", body) for visitor in visitors)
    )
    assert codes == {200: 1, 409: 19}
    await assert_seats_are_visitors(database)


async def test_a_pending_visit_ends_once(api: Api, database: Database):
    admin = await api.admin()
    await admin.register()
    for _ in range(5):
        path = f"visitors/{(await admin.register())['id']}/"
        codes = await together(
            *(admin.post(f"{path}cancel/") for _ in range(4)),
            *(admin.delete(path) for _ in range(4)),
        )
        assert codes[204] == 1
        assert set(codes) <= {200, 204, 404, 409}
        assert await booked(database, "2026-11-23", 10) == 1
        await assert_seats_are_visitors(database)


async def test_a_visit_inside_ends_once(api: Api, database: Database):
    admin = await api.admin()
    await admin.register()
    for _ in range(5):
        visitor = await admin.register()
        path = f"visitors/{visitor['id']}/"
        assert (await admin.scan(visitor["qr_code"])).status_code == 200
        codes = await together(
            admin.post(f"{path}check-out/"),
            admin.post(f"{path}complete/"),
            admin.scan(visitor["qr_code"], direction="out"),
            admin.post(f"{path}cancel/"),
            admin.delete(path),
        )
        assert codes[204] == 1
        assert codes[200] <= 1
        assert await booked(database, "2026-11-23", 10) == 1
        await assert_seats_are_visitors(database)


async def test_check_out_without_deletion_happens_once(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.scan(visitor["qr_code"])
    path = f"visitors/{visitor['id']}/"
    codes = await together(
        *(admin.post(f"{path}check-out/") for _ in range(5)),
        *(admin.scan(visitor["qr_code"], direction="out") for _ in range(5)),
    )
    assert codes == {200: 1, 409: 9}
    actions = Counter(event.action for event in await all_events(database))
    assert actions["checked_out"] == 1
    await assert_seats_are_visitors(database)


async def test_cancelling_and_moving_at_once_leave_one_truth(api: Api, database: Database):
    admin = await api.admin()
    for _ in range(10):
        path = f"visitors/{(await admin.register())['id']}/"
        codes = await together(
            admin.post(f"{path}cancel/"),
            admin.patch(path, {"visit_time": "11:00"}),
            admin.patch(path, {"visit_time": "12:00", "email": "b@example.com"}),
        )
        assert set(codes) <= {200, 409}
        assert (await admin.get(path)).json()["status"] == "cancelled"
        await assert_seats_are_visitors(database)


async def test_resending_at_once_mails_once(api: Api):
    admin = await api.admin()
    path = f"visitors/{(await admin.register())['id']}/"
    assert await together(*(admin.post(f"{path}resend-email/") for _ in range(10))) == {
        202: 1,
        429: 9,
    }
    mails = (await admin.get(f"{path}notifications/")).json()
    assert [mail["kind"] for mail in mails].count("visitor_confirmation") == 2


@pytest.mark.parametrize(
    ("before", "call", "body"),
    [
        ("check-in", "complete", {}),
        ("cancel", "undo", {}),
        (None, "cancel", {}),
        (None, "reschedule", {"visit_date": "2026-11-24", "visit_time": "11:00"}),
    ],
)
async def test_slots_are_locked_after_mails(
    api: Api, database: Database, before: str | None, call: str, body: dict[str, str]
):
    admin = await api.admin()
    visitor = await admin.register(visit_time="09:00")
    if before:
        await admin.post(f"visitors/{visitor['id']}/{before}/")
    async with database.engine.connect() as worker:
        await worker.execute(text("SELECT id FROM notifications FOR UPDATE"))
        called = asyncio.ensure_future(admin.post(f"visitors/{visitor['id']}/{call}/", body))
        await somebody_waits(database)
        await worker.execute(text("SELECT id FROM slots FOR UPDATE NOWAIT"))
    assert (await called).status_code == 200
