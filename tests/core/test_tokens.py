"""Signed tokens: valid ones are read, all others refused."""

import base64
import json
import string
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jose import jwt

from app.core.ids import new_id
from app.core.keys import Key, KeyRing
from app.core.security.tokens import InvalidToken, TokenSigner

OLD, NEW = "the secret of last year, long enough", "the secret of this year, long enough"
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
signer = TokenSigner(KeyRing([NEW]), "access")
many = settings(max_examples=1000)


def signed(by: TokenSigner = signer, *, now: datetime = NOW) -> str:
    return by.sign(new_id(), session=new_id(), now=now, lifetime=HOUR)[0]


def key_of(secret: str = NEW, purpose: str = "access") -> Key:
    return KeyRing([secret]).keys(f"token {purpose}")[0]


def forged(*, key: Key | None = None, algorithm: str = "HS256", **claims: Any) -> str:
    """Return a token of the right key, by default, with claims replaced; None omits one."""
    key = key or key_of()
    payload = jwt.get_unverified_claims(signed()) | claims
    payload = {name: value for name, value in payload.items() if value is not None}
    return jwt.encode(payload, key.secret, algorithm, headers={"kid": key.id})


def refused(token: str, *, by: TokenSigner = signer, now: datetime = NOW) -> bool:
    with pytest.raises(InvalidToken):
        by.read(token, now=now)
    return True


def test_claims_come_back():
    token, claims = signer.sign(new_id(), session=new_id(), now=NOW, lifetime=HOUR)
    assert signer.read(token, now=NOW) == claims
    assert signer.read(forged(), now=NOW).expires_at == NOW + HOUR


def test_a_token_without_a_signature_is_refused():
    header, body, _ = signed().split(".")
    decoded = json.loads(base64.urlsafe_b64decode(header + "=="))
    for algorithm in ("none", "None", "NONE", ""):
        bare = json.dumps(decoded | {"alg": algorithm}).encode()
        swapped = base64.urlsafe_b64encode(bare).decode().rstrip("=")
        assert refused(f"{swapped}.{body}.")


@pytest.mark.parametrize("algorithm", ["HS512", "HS384"])
def test_another_algorithm_with_the_right_key_is_refused(algorithm: str):
    assert refused(forged(algorithm=algorithm))


def test_a_token_of_another_purpose_is_refused():
    refresh = TokenSigner(KeyRing([NEW]), "refresh")
    assert refused(signed(refresh))
    assert refused(signed(), by=refresh)
    assert refused(forged(purpose="refresh"))


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "others"},
        {"iss": "others"},
        {"aud": None},
        {"iss": None},
        {"sub": None},
        {"sub": "admin"},
        {"sid": None},
        {"jti": None},
        {"exp": None},
        {"nbf": None},
        {"purpose": None},
        {"exp": "never"},
        {"exp": 10**30},
        {"nbf": -(10**30)},
        {"exp": [1]},
    ],
    ids=str,
)
def test_foreign_missing_and_broken_claims_are_refused(claims: dict[str, Any]):
    assert refused(forged(**claims))


def test_a_token_lives_from_its_first_second_to_its_last():
    token = signed()
    assert refused(token, now=NOW - timedelta(seconds=1))
    signer.read(token, now=NOW)
    signer.read(token, now=NOW + HOUR - timedelta(seconds=1))
    assert refused(token, now=NOW + HOUR)


def test_no_changed_character_is_read():
    token = signed()
    for position in range(len(token)):
        for character in ("A", "z", "0", "_", ".", "=", "é"):
            changed = token[:position] + character + token[position + 1 :]
            if changed != token:
                assert refused(changed)


@many
@given(st.integers(0, 400), st.integers(0, 40), st.text(max_size=40))
def test_no_mutated_token_is_read(start: int, length: int, text: str):
    token = signed()
    changed = token[:start] + text + token[start + length :]
    assert changed == token or refused(changed)


@many
@given(st.data())
def test_no_parts_of_two_tokens_make_a_third(data: st.DataObject):
    one, other = signed().split("."), signed(now=NOW - HOUR / 2).split(".")
    choice = data.draw(st.tuples(*[st.integers(0, 1)] * 3))
    parts = [(one, other)[chosen][place] for place, chosen in enumerate(choice)]
    assert parts in (one, other) or refused(".".join(parts))


@many
@given(st.text(max_size=200) | st.lists(st.text(max_size=40), min_size=3, max_size=3).map(".".join))
@example("\ud800.\ud800.\ud800")
def test_no_other_text_is_read(text: str):
    assert refused(text)


def test_the_last_character_has_a_single_spelling():
    token = signed()
    read = []
    for character in string.ascii_letters + string.digits + "-_":
        changed = token[:-1] + character
        try:
            signer.read(changed, now=NOW)
        except InvalidToken:
            continue
        read.append(changed)
    assert read == [token]


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.b.c", "e30.e30.", "x" * 3000, "é.é.é", "bnVsbA.bnVsbA.bnVsbA"]
)
def test_what_is_no_token_is_refused(text: str):
    assert refused(text)


def test_a_token_of_an_unknown_key_is_refused():
    assert refused(signed(TokenSigner(KeyRing([OLD]), "access")))
    foreign = Key(id=key_of().id, secret=key_of(OLD).secret)
    assert refused(forged(key=foreign))


def test_the_previous_key_is_accepted_but_signs_nothing():
    rotated = TokenSigner(KeyRing([NEW, OLD]), "access")
    old = TokenSigner(KeyRing([OLD]), "access")
    rotated.read(signed(old), now=NOW)
    assert refused(signed(rotated), by=old)
    assert refused(signed(old))
