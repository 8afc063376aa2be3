"""What is hashed: computed here anew from the words of the documentation."""

import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest
import rfc8785

from app.audit.chain import START, Facts, Position, entry_hash, hashed_form, value_mac
from app.audit.models import AuditAction, AuditEntry
from app.audit.repository import record
from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.ids import new_id
from app.events.sequencer_service import Sequencer
from tests.audit.entries import AT, DESK, all_entries, write
from tests.support.api import Api

# Entries that are chained already must verify with every later release.
KNOWN = "00b058646f2ceff66b3239d114f1069bccb34f4d50972235d249e81a4f4626c9"

FACTS = Facts(
    id=UUID(int=1),
    created_at=AT,
    actor_role="admin",
    actor_id=UUID(int=2),
    subject_type="site",
    subject_id=UUID(int=3),
    action="updated",
    site_id=UUID(int=3),
    client_address="192.0.2.1",
    request_id="ours",
    is_request_id_of_client=False,
    details={"fields": ["name"]},
)


def hmac_of(entry: AuditEntry, value: Any) -> str:
    return hmac.digest(entry.value_key or b"", rfc8785.dumps(value), "sha256").hex()


def as_documented(entry: AuditEntry, shown: dict[str, Any]) -> str:
    """Return the hash of an entry as docs/security.md describes it."""
    hashed = {name: value for name, value in shown.items() if name != "hash"}
    hashed["actor"] = {name: shown["actor"][name] for name in ("kind", "id", "role")}
    hashed["address"] = hmac_of(entry, shown["address"])
    if entry.is_request_id_of_client:
        hashed["request_id"] = hmac_of(entry, shown["request_id"])
    hashed["details"] = {name: hmac_of(entry, value) for name, value in shown["details"].items()}
    message = shown["previous_hash"].encode() + rfc8785.dumps(hashed)
    return hashlib.sha256(message).hexdigest()


async def test_a_hash_is_that_of_the_entry_as_it_is_shown(
    api: Api, database: Database, sequencer: Sequencer
):
    root = await api.superadmin()
    headers = root.headers | {"X-Request-ID": "made-by-the-client"}
    await api.http.post("/api/departments/", json={"name": "Legal"}, headers=headers)
    department = (await root.post("departments/", {"name": "Research"})).json()
    await root.patch(f"departments/{department['id']}/", {"description": "Jürgen's"})
    await root.register()
    await sequencer.step()
    shown = (await root.get("audit/")).json()["items"][::-1]
    entries = await all_entries(database)
    assert len(shown) == len(entries) == 5
    assert [each["seq"] for each in shown] == [1, 2, 3, 4, 5]
    previous = START.hex()
    for entry, each in zip(entries, shown, strict=True):
        assert each["previous_hash"] == previous
        assert each["hash"] == as_documented(entry, each)
        previous = each["hash"]
    assert [entry.is_request_id_of_client for entry in entries] == [
        False,
        True,
        False,
        False,
        False,
    ]


async def test_each_entry_has_a_key_of_its_own(database: Database, sequencer: Sequencer):
    await write(database, 2, fields=["name"])
    await sequencer.step()
    first, second = await all_entries(database)
    assert None not in {first.value_key, second.value_key}
    assert first.value_key != second.value_key
    assert first.macs != second.macs


async def test_names_are_outside_the_hash(
    database: Database, sequencer: Sequencer, api: Api, clock: SettableClock
):
    root = await api.superadmin()
    await sequencer.step()
    [entry] = await all_entries(database)
    assert (entry.actor_name, entry.actor_id) == ("Super Admin", entry.subject_id)
    shown = (await root.get("audit/")).json()["items"][0]
    shown["actor"]["name"] = "Somebody Else"
    assert as_documented(entry, shown) == shown["hash"]


async def test_numbers_that_json_can_not_hold_do_not_stop_the_chain(
    database: Database, sequencer: Sequencer
):
    async with database.write() as unit:
        record(unit, AuditAction.SITE_UPDATED, new_id(), DESK, AT, much=2**70, word="\U0001f600")
    await write(database)
    assert await sequencer.step() == 2
    assert value_mac(b"key", 2**70) == hmac.digest(b"key", str(2**70).encode(), "sha256")


def test_the_hash_of_a_known_entry_never_changes():
    macs = b"".join(value_mac(b"k" * 32, value) for value in FACTS.values())
    assert entry_hash(FACTS, Position(0, START), macs).hex() == KNOWN


@pytest.mark.parametrize("word", ["plain", 'q"\\/\n\x00\x1f\x7f', "Jürgen \U0001f600 \u2028"])
def test_an_entry_is_hashed_as_canonical_json(word: str):
    facts = replace(FACTS, action=word, request_id=word, details={"b": word, "a_1": [1.5, None]})
    macs = b"".join(value_mac(b"k" * 32, value) for value in facts.values())
    before = Position(6, b"\xff" * 32)
    canonical = rfc8785.dumps(hashed_form(facts, before, macs))
    expected = hashlib.sha256(before.hash.hex().encode() + canonical).digest()
    assert entry_hash(facts, before, macs) == expected


async def test_lines_are_the_whole_list_oldest_first(
    api: Api, http: httpx.AsyncClient, database: Database, sequencer: Sequencer
):
    root = await api.superadmin()
    await write(database, 300)
    await sequencer.step()
    await write(database)  # too young to be listed
    headers = root.headers | {"Accept": "application/x-ndjson"}
    answer = await http.get("/api/audit/", headers=headers)
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, 302))
    pages = (await root.get("audit/", limit=200)).json()["items"]
    assert lines[::-1][:200] == pages
    filtered = await http.get("/api/audit/?action=user.signed_in", headers=headers)
    assert [json.loads(line)["seq"] for line in filtered.text.splitlines()] == [1]
