"""Nobody takes a name that looks like another one in the kiosk's list."""

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from app.users.lookalikes import looks_like, mixes_scripts
from tests.support.api import Api, Client
from tests.support.problems import faulty_fields, problem

BOSS: dict[str, Any] = {
    "email": "boss@example.com",
    "first_name": "Cocco",
    "last_name": "Ivanov",
    "role": "host",
}
CYRILLIC_O = "\u043e"
CYRILLIC_COCCO = "\u0421\u043e\u0441\u0441\u043e"


async def create(caller: Client, **fields: Any) -> httpx.Response:
    return await caller.post("auth/users/", BOSS | {"email": "other@example.com"} | fields)


@pytest.mark.parametrize(
    ("name", "other", "expected"),
    [
        ("Boss", f"B{CYRILLIC_O}ss", True),
        ("Cocco", CYRILLIC_COCCO, True),
        ("Ian Smith", "lan Smith", True),
        ("Barney", "Bamey", True),
        ("Otto", "0tto", True),
        ("\u039fscar", "Oscar", True),
        ("Boss", "boss", False),
        ("O'Brien", "O\u2019Brien", False),
        ("Anna-Lena", "Anna\u2010Lena", False),
        ("Jos\u00e9", "Jose", False),
        ("Anna", "Hanna", False),
    ],
)
def test_names_are_compared_as_the_eye_does(name: str, other: str, expected: bool):
    assert looks_like(name, other) is looks_like(other, name) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (f"B{CYRILLIC_O}ss", True),
        ("\u0391lan", True),
        ("\uff22oss", False),
        ("\u0418\u0432\u0430\u043d Smith", False),
        ("S\u00f8ren \u00c5ngstr\u00f6m-\u0141\u0119cki", False),
        ("\u5c71\u7530\u30bf\u30ed\u30a6", False),
    ],
)
def test_a_word_has_letters_of_one_script(name: str, expected: bool):
    assert mixes_scripts(name) is expected


async def test_an_account_that_looks_like_another_is_not_made(api: Api):
    admin = await api.admin()
    await create(admin, email="boss@example.com")
    answer = await create(admin, first_name=f"C{CYRILLIC_O}cco")
    assert faulty_fields(answer) == {"first_name"}
    problem(await create(admin, first_name=CYRILLIC_COCCO), 409, "name_looks_taken")
    assert len((await admin.get("visitors/hosts/")).json()) == 1
    assert (await create(admin)).status_code == 201, "namesakes are allowed"


async def test_nor_is_one_renamed_to_look_like_another(api: Api):
    admin, host = await api.admin(), await api.host()
    await create(admin)
    body = {"first_name": CYRILLIC_COCCO, "last_name": "Ivanov"}
    problem(await host.patch("auth/me/", body), 409, "name_looks_taken")
    answer = await admin.patch(f"auth/users/{host.user_id}/", body)
    problem(answer, 409, "name_looks_taken")
    assert (await host.get("auth/me/")).json()["first_name"] == "Charles"


async def test_a_closed_account_keeps_no_look_to_itself(api: Api):
    admin, root = await api.admin(), await api.superadmin()
    closed = (await create(admin, email="boss@example.com")).json()["id"]
    await admin.patch(f"auth/users/{closed}/", {"is_active": False})
    assert (await create(admin, first_name=CYRILLIC_COCCO)).status_code == 201
    answer = await root.patch(f"auth/users/{closed}/", {"is_active": True})
    problem(answer, 409, "name_looks_taken")


async def test_of_lookalike_accounts_made_at_once_one_is_made(api: Api):
    admin = await api.admin()
    looks = ("Cocco", CYRILLIC_COCCO, "C0cco", "Cocc0", "C0cc0")
    answers = await asyncio.gather(
        *(
            create(admin, email=f"{number}@example.com", first_name=look)
            for number, look in enumerate(looks)
        )
    )
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: len(looks) - 1}
    assert len((await admin.get("visitors/hosts/")).json()) == 1


async def test_nor_are_several_renamed_at_once_to_look_alike(api: Api):
    admin, host = await api.admin(), await api.host()
    other = (await create(admin)).json()["id"]
    names = {"last_name": "Ivanova"}
    answers = await asyncio.gather(
        host.patch("auth/me/", names | {"first_name": "Cocco"}),
        admin.patch(f"auth/users/{other}/", names | {"first_name": CYRILLIC_COCCO}),
        create(admin, email="third@example.com", **names, first_name="C0cco"),
    )
    assert Counter(answer.status_code == 409 for answer in answers) == {True: 2, False: 1}
