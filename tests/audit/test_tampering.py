"""Anyone who can write to the database can change the log, but not unseen."""

from datetime import timedelta

import pytest

from app.audit.chain import Facts, Position, Signer, entry_hash
from app.audit.chain_repository import FACTS
from app.audit.verification_service import verify
from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.keys import KeyRing
from app.events.sequencer_service import Sequencer
from tests.audit.entries import all_entries, sql, write


@pytest.fixture
async def chain(database: Database, sequencer: Sequencer, clock: SettableClock) -> None:
    """Ten entries under two signed heads, and two that came within the minute after."""
    await write(database, 5, reason="to see somebody")
    await sequencer.step()
    clock.advance(timedelta(minutes=1))
    await write(database, 5, reason="to see somebody")
    await sequencer.step()
    clock.advance(timedelta(seconds=10))
    await write(database, 2)
    await sequencer.step()


async def faults(database: Database, signer: Signer, *known: Position) -> list[str]:
    return (await verify(database, signer, known)).faults


CHANGES = {
    "id": "id = gen_random_uuid()",
    "instant": "created_at = created_at - interval '1 microsecond'",
    "role": "actor_role = 'superadmin'",
    "kind of actor": "actor_role = 'system'",
    "actor": "actor_id = gen_random_uuid()",
    "nobody": "actor_id = NULL",
    "subject": "subject_id = gen_random_uuid()",
    "subject type": "subject_type = 'device'",
    "action": "action = 'deleted'",
    "site": "site_id = gen_random_uuid()",
    "address": "client_address = '192.0.2.1'",
    "request id": "request_id = 'another'",
    "whose request id": "is_request_id_of_client = NOT is_request_id_of_client",
    "a detail": """details = '{"reason": "something else"}'""",
    "a detail more": """details = details || '{"more": 1}'""",
    "a detail less": "details = '{}'",
    "details of another kind": "details = '[1]'",
    "the end of time": "created_at = 'infinity'",
    "macs": "macs = sha256(macs)",
    "no macs": "macs = NULL",
    "a key": "value_key = sha256(value_key)",
    "a value without its key": "value_key = NULL",
    "no detail": """details = '{"reason": null}'""",
    "previous hash": "previous_hash = sha256(previous_hash)",
    "hash": "hash = sha256(hash)",
    "no hash": "hash = NULL",
    "number": "seq = 100",
}


@pytest.mark.usefixtures("chain")
async def test_an_untouched_chain_is_sound(database: Database, signer: Signer):
    verdict = await verify(database, signer)
    assert (verdict.entries, verdict.end.seq, verdict.faults, verdict.notes) == (12, 12, [], [])


@pytest.mark.usefixtures("chain")
@pytest.mark.parametrize("change", CHANGES)
async def test_a_changed_column_is_found(database: Database, signer: Signer, change: str):
    await sql(database, f"UPDATE audit_entries SET {CHANGES[change]} WHERE seq = 4")
    assert await faults(database, signer)


@pytest.mark.usefixtures("chain")
async def test_one_change_is_one_fault(database: Database, signer: Signer):
    await sql(database, "UPDATE audit_entries SET action = 'deleted' WHERE seq = 4")
    assert await faults(database, signer) == ["entry 4 was changed"]


@pytest.mark.usefixtures("chain")
async def test_a_value_that_returns_to_an_erased_entry_is_found(database: Database, signer: Signer):
    erased = "client_address = NULL, value_key = NULL, details = '{\"reason\": null}'"
    await sql(database, f"UPDATE audit_entries SET {erased} WHERE seq = 4")
    await sql(database, 'UPDATE audit_entries SET details = \'{"reason": "x"}\' WHERE seq = 4')
    assert await faults(database, signer) == ["values of entry 4 were changed"]


@pytest.mark.usefixtures("chain")
@pytest.mark.parametrize(
    ("gone", "fault"),
    [
        ("seq = 1", "entry 1 is missing"),
        ("seq = 4", "entry 4 is missing"),
        ("seq BETWEEN 4 AND 7", "entries 4 to 7 are missing"),
        ("seq <= 4", "entries 1 to 4 are missing"),
        ("seq >= 10", "the end is missing: entry 10 was signed as the head"),
        ("true", "the end is missing: entry 5 was signed as the head"),
    ],
)
async def test_missing_entries_are_found(database: Database, signer: Signer, gone: str, fault: str):
    await sql(database, f"DELETE FROM audit_entries WHERE {gone}")
    assert (await faults(database, signer))[0] == fault


