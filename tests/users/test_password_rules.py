"""Which passwords are accepted."""

import pytest

from app.users.password_rules import weakness

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
        ("ada.lovelace@example.com", "password_is_email"),
        ("ADA.LOVELACE", "password_is_email"),
    ],
)
def test_a_weak_password_is_named(password: str, expected: str):
    assert code(password) == expected


def test_only_ones_own_address_is_refused():
    assert code("ada.lovelace@example.com", "charles@example.com") is None
