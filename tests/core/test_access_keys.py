"""The form of keys of devices and programs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.security.access_keys import API_KEYS, DEVICE_KEYS, DIGITS, KeyForm

FORMS = pytest.mark.parametrize("form", [DEVICE_KEYS, API_KEYS], ids=lambda form: form.prefix)


@FORMS
def test_a_key_has_a_prefix_256_bits_and_a_checksum(form: KeyForm):
    key = form.new()
    assert key.startswith(form.prefix)
    assert len(key) == len(form.prefix) + 43 + 6
    assert form.fits(key)
    assert 62**43 > 2**256 > 62**42


def test_the_prefixes_are_those_of_the_contract():
    assert (DEVICE_KEYS.prefix, API_KEYS.prefix) == ("vmsdev_", "vmsk_")


def test_a_key_of_one_kind_is_none_of_the_other():
    assert not API_KEYS.fits(DEVICE_KEYS.new())
    assert not DEVICE_KEYS.fits(API_KEYS.new())


def test_no_two_keys_are_equal():
    assert len({API_KEYS.new() for _ in range(1_000)}) == 1_000


@given(place=st.integers(7, 55), digit=st.sampled_from(DIGITS))
def test_a_mistyped_key_is_told_from_a_right_one(place: int, digit: str):
    key = DEVICE_KEYS.new()
    mistyped = key[:place] + digit + key[place + 1 :]
    assert DEVICE_KEYS.fits(mistyped) == (mistyped == key)


@given(st.text(max_size=80))
def test_no_other_text_is_a_key(text: str):
    assert not DEVICE_KEYS.fits(text)
    assert not API_KEYS.fits(text)


@pytest.mark.parametrize(
    "change", [str.lower, str.upper, lambda k: k + "\n", lambda k: " " + k, lambda k: k[:-1]]
)
@FORMS
def test_a_key_has_one_spelling(form: KeyForm, change):
    assert not form.fits(change(form.new()))
