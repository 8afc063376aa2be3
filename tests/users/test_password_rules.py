"""The passwords that are accepted."""

import pytest

from app.users import password_rules
from app.users.password_rules import weakness, words_of

INVISIBLE = "\u200b\u00ad\u2060\ufeff\u200e\u202e\u2066\u200d\u3164\u115f\u2800\uffa0\ufe0f\t\0"
EMAIL = "Ada.Lovelace@Example.com"


def code(password: str, email: str = EMAIL) -> str | None:
    found = weakness(password, email)
    return found.code if found else None


@pytest.mark.parametrize(
    "password",
    ["xkcdzzqp", "eight ch", "x q" * 40, "пароль🦉🦉", "e" + "\u0301n" * 7, " kj hgf ", "Zq" * 64],
)
def test_length_is_all_that_is_asked_for(password: str):
    assert code(password) is None


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("", "password_too_short"),
        ("1234567", "password_too_short"),
        ("e\u0301" * 7, "password_too_short"),
        ("Zq" * 64 + "x", "password_too_long"),
        ("\ufdfa" * 100, "password_too_long"),
        ("password", "password_too_common"),
        ("PassWord", "password_too_common"),
        ("\uff50assword", "password_too_common"),
        ("12345678", "password_too_common"),
        ("admin123", "password_too_common"),
        ("superadmin123", "password_too_common"),
        ("qwertyuiop", "password_too_common"),
        ("P@ssw0rd", "password_too_common"),
        ("p4$$w0rd", "password_too_common"),
        ("5up3rm4n", "password_too_common"),
        ("b4seba11", "password_too_common"),
        ("f00tb@ll", "password_too_common"),
        ("M1ch3113", "password_too_common"),
        ("1loveyou", "password_too_common"),
        ("aaaaaaaa", "password_repeats"),
        ("aAaAaAaAaA", "password_repeats"),
        ("\uff58" * 4 + "x" * 4, "password_repeats"),
        (" " * 12, "password_repeats"),
        ("🦉" * 20, "password_repeats"),
        *((f"kj hgf{mark} qx", "password_invisible") for mark in INVISIBLE),
        ("ada.lovelace@example.com", "password_is_email"),
        ("ADA.LOVELACE", "password_is_email"),
    ],
)
def test_a_weak_password_is_named(password: str, expected: str):
    assert code(password) == expected


PLACE = words_of("Acme & Söhne", "Berlin", "visits.acme.example", "HQ")


def obvious(password: str) -> bool:
    found = weakness(password, EMAIL, PLACE)
    return found is not None and found.code == "password_too_obvious"


@pytest.mark.parametrize(
    "password",
    [
        *(
            "acme2026!",
            "AcmeBerlin",
            "berlin-berlin",
            "My-ACME-1234",
            "s\u00f6hne2026",
            "1acme1xyz",
        ),
        *("\uff41cme-2026", "lovelace1815", "Ada.2026.Ada", "example99"),
    ],
)
def test_what_is_hardly_more_than_words_of_the_place_is_refused(password: str):
    assert obvious(password)


@pytest.mark.parametrize(
    "password", ["acme of rust and moss", "correct horse battery", "hqhqhqhq", "12 34 56 78 90"]
)
def test_such_words_do_no_harm_beside_others(password: str):
    assert not obvious(password)


def test_the_list_has_the_most_common_hundred_thousand():
    lines = password_rules._common().decode().splitlines()
    assert len(lines) > 99_000
    assert lines[1:] == sorted(lines[1:])


@pytest.mark.parametrize("password", ["beetlejuice", "mercedes1", "Butterfly7"])
def test_less_common_passwords_are_known_too(password: str):
    assert code(password) == "password_too_common"


def test_only_ones_own_address_is_refused():
    assert code("ada.lovelace@example.com", "charles@example.com") is None
