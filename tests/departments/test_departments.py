"""Departments: list, create, read, change, delete."""

import asyncio
from typing import Any

import httpx
import pytest

from app.auth.caller import CallerRole
from tests.support.api import Api, Client
from tests.support.problems import faulty_fields, problem
from tests.support.route_table import operations
from tools.write_permissions import documented_app

NOBODY = "00000000-0000-7000-8000-000000000000"


async def create(client: Client, name: str, **fields: Any) -> dict[str, Any]:
    answer = await client.post("departments/", {"name": name, **fields})
    assert answer.status_code == 201, answer.text
    department: dict[str, Any] = answer.json()
    return department


async def all_names(client: Client, limit: int) -> list[str]:
    """The names of every page, one after the other."""
    names: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await client.get("departments/", limit=limit, **cursor)
        assert answer.status_code == 200, answer.text
        names += [item["name"] for item in answer.json()["items"]]
        if answer.json()["next_cursor"] is None:
            return names
        cursor = {"cursor": answer.json()["next_cursor"]}


async def test_a_department_is_answered_as_it_was_made(api: Api) -> None:
    admin = await api.admin()
    answer = await admin.post("departments/", {"name": "  Research ", "description": "2nd\nfloor"})
    assert answer.status_code == 201
    department = answer.json()
    assert answer.headers["Location"] == f"/api/departments/{department['id']}/"
    assert department == {
        "id": department["id"],
        "name": "Research",
        "description": "2nd\nfloor",
        "created_at": "2026-11-23T08:00:00Z",
        "updated_at": "2026-11-23T08:00:00Z",
    }
    assert (await admin.get(f"departments/{department['id']}/")).json() == department


async def test_the_list_is_sorted_by_name_and_comes_in_pages(api: Api) -> None:
    admin = await api.admin()
    for name in ("Sales", "Research", "Kitchen", "Workshop", "Gate"):
        await create(admin, name)
    names = ["Gate", "Kitchen", "Research", "Sales", "Workshop"]
    assert await all_names(admin, limit=2) == names
    whole = (await admin.get("departments/", include_total="true")).json()
    assert (whole["total"], whole["next_cursor"]) == (5, None)


async def test_a_row_that_vanishes_between_two_pages_is_no_trouble(api: Api) -> None:
    admin = await api.admin()
    made = [await create(admin, name) for name in ("A", "B", "C")]
    first = (await admin.get("departments/", limit=2)).json()
    await admin.delete(f"departments/{made[1]['id']}/")
    second = (await admin.get("departments/", limit=2, cursor=first["next_cursor"])).json()
    assert [item["name"] for item in second["items"]] == ["C"]


async def test_a_page_may_end_with_a_long_name_in_any_script(api: Api) -> None:
    admin = await api.admin()
    names = ["Ж" * 199 + letter for letter in "абв"]
    for name in names:
        await create(admin, name)
    assert await all_names(admin, limit=1) == names


async def test_a_cursor_of_another_list_is_refused(api: Api) -> None:
    root = await api.superadmin()
    await root.post("sites/", {"name": "Annex"})
    cursor = (await root.get("sites/", limit=1)).json()["next_cursor"]
    problem(await root.get("departments/", cursor=cursor), 400, "invalid_cursor")


async def test_unknown_parameters_of_the_list_are_refused(api: Api) -> None:
    assert faulty_fields(await (await api.admin()).get("departments/", sort="name")) == {"sort"}


@pytest.mark.parametrize(
    ("taken", "wanted"), [("Research", " rESEARCH "), ("Ärzte", "ÄRZTE"), ("Отдел", "отдел")]
)
async def test_a_name_is_taken_whatever_its_case_and_the_spaces_at_its_ends(
    api: Api, taken: str, wanted: str
) -> None:
    admin = await api.admin()
    await create(admin, taken)
    other = await create(admin, "Other")
    problem(await admin.post("departments/", {"name": wanted}), 409, "name_taken")
    path = f"departments/{other['id']}/"
    problem(await admin.patch(path, {"name": wanted}), 409, "name_taken")
    problem(await admin.put(path, {"name": wanted}), 409, "name_taken")
    assert (await admin.get(path)).json() == other


async def test_a_department_may_change_the_case_of_its_own_name(api: Api) -> None:
    admin = await api.admin()
    path = f"departments/{(await create(admin, 'research'))['id']}/"
    assert (await admin.patch(path, {"name": "Research"})).json()["name"] == "Research"


