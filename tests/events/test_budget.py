"""What the numbering costs: the number of statements of a batch, whatever its size."""

import pytest

from app.core.db.database import Database
from app.events.sequencer_service import Sequencer
from tests.events.following import read, write_entry, write_pending
from tests.support.counting import sent_to


@pytest.mark.parametrize("number", [1, 200])
async def test_a_batch_with_its_events_keeps_its_budget(
    database: Database, sequencer: Sequencer, number: int
):
    async with database.write() as unit:
        write_entry(unit)
    await sequencer.step()  # signs the head, once a minute
    async with database.write() as unit:
        for _ in range(number):
            write_entry(unit)
            write_pending(unit)
    with sent_to(database) as sent:
        assert await sequencer.step() == 2 * number
    # A look, a limit, the lease, entries of the previous release and those that wait, the end of
    # the chain, links, events; whether to sign (two).
    assert len(sent) <= 10, [each.sql for each in sent]


async def test_nothing_to_number_is_one_statement(database: Database, sequencer: Sequencer):
    async with database.write() as unit:
        write_entry(unit)
    await sequencer.step()
    with sent_to(database) as sent:
        assert await sequencer.step() == 0
    assert len(sent) == 1


async def test_a_page_is_one_statement(database: Database, sequencer: Sequencer):
    async with database.write() as unit:
        for _ in range(200):
            write_pending(unit)
    await sequencer.step()
    with sent_to(database) as sent:
        assert len((await read(database)).events) == 200
    assert len(sent) == 1
