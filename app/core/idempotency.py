"""Repeats of a POST that creates something (draft-ietf-httpapi-idempotency-key-header).

The first answer is kept in the transaction that creates: either both are there or neither, however
the process ends. A repeat finds the answer; one that comes while the first is in flight is told so.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import LargeBinary, String, delete, func, select
from sqlalchemy.orm import Mapped, mapped_column
from starlette.responses import Response

from app.core.database import WriteSession
from app.core.errors import Problem
from app.core.models import Base

KEPT_FOR = timedelta(hours=24)
REPLAYED = "Idempotency-Replayed"


class IdempotencyKeyReused(Problem):
    status, code, title = 422, "idempotency_key_reused", "This key was used with another body"


class RequestInProgress(Problem):
    status, code, title = 409, "request_in_progress", "The first request with this key is running"


class IdempotentAnswer(Base):
    """The first answer under a key. `scope` is the hash of caller, path and key."""

    __tablename__ = "idempotent_answers"

    scope: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    body_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    status: Mapped[int]
    media_type: Mapped[str] = mapped_column(String(100))
    location: Mapped[str | None] = mapped_column(String(300))
    content: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(index=True)


class Replay(Exception):  # noqa: N818 - a way out, not an error
    """Ends a request with the answer to an earlier one."""

    def __init__(self, answer: IdempotentAnswer) -> None:
        super().__init__()
        headers = {REPLAYED: "true", "Content-Type": answer.media_type}
        if answer.location:
            headers["Location"] = answer.location
        # Made now: the row can't be read any more once its transaction has been given up.
        self.response = Response(answer.content, answer.status, headers=headers)


@dataclass(frozen=True, slots=True)
class Repeatable:
    """A request that may come again: whose it is, and what it says."""

    unit: WriteSession
    scope: bytes
    body_hash: bytes
    now: datetime

    async def begin(self) -> None:
        """Raises `Replay`, `IdempotencyKeyReused` or `RequestInProgress` unless this is the first.

        The lock is held until the transaction ends, so that no second one can be in flight.
        """
        lock = int.from_bytes(self.scope[:8], "big", signed=True)
        if not await self.unit.scalar(select(func.pg_try_advisory_xact_lock(lock))):
            raise RequestInProgress
        earlier = await self.unit.scalar(
            select(IdempotentAnswer).where(
                IdempotentAnswer.scope == self.scope,
                IdempotentAnswer.created_at > self.now - KEPT_FOR,
            )
        )
        if earlier is None:
            return
        if earlier.body_hash != self.body_hash:
            raise IdempotencyKeyReused
        raise Replay(earlier)

    async def keep(self, response: Response) -> None:
        """Keep the answer of a creation; a refusal creates nothing and may be tried again."""
        if not 200 <= response.status_code < 300:
            return
        await self.unit.write(delete(IdempotentAnswer).where(IdempotentAnswer.scope == self.scope))
        self.unit.add(
            IdempotentAnswer(
                scope=self.scope,
                body_hash=self.body_hash,
                status=response.status_code,
                media_type=response.headers.get("Content-Type", "application/json"),
                location=response.headers.get("Location"),
                content=bytes(response.body),
                created_at=self.now,
            )
        )
        await self.unit.flush()


def scope_of(caller: str, path: str, key: str) -> bytes:
    """What makes two requests the same one: the caller, the path and the key."""
    return hashlib.sha256("\0".join((caller, path, key)).encode()).digest()


async def forget_old(unit: WriteSession, now: datetime) -> int:
    """Delete the answers that are older than a day."""
    old = delete(IdempotentAnswer).where(IdempotentAnswer.created_at <= now - KEPT_FOR)
    return (await unit.write(old)).rowcount


async def forget_mentions(unit: WriteSession, word: str) -> None:
    """Delete the answers that name `word`: what is erased must not come back from here."""
    named = func.strpos(func.encode(IdempotentAnswer.content, "escape"), word) > 0
    await unit.write(delete(IdempotentAnswer).where(named))


async def forget_kept_at(unit: WriteSession, instants: Collection[datetime]) -> None:
    """Delete the answers to the requests of these instants: of those that made what is erased."""
    await unit.write(delete(IdempotentAnswer).where(IdempotentAnswer.created_at.in_(instants)))
