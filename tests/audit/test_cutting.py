"""Old entries are cut off at a signed anchor, and signatures outlive their key."""

from datetime import timedelta

import pytest
from pydantic import SecretStr

from app.audit.chain import Position, Signer
from app.audit.chain_service import cut, sign_anew
from app.audit.verification_service import verify
from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.keys import KeyRing
from app.events.sequencer_service import Sequencer
from app.settings import Settings
from tests.audit.entries import all_entries, sql, write


async def grow(database: Database, sequencer: Sequencer, clock: SettableClock) -> None:
    """Five entries a day for four days."""
    for _ in range(4):
        await write(database, 5, clock.now())
        await sequencer.chain_next()
        clock.advance(timedelta(days=1))


async def test_what_is_older_than_its_days_is_cut_off(
    database: Database, sequencer: Sequencer, signer: Signer, clock: SettableClock
):
    await grow(database, sequencer, clock)
    tenth = (await all_entries(database))[9]
    assert await cut(database, signer, clock.now(), 2) == 10
    verdict = await verify(database, signer)
    assert (verdict.faults, verdict.entries, verdict.end.seq) == ([], 10, 20)
    assert verdict.anchor
    assert verdict.anchor.position == Position(10, tenth.hash or b"")
    assert await cut(database, signer, clock.now(), 2) == 0


async def test_a_cut_goes_on_where_it_stopped(
    database: Database,
    sequencer: Sequencer,
    signer: Signer,
    clock: SettableClock,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("app.audit.chain_service.BATCH", 3)
    for _ in range(7):
        await write(database, 1, clock.now())
        await sequencer.chain_next()
    clock.advance(timedelta(days=3))
    assert await cut(database, signer, clock.now(), 2) == 7
    assert [await sequencer.chain_next() for _ in range(2)] == [3, 0]
    cuts = await all_entries(database)
    assert [(e.action, e.details) for e in cuts] == [("cut", {"through": n}) for n in (3, 6, 7)]
    verdict = await verify(database, signer)
    assert (verdict.faults, verdict.entries, verdict.end.seq) == ([], 3, 10)


async def test_a_younger_entry_in_front_stops_the_cut(
    database: Database, sequencer: Sequencer, signer: Signer, clock: SettableClock
):
    await write(database, 1, clock.now() + timedelta(days=5))
    await grow(database, sequencer, clock)
    assert await cut(database, signer, clock.now(), 2) == 0


async def test_more_cut_than_the_anchor_says_is_found(
    database: Database, sequencer: Sequencer, signer: Signer, clock: SettableClock
):
    await grow(database, sequencer, clock)
    await cut(database, signer, clock.now(), 2)
    await sql(database, "DELETE FROM audit_entries WHERE seq <= 12")
    assert "entries 11 to 12 are missing" in (await verify(database, signer)).faults


async def test_a_moved_anchor_is_found(
    database: Database, sequencer: Sequencer, signer: Signer, clock: SettableClock
):
    await grow(database, sequencer, clock)
    await cut(database, signer, clock.now(), 2)
    twelfth = (await all_entries(database))[1]
    await sql(database, "DELETE FROM audit_entries WHERE seq <= 12")
    moved = "UPDATE audit_heads SET seq = 12, hash = :hash WHERE is_anchor"
    await sql(database, moved, hash=twelfth.hash)
    assert (await verify(database, signer)).faults == [
        "the anchor at 12 is not signed by this installation"
    ]


async def test_an_emptied_log_after_a_cut_is_found(
    database: Database, sequencer: Sequencer, signer: Signer, clock: SettableClock
):
    await grow(database, sequencer, clock)
    await cut(database, signer, clock.now(), 2)
    await sql(database, "DELETE FROM audit_entries")
    assert (await verify(database, signer)).faults


async def test_a_head_from_before_the_cut_can_not_be_compared(
    database: Database, sequencer: Sequencer, signer: Signer, clock: SettableClock
):
    await grow(database, sequencer, clock)
    await cut(database, signer, clock.now(), 2)
    verdict = await verify(database, signer, [Position(3, b"x" * 32)])
    assert verdict.faults == []
    assert verdict.notes == ["entry 3 was cut off since: it cannot be compared"]


async def test_a_new_secret_signs_what_the_previous_one_signed(
    database: Database, sequencer: Sequencer, clock: SettableClock, settings: Settings
):
    await grow(database, sequencer, clock)
    new = SecretStr("another secret of the tests, long enough to be one").get_secret_value()
    old = settings.secret_key.get_secret_value()
    both, alone = Signer(KeyRing([new, old])), Signer(KeyRing([new]))
    assert (await verify(database, both)).faults == []
    assert len((await verify(database, alone)).faults) == 4
    await cut(database, both, clock.now(), 2)
    assert await sign_anew(database, both) == 2
    assert await sign_anew(database, both) == 0
    assert (await verify(database, alone)).faults == []


async def test_a_forged_head_is_not_signed_anew(
    database: Database, sequencer: Sequencer, clock: SettableClock, settings: Settings
):
    await grow(database, sequencer, clock)
    await sql(database, "UPDATE audit_heads SET hash = sha256(hash) WHERE seq = 5")
    old = settings.secret_key.get_secret_value()
    both = Signer(KeyRing(["another secret of the tests, long enough to be one", old]))
    assert await sign_anew(database, both) == 3
    assert (await verify(database, both)).faults == [
        "the head at 5 is not signed by this installation"
    ]
