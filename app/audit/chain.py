"""The chain of the audit log: what is hashed, and what is signed. Pure.

The hash of an entry is SHA-256 of the previous hash (64 hexadecimal digits) and the entry as
canonical JSON (RFC 8785) without names. Values that may be personal stand in it as HMAC-SHA-256
under a random key of the entry, so that the chain still verifies when key and values are erased.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import rfc8785

from app.core.keys import Key, KeyRing, mac

START = bytes(32)
"""The hash before the first entry."""
MAC_BYTES = 32
KEY_BYTES = 32
PURPOSE = "audit head"

# Every other role is one of users.
KINDS = {
    "scanner": "device",
    "kiosk": "device",
    "key": "key",
    "anonymous": "anonymous",
    "visitor": "visitor",
    "warden": "warden",
    "system": "system",
}
UNKNOWN_ROLE = "user"
"""The stored role of a user whose role was not recorded."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the chain: the number and hash of an entry."""

    seq: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash.hex()}"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is stored of an entry, but for its place in the chain."""

    id: UUID
    created_at: datetime
    actor_role: str
    actor_id: UUID | None
    subject_type: str
    subject_id: UUID | None
    action: str
    site_id: UUID | None
    client_address: str | None
    request_id: str | None
    is_request_id_of_client: bool
    details: Mapping[str, Any]

    def values(self) -> Iterator[Any]:
        """Yield the values that may be personal, in the order of their MACs."""
        yield self.client_address
        if self.is_request_id_of_client:
            yield self.request_id
        yield from (self.details[name] for name in sorted(self.details))


@dataclass(frozen=True, slots=True)
class Moment:
    """What is known of the moment of an entry besides its facts, for its event; not hashed."""

    makes_event: bool
    host_id: UUID | None
    subject_version: int | None
    is_final_exit: bool


@dataclass(frozen=True, slots=True)
class Link:
    """The place of an entry in the chain, with the MACs of its values and their key."""

    seq: int
    previous_hash: bytes
    hash: bytes
    macs: bytes
    value_key: bytes | None


def chained(head: Position, entries: Iterable[Facts]) -> Iterator[Link]:
    """Yield the links of entries that follow `head`."""
    for facts in entries:
        key = secrets.token_bytes(KEY_BYTES)
        macs = b"".join(value_mac(key, value) for value in facts.values())
        hashed = entry_hash(facts, head, macs)
        yield Link(head.seq + 1, head.hash, hashed, macs, key)
        head = Position(head.seq + 1, hashed)


def value_mac(key: bytes, value: Any) -> bytes:
    return hmac.digest(key, _canonical(value), "sha256")


def _canonical(value: Any) -> bytes:
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError:  # a number that JSON of JavaScript cannot hold
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def entry_hash(facts: Facts, previous: Position, macs: bytes) -> bytes:
    """Return the hash of the entry that follows `previous`."""
    message = _plain(hashed_form(facts, previous, macs))
    return hashlib.sha256(previous.hash.hex().encode() + message).digest()


def _plain(form: dict[str, Any]) -> bytes:
    """Return canonical JSON at a tenth of the cost, for text and small integers by ASCII names."""
    return json.dumps(form, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def hashed_form(facts: Facts, previous: Position, macs: bytes) -> dict[str, Any]:
    """Return what is hashed of the entry that follows `previous`."""
    marks = (macs[at : at + MAC_BYTES].hex() for at in range(0, len(macs), MAC_BYTES))
    address = next(marks, None)
    request_id = next(marks, None) if facts.is_request_id_of_client else facts.request_id
    return {
        "id": str(facts.id),
        "seq": previous.seq + 1,
        "at": instant(facts.created_at),
        "actor": {
            "kind": kind_of(facts.actor_role),
            "id": _text(facts.actor_id),
            "role": role_of(facts.actor_role),
        },
        "action": action_of(facts.subject_type, facts.action),
        "subject": {"type": facts.subject_type, "id": _text(facts.subject_id)},
        "site": _text(facts.site_id),
        "address": address,
        "request_id": request_id,
        "details": {name: next(marks, None) for name in sorted(facts.details)},
        "previous_hash": previous.hash.hex(),
    }


def fits(facts: Facts, macs: bytes, key: bytes | None) -> bool:
    """Return whether the values are those of the MACs; without its key an entry has none."""
    if not isinstance(facts.details, dict):
        return False
    values = list(facts.values())
    if len(macs) != MAC_BYTES * len(values):
        return False
    if key is None:
        return all(value is None for value in values)
    return hmac.compare_digest(b"".join(value_mac(key, value) for value in values), macs)


def kind_of(role: str) -> str:
    """Return the kind of actor that has a role."""
    return KINDS.get(role, "user")


def role_of(role: str) -> str | None:
    return None if role == UNKNOWN_ROLE else role


def action_of(subject_type: str, action: str) -> str:
    return f"{subject_type}.{action}"


def instant(at: datetime) -> str:
    """Return an instant in the only form that is hashed and shown."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _text(id_: UUID | None) -> str | None:
    return None if id_ is None else str(id_)


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed position; an anchor is the last entry that was cut off."""

    position: Position
    is_anchor: bool
    signed_at: datetime
    key_id: str
    signature: bytes


class Signer:
    """Signs positions of the chain with the current key; earlier keys still verify."""

    def __init__(self, ring: KeyRing) -> None:
        self._keys = ring.keys(PURPOSE)

    def sign(self, position: Position, now: datetime, *, is_anchor: bool = False) -> Signed:
        key = self._keys[0]
        signature = _signature(key, position, now, is_anchor=is_anchor)
        return Signed(position, is_anchor, now, key.id, signature)

    def is_current(self, signed: Signed) -> bool:
        """Return whether the signature is one of the current key."""
        return signed.key_id == self._keys[0].id

    def verifies(self, signed: Signed) -> bool:
        return any(
            hmac.compare_digest(_of(key, signed), signed.signature)
            for key in self._keys
            if key.id == signed.key_id
        )


def _of(key: Key, signed: Signed) -> bytes:
    return _signature(key, signed.position, signed.signed_at, is_anchor=signed.is_anchor)


def _signature(key: Key, position: Position, at: datetime, *, is_anchor: bool) -> bytes:
    signed = {
        "kind": "anchor" if is_anchor else "head",
        "seq": position.seq,
        "hash": position.hash.hex(),
        "at": instant(at),
    }
    return mac(key, rfc8785.dumps(signed), MAC_BYTES)
