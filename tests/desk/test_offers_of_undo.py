"""Cards offer `undo` exactly when it would be accepted."""

from datetime import timedelta
from typing import Any

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.db.rollout import Rollout
from app.users.models import Role
from tests.conftest import MONDAY
from tests.scans.walk_ins import override
from tests.support.api import Api, Client
from tests.support.database import change_default_site

HALF_PAST_NINE = MONDAY + timedelta(minutes=90)


async def offers(client: Client, visitor: dict[str, Any]) -> bool:
    """Return whether the card that a search finds has `undo`, as the desk's list says, too."""
    answer = await client.get("desk/search/", q=visitor["name"])
    assert answer.status_code == 200, answer.text
    [card] = answer.json()["items"]
    desk = (await client.get("desk/")).json()
    for listed in (*desk["due"], *desk["inside"], *desk["overdue"]):
        if listed["id"] == card["id"]:
            assert listed["actions"] == card["actions"]
    return "undo" in card["actions"]


async def post(client: Client, visitor: dict[str, Any], what: str, *codes: str) -> int:
    body = override(*codes) if codes else None
    return (await client.post(f"visitors/{visitor['id']}/{what}/", body)).status_code


async def named(client: Client, name: str, **fields: Any) -> dict[str, Any]:
    return await client.register(
        **{"name": name, "email": f"{name.lower()}@example.com", "visit_time": "10:00"} | fields
    )


async def test_own_acts_are_offered_a_while_and_all_to_admins(api: Api, clock: SettableClock):
    clock.set(HALF_PAST_NINE)
    one = await api.of_role(Role.RECEPTIONIST)
    other = await api.of_role(Role.RECEPTIONIST, email="other@example.com")
    guard, admin = await api.of_role(Role.GUARD), await api.admin()
    ada = await named(one, "Ada")
    assert not await offers(one, ada)  # nothing was done
    for what in ("check-in", "check-out"):
        assert await post(one, ada, what) == 200
        assert [await offers(each, ada) for each in (one, other, guard, admin)] == [
            *(True, False, False, True)
        ]
    assert await post(other, ada, "undo") == 403
    assert await post(one, ada, "undo") == 200
    assert await offers(one, ada)  # the check-in
    clock.set(HALF_PAST_NINE + timedelta(minutes=15))
    one = await api.sign_in("receptionist@example.com", one.user_id)
    assert await offers(one, ada)
    clock.advance(timedelta(seconds=1))
    assert not await offers(one, ada)
    assert await post(one, ada, "undo") == 409
    clock.set(HALF_PAST_NINE + timedelta(hours=24))
    admin = await api.sign_in("desk@example.com", admin.user_id)
    assert await offers(admin, ada)
    clock.advance(timedelta(seconds=1))
    assert not await offers(admin, ada)
    assert await post(admin, ada, "undo") == 409


async def test_an_act_whose_seat_is_gone_is_not_offered(
    api: Api, clock: SettableClock, database: Database
):
    clock.set(HALF_PAST_NINE)
    await change_default_site(database, slot_capacity=1)
    desk = await api.of_role(Role.RECEPTIONIST)
    ada = await named(desk, "Ada")
    assert await post(desk, ada, "cancel") == 200
    assert await offers(desk, ada)
    grace = await named(desk, "Grace")
    assert not await offers(desk, ada)
    assert await post(desk, ada, "undo") == 409
    assert await post(desk, grace, "cancel") == 200
    assert await offers(desk, ada)
    assert await post(desk, ada, "undo") == 200


async def test_a_move_is_offered_back_while_its_hour_has_a_seat(
    api: Api, clock: SettableClock, database: Database
):
    clock.set(HALF_PAST_NINE)
    await change_default_site(database, slot_capacity=1)
    desk = await api.of_role(Role.RECEPTIONIST)
    ada = await named(desk, "Ada", visit_date="2026-11-24")
    assert await post(desk, ada, "check-in", "wrong_day") == 200
    assert await offers(desk, ada)
    grace = await named(desk, "Grace", visit_date="2026-11-24")
    assert not await offers(desk, ada)
    assert await post(desk, ada, "undo") == 409
    assert await post(desk, grace, "cancel") == 200
    assert await offers(desk, ada)
    assert await post(desk, ada, "undo") == 200


async def test_nothing_is_offered_while_an_update_is_under_way(
    api: Api, clock: SettableClock, database: Database
):
    clock.set(HALF_PAST_NINE)
    desk = await api.of_role(Role.RECEPTIONIST)
    ada = await named(desk, "Ada")
    assert await post(desk, ada, "check-in") == 200
    assert await offers(desk, ada)
    async with database.write() as unit:
        unit.add(Rollout(revision="of a test", finished_at=None))
    assert not await offers(desk, ada)
