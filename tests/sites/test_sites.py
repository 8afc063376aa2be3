"""Sites: list, create, read, change, delete, and which one is the default."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.core.clock import SettableClock
from app.sites.schemas import SiteCreate
from tests.support.api import VISITOR, Api, Client
from tests.support.problems import faulty_fields, problem

NOBODY = "00000000-0000-7000-8000-000000000000"
RULES: dict[str, Any] = {
    "address": "",
    "timezone": "UTC",
    "opens_at": "09:00",
    "closes_at": "17:00",
    "open_weekdays": [1, 2, 3, 4, 5],
    "slot_capacity": 20,
    "booking_lead_minutes": 30,
    "booking_horizon_days": 90,
    "early_arrival_minutes": 120,
    "late_arrival_minutes": 180,
    "auto_check_out_hours": 14,
    "visit_minutes": 60,
    "self_registration": False,
    "self_registration_share": 50,
    "language": "en",
    "reception_email": None,
    "contact_phone": None,
    "contact_email": None,
    "brand_name": None,
    "brand_color": None,
    "is_default": False,
}


async def create(client: Client, name: str = "Annex", **fields: Any) -> dict[str, Any]:
    answer = await client.post("sites/", {"name": name, **fields})
    assert answer.status_code == 201, answer.text
    site: dict[str, Any] = answer.json()
    return site


async def defaults(client: Client) -> list[str]:
    """Return the names of the sites that are the default one."""
    items = (await client.get("sites/", limit=200)).json()["items"]
    return [site["name"] for site in items if site["is_default"]]


async def main_site(client: Client) -> dict[str, Any]:
    items = (await client.get("sites/")).json()["items"]
    site: dict[str, Any] = next(site for site in items if site["is_default"])
    return site


async def test_a_new_site_has_the_rules_of_the_contract(api: Api) -> None:
    root = await api.superadmin()
    answer = await root.post("sites/", {"name": " Annex "})
    assert answer.status_code == 201
    site = answer.json()
    assert answer.headers["Location"] == f"/api/sites/{site['id']}/"
    assert site == {
        "id": site["id"],
        "name": "Annex",
        **RULES,
        "visit_minutes": 60,
        "re_entry": "none",
        "has_logo": False,
        "created_at": "2026-11-23T08:00:00Z",
        "updated_at": "2026-11-23T08:00:00Z",
    }
    assert (await root.get(f"sites/{site['id']}/")).json() == site


async def test_the_documented_defaults_are_the_defaults(api: Api) -> None:
    fields = SiteCreate.model_json_schema()["properties"].items()
    documented = {name: field["default"] for name, field in fields if "default" in field}
    site = await create(await api.superadmin(), "Annex", **documented)
    assert RULES.items() <= site.items()


async def test_every_field_of_a_site_can_be_set(api: Api) -> None:
    root = await api.superadmin()
    fields = {
        "address": "Hauptstraße 1\n10115 Berlin",
        "timezone": "Europe/Berlin",
        "opens_at": "08:30",
        "closes_at": "00:00",
        "open_weekdays": [7, 1, 3],
        "slot_capacity": 10_000,
        "booking_lead_minutes": 43_200,
        "booking_horizon_days": 730,
        "early_arrival_minutes": 1_440,
        "late_arrival_minutes": 1_440,
        "auto_check_out_hours": 72,
        "self_registration": True,
        "self_registration_share": 1,
        "language": "de",
        "reception_email": "reception@example.com",
        "contact_phone": "+49 (30) 123-456",
        "contact_email": "visits@example.com",
        "brand_name": "Analytical Engines",
        "brand_color": "#0b6378",
    }
    shown = {**fields, "open_weekdays": [1, 3, 7]}
    site = await create(root, "Berlin", **fields)
    assert shown.items() <= site.items()
    other = await create(root, "Annex")
    for method, name in ((root.put, "PUT"), (root.patch, "PATCH")):
        changed = await method(f"sites/{other['id']}/", {"name": name, **fields})
        assert changed.status_code == 200
        assert shown.items() <= changed.json().items()


async def test_the_list_is_sorted_by_name_and_comes_in_pages(api: Api) -> None:
    root = await api.superadmin()
    for name in ("Zürich", "Annex", "Berlin"):
        await create(root, name)
    first = (await root.get("sites/", limit=3, include_total="true")).json()
    assert [site["name"] for site in first["items"]] == ["Annex", "Berlin", "Main site"]
    assert first["total"] == 4
    rest = (await root.get("sites/", limit=3, cursor=first["next_cursor"])).json()
    assert [site["name"] for site in rest["items"]] == ["Zürich"]
    assert rest["next_cursor"] is None


BAD_FIELDS: list[tuple[str, Any]] = [
    ("name", ""),
    ("name", None),
    ("name", 7),
    ("name", "x" * 10_000),
    ("name", "a\x07b"),
    ("address", "x" * 2001),
    ("address", "\x00"),
    ("timezone", "Mars/Olympus"),
    ("timezone", "europe/berlin"),
    ("timezone", "localtime"),
    ("timezone", "../etc/passwd"),
    ("timezone", "x" * 10_000),
    ("timezone", None),
    ("timezone", 1),
    ("opens_at", "9:00"),
    ("opens_at", "24:00"),
    ("opens_at", "09:00:00"),
    ("opens_at", 9),
    ("closes_at", "24:00"),
    ("closes_at", None),
    ("open_weekdays", [0]),
    ("open_weekdays", [8]),
    ("open_weekdays", [1, 1]),
    ("open_weekdays", ["1"]),
    ("open_weekdays", [True]),
    ("open_weekdays", "12345"),
    ("open_weekdays", [1, 2, 3, 4, 5, 6, 7, 1]),
    ("open_weekdays", None),
    ("slot_capacity", -1),
    ("slot_capacity", 10_001),
    ("slot_capacity", 10**30),
    ("slot_capacity", 1.5),
    ("slot_capacity", "20"),
    ("slot_capacity", True),
    ("slot_capacity", None),
    ("booking_lead_minutes", -1),
    ("booking_lead_minutes", 43_201),
    ("booking_horizon_days", -1),
    ("booking_horizon_days", 731),
    ("early_arrival_minutes", -1),
    ("early_arrival_minutes", 1_441),
    ("late_arrival_minutes", -1),
    ("late_arrival_minutes", 1_441),
    ("auto_check_out_hours", 0),
    ("auto_check_out_hours", 73),
    ("auto_check_out_hours", 1.5),
    ("self_registration", "yes"),
    ("self_registration", None),
    ("self_registration_share", 0),
    ("self_registration_share", 101),
    ("self_registration_share", 50.5),
    ("self_registration_share", "50"),
    ("self_registration_share", None),
    ("language", "eo"),
    ("language", "DE"),
    ("language", None),
    ("reception_email", "reception"),
    ("reception_email", 7),
    ("contact_phone", "call us"),
    ("contact_phone", "1" * 33),
    ("contact_email", "a@b@c.example"),
    ("is_default", 1),
    ("id", NOBODY),
    ("affected_visitors", 0),
    ("colour", "red"),
]


@pytest.mark.parametrize(("field", "value"), BAD_FIELDS)
async def test_bad_fields_are_named(api: Api, field: str, value: Any) -> None:
    root = await api.superadmin()
    before = await main_site(root)
    body = {"name": "Annex", field: value}
    path = f"sites/{before['id']}/"
    for answer in (
        await root.post("sites/", body),
        await root.put(path, body),
        await root.patch(path, {field: value}),
    ):
        named = faulty_fields(answer)
        assert {name.partition(".")[0] for name in named} == {field}
    assert (await root.get("sites/")).json()["items"] == [before]


@pytest.mark.parametrize(
    ("opens", "closes"), [("22:00", "06:00"), ("08:30", "08:30"), ("00:00", "00:00")]
)
async def test_hours_may_pass_midnight(api: Api, opens: str, closes: str) -> None:
    root = await api.superadmin()
    hours = {"opens_at": opens, "closes_at": closes}
    assert hours.items() <= (await create(root, "Annex", **hours)).items()
    path = f"sites/{(await main_site(root))['id']}/"
    assert hours.items() <= (await root.patch(path, hours)).json().items()


async def test_put_gives_defaults_to_what_is_left_out(api: Api) -> None:
    root = await api.superadmin()
    site = await create(root, "Annex", slot_capacity=3, address="Backyard")
    replaced = (await root.put(f"sites/{site['id']}/", {"name": "Annex"})).json()
    assert ({"name": "Annex", **RULES}).items() <= replaced.items()


CONTACTS = {
    "reception_email": "reception@example.com",
    "contact_phone": "+49 30 123456",
    "contact_email": "visits@example.com",
}


async def test_put_keeps_contacts_that_are_absent_and_clears_null(api: Api) -> None:
    root = await api.superadmin()
    path = f"sites/{(await create(root, 'Annex', **CONTACTS))['id']}/"
    kept = (await root.put(path, {"name": "Annex"})).json()
    assert CONTACTS.items() <= kept.items()
    rules = {"late_arrival_minutes": 7, "auto_check_out_hours": 5, "visit_minutes": 45}
    rules["self_registration_share"] = 9
    await root.patch(path, rules)
    kept = (await root.put(path, {"name": "Annex"})).json()
    assert rules.items() <= kept.items()
    nothing = dict.fromkeys(CONTACTS)
    for method in (root.put, root.patch):
        await root.patch(path, CONTACTS)
        cleared = (await method(path, {"name": "Annex", **nothing})).json()
        assert nothing.items() <= cleared.items()


async def test_values_that_are_there_change_nothing(api: Api, clock: SettableClock) -> None:
    root = await api.superadmin()
    site = await create(root, "Annex", **CONTACTS)
    clock.advance(timedelta(minutes=1))
    again = await root.patch(f"sites/{site['id']}/", {"name": "Annex", **CONTACTS})
    assert again.json()["updated_at"] == site["updated_at"]


@pytest.mark.parametrize("wanted", ["annex", " ANNEX "])
async def test_a_name_is_taken_whatever_its_case(api: Api, wanted: str) -> None:
    root = await api.superadmin()
    await create(root, "Annex")
    path = f"sites/{(await main_site(root))['id']}/"
    problem(await root.post("sites/", {"name": wanted}), 409, "name_taken")
    problem(await root.patch(path, {"name": wanted}), 409, "name_taken")
    problem(await root.put(path, {"name": wanted}), 409, "name_taken")


async def test_a_new_default_site_takes_it_from_the_other(api: Api) -> None:
    root = await api.superadmin()
    await create(root, "Annex", is_default=True)
    assert await defaults(root) == ["Annex"]
    visitor = await root.register()
    assert visitor["site_name"] == "Annex"


async def test_a_changed_site_takes_it_from_the_other(api: Api) -> None:
    root = await api.superadmin()
    site = await create(root, "Annex")
    path = f"sites/{site['id']}/"
    for change in ({"is_default": True}, {"is_default": True}):
        assert (await root.patch(path, change)).json()["is_default"] is True
        assert await defaults(root) == ["Annex"]


async def test_a_default_site_that_is_not_there_takes_it_from_nobody(api: Api) -> None:
    root = await api.superadmin()
    problem(await root.patch(f"sites/{NOBODY}/", {"is_default": True}), 404, "not_found")
    problem(await root.post("sites/", {"name": "main site", "is_default": True}), 409, "name_taken")
    assert await defaults(root) == ["Main site"]


async def test_the_default_site_stays_one_until_another_is(api: Api) -> None:
    root = await api.superadmin()
    site = await main_site(root)
    path = f"sites/{site['id']}/"
    answer = await root.patch(path, {"is_default": False})
    assert faulty_fields(answer) == {"is_default"}
    assert answer.json()["detail"] == "Make another site the default instead"
    assert faulty_fields(await root.put(path, {"name": "Main", "is_default": False})) == {
        "is_default"
    }
    assert (await root.put(path, {"name": "Main"})).json()["is_default"] is True
    assert (await root.patch(path, {"name": "Home"})).json()["is_default"] is True


async def test_of_many_sites_made_the_default_at_once_one_is(api: Api) -> None:
    root = await api.superadmin()
    ids = [(await create(root, f"Site {n}"))["id"] for n in range(4)]
    for turn in range(3):
        changes = [root.patch(f"sites/{id_}/", {"is_default": True}) for id_ in ids]
        creations = [
            root.post("sites/", {"name": f"New {turn} {n}", "is_default": True}) for n in range(2)
        ]
        answers = await asyncio.gather(*changes, *creations)
        assert [answer.status_code for answer in answers] == [200] * 4 + [201] * 2
        assert len(await defaults(root)) == 1


async def test_the_default_site_is_not_deleted(api: Api) -> None:
    root = await api.superadmin()
    answer = await root.delete(f"sites/{(await main_site(root))['id']}/")
    assert "default" in problem(answer, 409, "in_use")["detail"]


async def test_a_site_with_visitors_is_not_deleted_even_cancelled_ones(api: Api) -> None:
    root = await api.superadmin()
    path = f"sites/{(site := await create(root))['id']}/"
    visitor = await root.register(site=site["id"])
    problem(await root.delete(path), 409, "in_use")
    await root.post(f"visitors/{visitor['id']}/cancel/")
    problem(await root.delete(path), 409, "in_use")
    await root.delete(f"visitors/{visitor['id']}/")
    assert (await root.delete(path)).status_code == 204


async def test_an_unused_site_goes_with_its_closures_and_capacities(api: Api) -> None:
    root = await api.superadmin()
    path = f"sites/{(await create(root))['id']}/"
    slot = {"visit_date": "2026-11-24", "visit_time": "10:00", "capacity": 3}
    assert (await root.post(f"{path}slot-capacities/", slot)).status_code == 201
    assert (await root.post(f"{path}closures/", {"date": "2026-12-24"})).status_code == 201
    assert (await root.delete(path)).status_code == 204
    problem(await root.get(path), 404, "not_found")


async def test_a_site_deleted_while_visitors_register_goes_or_stays(api: Api) -> None:
    root = await api.superadmin()
    for turn in range(3):
        site = await create(root, f"Annex {turn}")
        path = f"sites/{site['id']}/"
        body = {**VISITOR, "site": site["id"]}
        seated = await root.register(site=site["id"])
        await root.delete(f"visitors/{seated['id']}/")  # the slot's row stays
        *booked, deleted = await asyncio.gather(
            *[root.post("visitors/", body) for _ in range(6)], root.delete(path)
        )
        codes = {answer.status_code for answer in booked}
        if deleted.status_code == 204:
            assert codes <= {409, 422}
            problem(await root.get(path), 404, "not_found")
        else:
            problem(deleted, 409, "in_use")
            assert codes == {201}


async def test_what_is_not_there_is_a_404(api: Api) -> None:
    root = await api.superadmin()
    for name in (NOBODY, "annex"):
        path = f"sites/{name}/"
        problem(await root.get(path), 404, "not_found")
        problem(await root.put(path, {"name": "Annex"}), 404, "not_found")
        problem(await root.patch(path, {"name": "Annex"}), 404, "not_found")
        problem(await root.delete(path), 404, "not_found")


async def test_hosts_change_no_site_and_admins_change_only_fields(api: Api) -> None:
    admin, host = await api.admin(), await api.host()
    for caller in (admin, host):
        site = await main_site(caller)
        path = f"sites/{site['id']}/"
        assert (await caller.get(path)).json() == site
        problem(await caller.post("sites/", {"name": "Annex"}), 403, "forbidden")
        problem(await caller.put(path, {"name": "Annex"}), 403, "forbidden")
        problem(await caller.delete(path), 403, "forbidden")
    problem(await host.patch(path, {"name": "Annex"}), 403, "forbidden")
    assert (await admin.patch(path, {"name": "Annex"})).json()["name"] == "Annex"


async def test_strangers_are_asked_to_sign_in(http: httpx.AsyncClient) -> None:
    one = f"/api/sites/{NOBODY}/"
    calls = [("GET", "/api/sites/"), ("POST", "/api/sites/")]
    for method, path in [*calls, *[(m, one) for m in ("GET", "PUT", "PATCH", "DELETE")]]:
        problem(await http.request(method, path), 401, "not_authenticated")