async def test_of_two_departments_made_at_once_under_one_name_one_is_made(api: Api) -> None:
    admin = await api.admin()
    answers = await asyncio.gather(
        *[admin.post("departments/", {"name": name}) for name in ("Lab", "LAB", "lab", " lab ")]
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_patch_keeps_what_is_not_sent_and_put_replaces_it(api: Api) -> None:
    admin = await api.admin()
    path = f"departments/{(await create(admin, 'Research', description='2nd floor'))['id']}/"
    changed = (await admin.patch(path, {"name": "Laboratory"})).json()
    assert (changed["name"], changed["description"]) == ("Laboratory", "2nd floor")
    cleared = (await admin.patch(path, {"description": None})).json()
    assert (cleared["name"], cleared["description"]) == ("Laboratory", "")
    await admin.patch(path, {"description": "3rd floor"})
    replaced = await admin.put(path, {"name": "Kitchen"})
    assert replaced.status_code == 200
    assert (replaced.json()["name"], replaced.json()["description"]) == ("Kitchen", "")
    assert (await admin.get(path)).json() == replaced.json()


BAD_FIELDS: list[tuple[str, Any]] = [
    ("name", ""),
    ("name", "   "),
    ("name", None),
    ("name", 7),
    ("name", ["Research"]),
    ("name", "x" * 201),
    ("name", "x" * 10_000),
    ("name", "a\x00b"),
    ("name", "a\nb"),
    ("description", "x" * 2001),
    ("description", "\x00"),
    ("description", 7),
    ("id", NOBODY),
    ("colour", "red"),
]


@pytest.mark.parametrize(("field", "value"), BAD_FIELDS)
async def test_bad_fields_are_named(api: Api, field: str, value: Any) -> None:
    admin = await api.admin()
    path = f"departments/{(await create(admin, 'Research'))['id']}/"
    body = {"name": "Kitchen", field: value}
    for answer in (
        await admin.post("departments/", body),
        await admin.put(path, body),
        await admin.patch(path, {field: value}),
    ):
        assert faulty_fields(answer) == {field}
    assert await all_names(admin, limit=50) == ["Research"]


async def test_a_name_may_have_200_characters(api: Api) -> None:
    assert (await create(await api.admin(), "ü" * 200))["name"] == "ü" * 200


async def test_what_is_not_there_is_a_404(api: Api) -> None:
    admin = await api.admin()
    for name in (NOBODY, "research"):
        path = f"departments/{name}/"
        problem(await admin.get(path), 404, "not_found")
        problem(await admin.put(path, {"name": "Kitchen"}), 404, "not_found")
        problem(await admin.patch(path, {"name": "Kitchen"}), 404, "not_found")
        problem(await admin.delete(path), 404, "not_found")


async def test_a_department_that_nobody_names_is_deleted(api: Api) -> None:
    admin = await api.admin()
    path = f"departments/{(await create(admin, 'Research'))['id']}/"
    assert (await admin.delete(path)).status_code == 204
    problem(await admin.delete(path), 404, "not_found")
    await create(admin, "Research")


async def test_a_department_that_a_visitor_names_is_not_deleted(api: Api) -> None:
    admin = await api.admin()
    department = await create(admin, "Research")
    path = f"departments/{department['id']}/"
    visitor = await admin.register(department=department["id"])
    problem(await admin.delete(path), 409, "in_use")
    assert (await admin.get(path)).json() == department
    await admin.delete(f"visitors/{visitor['id']}/")
    assert (await admin.delete(path)).status_code == 204


async def test_a_renamed_department_shows_its_new_name_with_its_visitors(api: Api) -> None:
    admin = await api.admin()
    department = await create(admin, "Research")
    visitor = await admin.register(department=department["id"])
    await admin.patch(f"departments/{department['id']}/", {"name": "Laboratory"})
    shown = (await admin.get(f"visitors/{visitor['id']}/")).json()
    assert shown["department_name"] == "Laboratory"


async def test_a_host_reads_departments_and_changes_none(api: Api) -> None:
    department = await create(await api.admin(), "Research")
    host, path = await api.host(), f"departments/{department['id']}/"
    assert (await host.get(path)).json() == department
    assert (await host.get("departments/")).json()["items"] == [department]
    problem(await host.post("departments/", {"name": "Kitchen"}), 403, "forbidden")
    problem(await host.put(path, {"name": "Kitchen"}), 403, "forbidden")
    problem(await host.patch(path, {"name": "Kitchen"}), 403, "forbidden")
    problem(await host.delete(path), 403, "forbidden")


async def test_strangers_are_asked_to_sign_in(http: httpx.AsyncClient) -> None:
    one = f"/api/departments/{NOBODY}/"
    calls = [("GET", "/api/departments/"), ("POST", "/api/departments/")]
    for method, path in [*calls, *[(m, one) for m in ("GET", "PUT", "PATCH", "DELETE")]]:
        problem(await http.request(method, path), 401, "not_authenticated")


def test_kiosks_see_departments_and_gates_do_not() -> None:
    reading = [op for op in operations(documented_app()) if str(op) == "GET /api/departments/"]
    [departments] = reading
    assert departments.allows(CallerRole.KIOSK)
    assert not departments.allows(CallerRole.SCANNER)
    assert not departments.allows(CallerRole.ANONYMOUS)
