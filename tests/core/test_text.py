"""Normalisation of text in requests."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.core.text import (
    Email,
    Notes,
    OptionalLine,
    Phone,
    RequiredLine,
    SearchText,
    account_key,
)

line: TypeAdapter[str] = TypeAdapter(RequiredLine)
optional: TypeAdapter[str | None] = TypeAdapter(OptionalLine)
notes: TypeAdapter[str | None] = TypeAdapter(Notes)
email: TypeAdapter[str] = TypeAdapter(Email)
phone: TypeAdapter[str | None] = TypeAdapter(Phone)
sought: TypeAdapter[str] = TypeAdapter(SearchText)


def refused(kind: TypeAdapter[Any], value: object) -> bool:
    with pytest.raises(ValidationError):
        kind.validate_python(value)
    return True


# Zero-width space, soft hyphen, word joiner, byte order mark; direction marks, embeddings and
# isolates; the fillers of Hangul and Braille; tags.
UNSEEN = "\u200b\u00ad\u2060\ufeff\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2069"
FILLERS = "\u115f\u1160\u3164\uffa0\u2800"


@pytest.mark.parametrize("value", ["", " ", "\t", "\u200d", "\u200e \u200f", "\u00a0", "\ufe0f"])
def test_a_name_of_nothing_visible_is_refused(value: str):
    assert refused(line, value)


@pytest.mark.parametrize("mark", [*UNSEEN, *FILLERS, "\U000e0041"])
def test_invisible_characters_go_from_names_and_addresses(mark: str):
    assert line.validate_python(f"{mark}Ada {mark}Love{mark}lace{mark}") == "Ada Lovelace"
    assert optional.validate_python(f"Ada{mark}") == "Ada"
    assert email.validate_python(f"{mark}ada@exa{mark}mple.com{mark}") == "ada@example.com"
    assert phone.validate_python(f"{mark}+49 30{mark} 123{mark}") == "+49 30 123"
    assert sought.validate_python(f"{mark}ada{mark}") == "ada"


@pytest.mark.parametrize("mark", [*UNSEEN, *FILLERS])
def test_a_name_of_which_nothing_is_left_is_refused(mark: str):
    assert refused(line, f" {mark}{mark} ")
    assert optional.validate_python(f" {mark} ") is None
    assert phone.validate_python(mark) is None


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("\u200fשרה\u200e כהן\u202c", "שרה כהן"),
        ("\u202bمحمد\u200f علي\u202c", "محمد علي"),
        ("می\u200cبینم", "می\u200cبینم"),
        ("श्री\u200d क\u094d\u200dष", "श्री\u200d क\u094d\u200dष"),
        ("ශ\u0dca\u200dරී", "ශ\u0dca\u200dරී"),
        ("🧑\u200d🔬 Ada", "🧑\u200d🔬 Ada"),
        ("葛\U000e0100城", "葛\U000e0100城"),
        ("\u200dA\u200dd\u200ca \u200d", "Ada"),
        ("می\u200c\u200c\u200cبینم", "می\u200cبینم"),
    ],
)
def test_joiners_stay_where_a_script_needs_them(name: str, kept: str):
    assert line.validate_python(name) == kept


@pytest.mark.parametrize("mark", ["\0", "\n", "\r", "\x1b", "\u2028", "\ud800", "\u0600"])
def test_control_marks_are_refused_in_a_line(mark: str):
    assert refused(line, f"Ada{mark}Lovelace")


@pytest.mark.parametrize("name", ["O'Brien", "José", "محمد علی", "क्‍ष", "李小龍", "🧑‍🔬 Ada"])
def test_names_of_all_scripts_pass(name: str):
    assert line.validate_python(f"  {name} ") == unicodedata.normalize("NFC", name)


def test_two_spellings_of_one_letter_become_one():
    assert line.validate_python("Ju\u0308rgen") == "J\u00fcrgen"


@settings(max_examples=2000)
@given(st.text(max_size=210))
def test_a_line_that_passes_is_short_clean_and_stays_as_it_is(value: str):
    try:
        cleaned = line.validate_python(value)
    except ValidationError:
        return
    assert 1 <= len(cleaned) <= 200
    assert "\0" not in cleaned
    assert line.validate_python(cleaned) == cleaned


@pytest.mark.parametrize(("kind", "most"), [(line, 200), (optional, 200), (notes, 2000)])
def test_text_that_grows_when_normalised_is_measured_afterwards(kind: TypeAdapter[Any], most: int):
    assert refused(kind, "\ufb2c" * most)


def test_blank_optional_text_is_none():
    assert optional.validate_python("  ") is None
    assert notes.validate_python("\n ") is None
    assert phone.validate_python(" ") is None


def test_notes_keep_their_lines():
    assert notes.validate_python("one\r\n\ttwo\n") == "one\r\n\ttwo"
    assert refused(notes, "bell\a")


def test_notes_lose_the_invisible_and_keep_directions():
    assert notes.validate_python("one\u200b\n\u202atwo\u202c") == "one\ntwo"
    assert notes.validate_python("\u200fשרה, 3\u200e \u2800") == "\u200fשרה, 3\u200e \u2800"


@pytest.mark.parametrize("value", ["+49 (30) 123-456", "112", "1.2.3", "0" * 32])
def test_phone_numbers_pass(value: str):
    assert phone.validate_python(f" {value} ") == value


@pytest.mark.parametrize("value", ["12", "0" * 33, "1234x", "١٢٣٤", "12\n34", "123\n4", 12345])
def test_what_is_no_phone_number_is_refused(value: object):
    assert refused(phone, value)


@pytest.mark.parametrize(
    "value",
    ["ada", "ada@", "@example.com", "a b@example.com", "a@b@c.de", "ada@example.com\0", "a@[::1]",
     "ada\u0600@example.com", "Ada <ada@example.com>",
     "x" * 250 + "@a.de"],
)  # fmt: skip
def test_what_is_no_address_is_refused(value: str):
    assert refused(email, value)


def test_an_address_keeps_its_local_part_and_lowers_its_domain():
    assert email.validate_python(" Ada.L@EXAMPLE.com ") == "Ada.L@example.com"


def test_spellings_of_one_address_have_one_key():
    spellings = ["ada@example.com", "ADA@Example.COM", "\uff21da@example.com"]
    assert len({account_key(spelling) for spelling in spellings}) == 1
