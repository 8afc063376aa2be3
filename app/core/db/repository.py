"""The base classes of repositories."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.core.db.database import ReadSession, WriteSession
from app.core.db.models import Entity
from app.core.errors import InUse, Problem

M = TypeVar("M", bound=Entity)
FOREIGN_KEY_VIOLATION = "23503"  # SQLSTATE, PostgreSQL appendix A


class NameTaken(Problem):
    status, code, title = 409, "name_taken", "This name is already taken"


@contextmanager
def refusals(by_constraint: Mapping[str, type[Problem]]) -> Iterator[None]:
    """Translate violations of these constraints into problems; flush inside the block."""
    try:
        yield
    except DBAPIError as error:
        # SQLAlchemy wraps the driver's error, the direct path does not.
        cause = getattr(error.orig, "__cause__", None) or error.orig
        problem = by_constraint.get(getattr(cause, "constraint_name", None) or "")
        if problem is None:
            raise
        raise problem from None


class ReadRepository(Generic[M]):
    model: ClassVar[type[Any]]

    def __init__(self, session: ReadSession) -> None:
        self.session = session

    def statement(self) -> Select[M]:
        """Return the SELECT that the queries extend."""
        return select(self.model)

    async def get(self, id_: UUID) -> M | None:
        return await self.session.scalar(self.statement().where(self.model.id == id_))

    async def exists(self, *conditions: ColumnElement[bool]) -> bool:
        return bool(await self.session.scalar(select(exists().where(*conditions))))


class Repository(ReadRepository[M]):
    def __init__(self, session: WriteSession) -> None:
        super().__init__(session)
        self.unit = session

    async def lock(self, *conditions: ColumnElement[bool], key_share: bool = False) -> M | None:
        """Lock a row with `SELECT … FOR UPDATE`, and read it again; return None if none matches.

        `key_share` (`FOR NO KEY UPDATE`) lets others write rows that refer to it.
        """
        entity = await self.session.scalar(
            select(self.model)
            .where(*conditions)
            .with_for_update(of=self.model, key_share=key_share)
            .execution_options(populate_existing=True)
        )
        await self.unit.decide(entity)
        return entity

    def add(self, entity: M) -> M:
        self.unit.add(entity)
        return entity

    def add_all(self, entities: Iterable[M]) -> None:
        self.unit.add(*entities)

    async def delete(self, entity: M) -> None:
        """Delete a row; raise `InUse` if other rows refer to it."""
        await self.unit.delete(entity)
        try:
            await self.unit.flush()
        except IntegrityError as error:
            if getattr(error.orig, "sqlstate", None) != FOREIGN_KEY_VIOLATION:
                raise
            raise InUse from None
