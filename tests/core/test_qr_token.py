"""The token in a QR code."""

import string

import segno
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.keys import KeyRing
from app.core.security.qr_token import SHAPE, QrTokens

OLD, NEW = "the secret of last year, long enough", "the secret of this year, long enough"
tokens = QrTokens(KeyRing([NEW]))
ALPHABET = string.ascii_letters + string.digits + "=+/-_ \n\0é"


def test_every_token_is_another():
    assert len({tokens.new() for _ in range(2000)}) == 2000


def test_a_token_is_genuine_and_of_the_documented_shape():
    for _ in range(500):
        token = tokens.new()
        assert tokens.is_genuine(token)
        assert SHAPE.fullmatch(token)


@settings(max_examples=3000)
@given(st.integers(0, 41), st.sampled_from(ALPHABET))
def test_no_changed_character_passes(position: int, character: str):
    token = tokens.new()
    changed = token[:position] + character + token[position + 1 :]
    assert tokens.is_genuine(changed) == (changed == token)


def test_no_single_change_of_one_token_passes():
    token = tokens.new()
    for position in range(len(token)):
        for character in string.ascii_uppercase + string.digits:
            changed = token[:position] + character + token[position + 1 :]
            assert tokens.is_genuine(changed) == (changed == token)


@given(st.text(max_size=60))
@settings(max_examples=1000)
def test_no_other_text_passes(text: str):
    assert not tokens.is_genuine(text)


def test_longer_shorter_lower_and_padded_tokens_fail():
    token = tokens.new()
    for changed in (token[:-1], token + "A", token.lower(), f"{token}\n", f" {token}", token * 2):
        assert not tokens.is_genuine(changed)


def test_the_previous_key_verifies_tokens_and_makes_none():
    rotated = QrTokens(KeyRing([NEW, OLD]))
    assert rotated.is_genuine(QrTokens(KeyRing([OLD])).new())
    assert not QrTokens(KeyRing([OLD])).is_genuine(rotated.new())


def test_a_token_of_another_installation_fails():
    assert not tokens.is_genuine(QrTokens(KeyRing([OLD])).new())


def test_a_token_fits_version_3_at_level_q():
    code = segno.make(tokens.new(), error="Q", boost_error=False, micro=False)
    assert code.mode == "alphanumeric"
    assert int(code.version) <= 3
