"""Who may close days and set capacities, and at which site."""

import httpx
from sqlalchemy import select

from app.core.db.database import Database
from app.slots.models import Slot
from tests.slots.managed_site import NOBODY, SLOT, TUESDAY, ManagedSite, annex
from tests.support.api import Api
from tests.support.problems import problem


async def test_what_is_not_there_is_a_404(site: ManagedSite) -> None:
    nowhere = f"sites/{NOBODY}/"
    bodies = {"closures": {"date": TUESDAY}, "slot-capacities": {**SLOT, "capacity": 1}}
    for what, body in bodies.items():
        problem(await site.root.get(f"{nowhere}{what}/"), 404, "not_found")
        problem(await site.root.post(f"{nowhere}{what}/", body), 404, "not_found")
        problem(await site.root.delete(f"{nowhere}{what}/{NOBODY}/"), 404, "not_found")
        problem(await site.root.delete(f"{site.path}{what}/{NOBODY}/"), 404, "not_found")


async def test_what_belongs_to_another_site_is_a_404(site: ManagedSite) -> None:
    closure, slot = await site.close("2026-12-24"), await site.set_capacity(1)
    other = await annex(site)
    for path in (f"closures/{closure['id']}/", f"slot-capacities/{slot['id']}/"):
        problem(await site.root.delete(f"{other.path}{path}"), 404, "not_found")
        assert (await site.root.delete(f"{site.path}{path}")).status_code == 204


async def test_a_slot_that_follows_its_site_has_no_capacity_to_delete(
    site: ManagedSite, database: Database
) -> None:
    await site.fill(1)
    async with database.read() as session:
        slot_id = await session.scalar(select(Slot.id))
    answer = await site.root.delete(f"{site.path}slot-capacities/{slot_id}/")
    problem(answer, 404, "not_found")


async def test_admins_close_days_and_set_capacities_and_hosts_see_them(
    api: Api, site: ManagedSite
) -> None:
    host = await api.host()
    site.root = await api.admin()
    closure, slot = await site.close("2026-12-24"), await site.set_capacity(1)
    assert (await host.get(f"{site.path}closures/")).json()["items"] == [closure]
    assert (await host.get(f"{site.path}slot-capacities/")).json()["items"] == [slot]
    for what, made, body in (
        ("closures", closure, {"date": TUESDAY}),
        ("slot-capacities", slot, {**SLOT, "capacity": 1}),
    ):
        problem(await host.post(f"{site.path}{what}/", body), 403, "forbidden")
        problem(await host.delete(f"{site.path}{what}/{made['id']}/"), 403, "forbidden")
        assert (await site.root.delete(f"{site.path}{what}/{made['id']}/")).status_code == 204


async def test_strangers_are_asked_to_sign_in(http: httpx.AsyncClient) -> None:
    for what in ("closures", "slot-capacities"):
        path = f"/api/sites/{NOBODY}/{what}/"
        for method, target in (("GET", path), ("POST", path), ("DELETE", f"{path}{NOBODY}/")):
            problem(await http.request(method, target), 401, "not_authenticated")
