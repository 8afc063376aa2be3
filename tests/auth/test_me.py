"""The caller's own profile."""

import pytest

from tests.support.api import Api
from tests.support.problems import faulty_fields, problem


async def test_everybody_sees_themselves(api: Api):
    for caller, role in (
        (await api.host(), "host"),
        (await api.admin(), "admin"),
        (await api.superadmin(), "superadmin"),
    ):
        answer = await caller.get("auth/me/")
        assert answer.status_code == 200
        assert (answer.json()["id"], answer.json()["role"]) == (caller.user_id, role)
        assert "password" not in answer.text


async def test_names_can_be_changed_one_by_one(api: Api):
    host = await api.host()
    answer = await host.patch("auth/me/", {"first_name": " Charlie "})
    assert (answer.json()["first_name"], answer.json()["last_name"]) == ("Charlie", "Babbage")
    await host.patch("auth/me/", {"last_name": "B."})
    profile = (await host.get("auth/me/")).json()
    assert (profile["first_name"], profile["last_name"]) == ("Charlie", "B.")


async def test_the_new_name_is_on_the_next_visitor(api: Api):
    host = await api.host()
    await host.patch("auth/me/", {"first_name": "Charlie"})
    assert (await host.register())["host_name"] == "Charlie Babbage"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("role", "superadmin"),
        ("is_active", True),
        ("id", "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11"),
        ("email", "boss@example.com"),
        ("password", "another password"),
        ("password_hash", "x"),
        ("first_name", ""),
        ("last_name", "a\nb"),
        ("first_name", 5),
    ],
)
async def test_nothing_else_can_be_changed(api: Api, field: str, value: object):
    host = await api.host()
    before = (await host.get("auth/me/")).json()
    assert faulty_fields(await host.patch("auth/me/", {field: value})) == {field}
    assert (await host.get("auth/me/")).json() == before


async def test_nobody_has_no_profile(api: Api):
    problem(await api.http.get("/api/auth/me/"), 401, "not_authenticated")
    problem(await api.http.patch("/api/auth/me/", json={}), 401, "not_authenticated")