@pytest.mark.usefixtures("chain")
async def test_an_end_cut_after_the_last_signed_head_is_found(database: Database, signer: Signer):
    last = (await all_entries(database))[-1]
    head = Position(last.seq or 0, last.hash or b"")
    assert await faults(database, signer, head) == []
    await sql(database, "DELETE FROM audit_entries WHERE seq >= 11")
    assert await faults(database, signer) == []
    assert await faults(database, signer, head) == [
        "the end is missing: you know entry 12, the last one is 10"
    ]


@pytest.mark.usefixtures("chain")
async def test_an_end_cut_with_its_heads_is_missed_by_who_knows_one(
    database: Database, signer: Signer
):
    tenth = (await all_entries(database))[9]
    await sql(database, "DELETE FROM audit_entries WHERE seq >= 9")
    await sql(database, "DELETE FROM audit_heads WHERE seq >= 9")
    assert await faults(database, signer) == []
    assert await faults(database, signer, Position(10, tenth.hash or b""))


@pytest.mark.usefixtures("chain")
async def test_an_inserted_entry_is_found(database: Database, signer: Signer):
    copied = "SELECT (jsonb_populate_record(e, jsonb_build_object('id', gen_random_uuid(), 'seq', "
    await sql(
        database,
        f"INSERT INTO audit_entries {copied} 0))).* FROM audit_entries AS e WHERE seq = 1",
    )
    assert "entry 0 does not belong in front of the others" in await faults(database, signer)
    await sql(database, "DELETE FROM audit_entries WHERE seq = 0")
    await sql(
        database,
        f"INSERT INTO audit_entries {copied} 13))).* FROM audit_entries AS e WHERE seq = 12",
    )
    assert "entry 13 does not follow the one before it" in await faults(database, signer)


async def recompute(database: Database, first: int) -> None:
    """Recompute the hashes as somebody does who lacks the key of the installation."""
    entries = await all_entries(database)
    end = Position(first - 1, entries[first - 2].hash or b"")
    for entry in entries[first - 1 :]:
        facts = Facts(*[getattr(entry, column.name) for column in FACTS])
        made = entry_hash(facts, end, entry.macs or b"")
        await sql(
            database,
            "UPDATE audit_entries SET previous_hash = :before, hash = :made WHERE seq = :seq",
            before=end.hash,
            made=made,
            seq=end.seq + 1,
        )
        end = Position(end.seq + 1, made)


@pytest.mark.usefixtures("chain")
async def test_a_recomputed_chain_is_found(database: Database, signer: Signer):
    known = (await all_entries(database))[10]
    await sql(database, "UPDATE audit_entries SET action = 'deleted' WHERE seq = 4")
    await recompute(database, 4)
    assert await faults(database, signer) == [
        "the chain was recomputed up to 5 or beyond",
        "the chain was recomputed up to 10 or beyond",
    ]
    await sql(database, "DELETE FROM audit_heads")
    assert await faults(database, signer, Position(11, known.hash or b"")) == [
        "entry 11 is not the one of the head that you know"
    ]


@pytest.mark.usefixtures("chain")
async def test_a_forged_head_is_found(database: Database, signer: Signer):
    await sql(database, "UPDATE audit_heads SET hash = sha256(hash) WHERE seq = 5")
    assert await faults(database, signer) == ["the head at 5 is not signed by this installation"]


@pytest.mark.usefixtures("chain")
async def test_a_head_is_no_anchor(database: Database, signer: Signer):
    await sql(database, "UPDATE audit_heads SET is_anchor = true WHERE seq = 5")
    await sql(database, "DELETE FROM audit_entries WHERE seq <= 5")
    assert await faults(database, signer) == ["the anchor at 5 is not signed by this installation"]


@pytest.mark.usefixtures("chain")
async def test_heads_of_the_previous_key_verify(database: Database):
    ours = "a secret of the tests that is long enough"
    strange = Signer(KeyRing([ours]))
    assert len(await faults(database, strange)) == 2


@pytest.mark.usefixtures("chain")
async def test_a_thousand_faults_are_counted(
    database: Database, signer: Signer, sequencer: Sequencer
):
    await write(database, 1000)
    assert [await sequencer.step() for _ in range(3)] == [500, 500, 0]
    await sql(database, "UPDATE audit_entries SET action = 'deleted' WHERE seq > 12")
    verdict = await verify(database, signer)
    assert (len(verdict.faults), verdict.more_faults) == (20, 980)
