"""Undo of a check-out that corrected an automatic one."""

from datetime import timedelta

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.visitors.closing_jobs import close_past_visits
from tests.devices.devices import add_device
from tests.support.api import Api
from tests.support.database import change_default_site
from tests.visitors.test_undo import assert_consistent, undone


async def test_a_corrected_check_out_is_undone_with_what_it_corrected(
    api: Api, database: Database, clock: SettableClock
):
    await change_default_site(database, re_entry="same_day", auto_check_out_hours=2)
    visitor, gate = await (await api.admin()).register(), await add_device(api)
    await gate.scan(visitor["qr_code"])
    clock.set(clock.now() + timedelta(hours=3))
    await close_past_visits(database, clock.now())
    corrected = await gate.scan(visitor["qr_code"], direction="out")
    assert corrected.json()["verdict"] == "checked_out"
    admin = await api.admin("late@example.com")
    assert (await undone(admin, visitor, "checked_out"))["presence"] == "inside"
    await assert_consistent(database)
    await admin.post(f"visitors/{visitor['id']}/complete/")
    assert (await undone(admin, visitor, "completed"))["presence"] == "inside"
    assert (await undone(admin, visitor, "checked_in"))["presence"] == "expected"
    await assert_consistent(database)


async def test_a_correction_after_an_undone_return_takes_its_end_away(
    api: Api, database: Database, clock: SettableClock
):
    await change_default_site(database, re_entry="same_day", auto_check_out_hours=2)
    visitor, gate = await (await api.admin()).register(), await add_device(api)
    await gate.scan(visitor["qr_code"])
    clock.set(clock.now() + timedelta(hours=3))
    await close_past_visits(database, clock.now())
    await gate.scan(visitor["qr_code"])
    admin = await api.admin("late@example.com")
    assert (await undone(admin, visitor, "checked_in"))["presence"] == "away"
    await gate.scan(visitor["qr_code"], direction="out")
    assert (await undone(admin, visitor, "checked_out"))["presence"] == "inside"
    await admin.post(f"visitors/{visitor['id']}/complete/")
    assert (await undone(admin, visitor, "completed"))["presence"] == "inside"
    await assert_consistent(database)
