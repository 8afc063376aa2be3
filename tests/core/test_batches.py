"""Jobs in batches: each commits by itself, until nothing is left."""

import pytest
from sqlalchemy import delete, func, select

from app.core.db.batches import Batch, in_batches
from app.core.db.database import Database, WriteSession
from app.departments.models import Department
from tests.conftest import MONDAY


async def left(database: Database) -> int:
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(Department)) or 0


@pytest.fixture
async def five(database: Database) -> Database:
    async with database.write() as unit:
        unit.add(
            *(Department(name=f"D{n}", created_at=MONDAY, updated_at=MONDAY) for n in range(5))
        )
    return database


async def two_less(unit: WriteSession) -> Batch:
    some = select(Department.id).order_by(Department.name).limit(2)
    done = (await unit.write(delete(Department).where(Department.id.in_(some)))).rowcount
    return Batch(done, more=done == 2)


async def test_batches_run_until_nothing_is_left(five: Database):
    told: list[int] = []
    assert await in_batches(five, two_less, on_each=told.append) == 5
    assert (told, await left(five)) == ([2, 2, 1], 0)


async def test_a_batch_that_fails_keeps_those_before_it(five: Database):
    async def fails_at_the_second(unit: WriteSession) -> Batch:
        batch = await two_less(unit)
        if await left(five) == 3:
            raise LookupError
        return batch

    with pytest.raises(LookupError):
        await in_batches(five, fails_at_the_second)
    assert await left(five) == 3
