"""The form of device keys."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.devices.device_key import DIGITS, is_well_formed, key_hash, new_key


def test_a_key_has_a_prefix_256_bits_and_a_checksum():
    key = new_key()
    assert key.startswith("vmsdev_")
    assert len(key) == len("vmsdev_") + 43 + 6
    assert is_well_formed(key)
    assert 62**43 > 2**256 > 62**42


def test_no_two_keys_are_equal():
    assert len({new_key() for _ in range(1_000)}) == 1_000


def test_a_key_is_stored_as_its_sha_256():
    assert key_hash("vmsdev_x") == hashlib.sha256(b"vmsdev_x").digest()


@given(place=st.integers(7, 55), digit=st.sampled_from(DIGITS))
def test_a_mistyped_key_is_told_from_a_right_one(place: int, digit: str):
    key = new_key()
    mistyped = key[:place] + digit + key[place + 1 :]
    assert is_well_formed(mistyped) == (mistyped == key)


@given(st.text(max_size=80))
def test_no_other_text_is_a_key(text: str):
    assert not is_well_formed(text)


@pytest.mark.parametrize(
    "change", [str.lower, str.upper, lambda k: k + "\n", lambda k: " " + k, lambda k: k[:-1]]
)
def test_a_key_has_one_spelling(change):
    key = new_key()
    assert not is_well_formed(change(key))
