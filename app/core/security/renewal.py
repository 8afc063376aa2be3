"""Renews stored secrets after a change of `SECRET_KEY`, and counts those that need a former one."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Column, MetaData, Table, select, update

from app.core.db.batches import Batch, in_batches
from app.core.db.database import Database, ReadSession, WriteSession
from app.core.db.encrypted import encrypted_columns
from app.core.keys import KeyRing
from app.core.security.encryption import Encryption, UnreadableSecret

# Rows per transaction: few enough to hold locks only briefly.
BATCH = 500


@dataclass(slots=True)
class StoredSecrets:
    """Numbers of secrets that need a former key, and of those that no key reads."""

    former: int = 0
    unreadable: int = 0


class _Column:
    """One encrypted column, read in the order of ids."""

    def __init__(self, column: Column[bytes], encryption: Encryption) -> None:
        self.encryption = encryption
        self.found = StoredSecrets()
        self._column = column
        self._table: Table = column.table
        self._last = UUID(int=0)

    async def next(self, session: ReadSession) -> list[tuple[UUID, bytes]]:
        """Return the next rows with a secret; none at the end."""
        key = self._table.c.id
        rows = await session.rows(
            select(key, self._column)
            .where(key > self._last, self._column.is_not(None))
            .order_by(key)
            .limit(BATCH)
        )
        found = [(id_, stored) for id_, stored in rows]
        if found:
            self._last = found[-1][0]
        return found

    def renewed(self, stored: bytes) -> bytes | None:
        """Return the secret under the current key, or None if it stays as it is; count it."""
        try:
            renewed = self.encryption.renewed(stored)
        except UnreadableSecret:
            self.found.unreadable += 1
            return None
        self.found.former += renewed is not None
        return renewed

    async def renew(self, unit: WriteSession) -> Batch:
        """Renew the next rows; one that changes meanwhile is new already."""
        rows = await self.next(unit)
        for id_, stored in rows:
            if (secret := self.renewed(stored)) is not None:
                which = (self._table.c.id == id_, self._column == stored)
                await unit.write(
                    update(self._table).where(*which).values({self._column.name: secret})
                )
        return Batch(len(rows), more=len(rows) == BATCH)


async def renew_secrets(database: Database, metadata: MetaData, ring: KeyRing) -> int:
    """Encrypt all stored secrets with the current key; return how many needed it."""
    columns = list(_columns(metadata, ring))
    for column in columns:
        await in_batches(database, column.renew)
    return sum(column.found.former for column in columns)


async def count_secrets(database: Database, metadata: MetaData, ring: KeyRing) -> StoredSecrets:
    """Count the secrets that the current key does not read."""
    total = StoredSecrets()
    async with database.read() as session:
        for column in _columns(metadata, ring):
            while rows := await column.next(session):
                for _, stored in rows:
                    column.renewed(stored)
            total.former += column.found.former
            total.unreadable += column.found.unreadable
    return total


def _columns(metadata: MetaData, ring: KeyRing) -> Iterator[_Column]:
    for column, purpose in encrypted_columns(metadata):
        yield _Column(column, Encryption(ring, purpose))
