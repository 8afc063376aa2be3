"""Sessions and units of work: which may write, and what follows a commit."""

from collections.abc import Iterator

import pytest
from sqlalchemy import SelectBase, bindparam, delete, insert, literal, select, update

from app.core.db.database import Database, ReadSession, WriteSession
from app.core.db.prepared import Command, Query
from app.core.db.recent_writers import RecentWriters
from app.core.ids import new_id
from app.core.request_context import RequestContext, note_writer, set_request_context
from app.departments.models import Department
from tests.conftest import MONDAY
from tests.support.counting import sent_to

NAMES = Query(select(Department.name).order_by(Department.name))
RENAME = Command(
    update(Department).values(name=bindparam("new_name")).returning(Department.id, Department.name)
)
WRITING = [
    select(insert(Department).values(id=new_id()).returning(Department.id).cte().c.id),
    select(update(Department).values(name="A").returning(Department.id).cte().c.id),
    select(literal(1)).add_cte(delete(Department).cte()),
    select(Department).with_for_update(),
    select(Department).with_for_update(key_share=True),
    select(Department).with_for_update(read=True),
]


@pytest.fixture
async def department(database: Database) -> Database:
    async with database.write() as unit:
        unit.add(Department(id=new_id(), name="Sales", created_at=MONDAY, updated_at=MONDAY))
    return database


class Noted(RecentWriters):
    """Writers kept in a list instead of Redis."""

    def __init__(self) -> None:
        self.noted: list[str] = []

    async def note(self, writer: str) -> None:
        self.noted.append(writer)


@pytest.fixture
def writers(department: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Yield the writers that units note, in a request of somebody who is signed in."""
    noted = Noted()
    monkeypatch.setattr(department, "recent_writers", noted)
    set_request_context(RequestContext("x"))
    note_writer(new_id())
    yield noted.noted
    set_request_context(None)


async def names(database: Database) -> list[str]:
    async with database.read() as session:
        return [name for (name,) in await session.fetch(NAMES)]


async def rename(unit: WriteSession, name: str = "Research") -> None:
    assert await unit.row(RENAME, new_name=name) is not None


@pytest.mark.parametrize("statement", WRITING)
def test_a_statement_that_writes_is_no_query(statement: SelectBase):
    with pytest.raises(TypeError):
        Query(statement)


def test_the_type_checker_refuses_a_command_in_a_read_session():
    async def mistakes(session: ReadSession) -> None:
        await session.row(RENAME)  # type: ignore[arg-type]
        await session.fetch(RENAME)  # type: ignore[arg-type]
        session.stream(RENAME, part=1)  # type: ignore[arg-type]

    assert mistakes.__name__  # mypy reports the comments as unused if it takes a Command


async def test_a_unit_rolls_back_on_an_error(department: Database):
    async def fail() -> None:
        async with department.write() as unit:
            await rename(unit)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await names(department) == ["Sales"]


async def test_a_command_sees_what_is_pending(department: Database):
    async with department.write() as unit:
        unit.add(Department(id=new_id(), name="A", created_at=MONDAY, updated_at=MONDAY))
        await unit.run(Command(delete(Department)))
    assert await names(department) == []


async def test_a_single_statement_needs_no_transaction(department: Database):
    with sent_to(department) as sent:
        async with department.write(single_statement=True) as unit:
            await rename(unit)
            assert await names(department) == ["Research"]
    assert len(sent) == 2


@pytest.mark.parametrize("single", [False, True])
async def test_callbacks_run_after_the_commit(department: Database, single: bool):
    seen: list[list[str]] = []

    async def look() -> None:
        seen.append(await names(department))

    async with department.write(single_statement=single) as unit:
        unit.after_commit(look)
        unit.after_commit(look)
        await rename(unit)
        assert not seen
    assert seen == [["Research"]]


@pytest.mark.parametrize("single", [False, True])
async def test_no_callback_runs_after_an_error(department: Database, single: bool):
    told: list[str] = []

    async def tell() -> None:
        told.append("committed")

    async def fail() -> None:
        async with department.write(single_statement=single) as unit:
            unit.after_commit(tell)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert not told


async def test_a_dry_run_changes_nothing_and_notifies_nobody(
    department: Database, writers: list[str]
):
    async def fail() -> None:
        raise AssertionError

    async with department.write() as unit:
        unit.dry_run()
        unit.after_commit(fail)
        await rename(unit)
    assert (await names(department), writers) == (["Sales"], [])


async def test_single_statements_have_no_dry_run(department: Database):
    async with department.write(single_statement=True) as unit:
        with pytest.raises(RuntimeError):
            unit.dry_run()


@pytest.mark.parametrize("single", [False, True])
async def test_a_unit_notes_its_writer_wherever_it_is_opened(
    department: Database, writers: list[str], single: bool
):
    async with department.write(single_statement=single) as unit:
        await rename(unit)
        assert not writers
    assert len(writers) == 1


async def test_a_read_notes_no_writer(department: Database, writers: list[str]):
    assert (await names(department), writers) == (["Sales"], [])
