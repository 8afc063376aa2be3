"""Idempotency keys (draft-ietf-httpapi-idempotency-key-header).

A repeat gets the response stored in the first transaction, or a 409 while that is running.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import LargeBinary, String, delete, func, select
from sqlalchemy.orm import Mapped, mapped_column
from starlette.responses import Response

from app.core.db.database import ReadSession, WriteSession
from app.core.db.models import Base
from app.core.errors import Problem

KEPT_FOR = timedelta(hours=24)
REPLAYED = "Idempotency-Replayed"


class IdempotencyKeyReused(Problem):
    status, code, title = 422, "idempotency_key_reused", "The key was used with another body"


class RequestInProgress(Problem):
    status, code, title = 409, "request_in_progress", "The first request is still running"


class IdempotentAnswer(Base):
    """A stored response; `scope` is the hash of caller, path and key."""

    __tablename__ = "idempotent_answers"

    scope: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    body_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    status: Mapped[int]
    media_type: Mapped[str] = mapped_column(String(100))
    location: Mapped[str | None] = mapped_column(String(300))
    content: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(index=True)


class RepeatedRequest(Exception):  # noqa: N818 - a way out, not an error
    """Ends a request with the stored response."""

    def __init__(self, answer: IdempotentAnswer) -> None:
        super().__init__()
        headers = {REPLAYED: "true", "Content-Type": answer.media_type}
        if answer.location:
            headers["Location"] = answer.location
        # The row cannot be read after a rollback.
        self.response = Response(answer.content, answer.status, headers=headers)


@dataclass(frozen=True, slots=True)
class Sent:
    """A request with an idempotency key, identified by its scope and body."""

    scope: bytes
    body_hash: bytes
    now: datetime

    async def refuse_known(self, session: ReadSession) -> None:
        """Raise `RepeatedRequest` or `IdempotencyKeyReused` if the key has a response."""
        earlier = await session.scalar(
            select(IdempotentAnswer).where(
                IdempotentAnswer.scope == self.scope,
                IdempotentAnswer.created_at > self.now - KEPT_FOR,
            )
        )
        if earlier is None:
            return
        if earlier.body_hash != self.body_hash:
            raise IdempotencyKeyReused
        raise RepeatedRequest(earlier)


@dataclass(frozen=True, slots=True)
class Repeatable:
    """A request with an idempotency key, in its unit of work."""

    unit: WriteSession
    sent: Sent

    async def require_first(self) -> None:
        """Lock the key and require that it is new.

        Raise `RepeatedRequest`, `IdempotencyKeyReused` or `RequestInProgress` otherwise.
        """
        lock = int.from_bytes(self.sent.scope[:8], "big", signed=True)
        if not await self.unit.scalar(select(func.pg_try_advisory_xact_lock(lock))):
            raise RequestInProgress
        await self.sent.refuse_known(self.unit)

    async def keep(self, response: Response) -> None:
        """Store a successful response; a refused request may be retried."""
        if not 200 <= response.status_code < 300:
            return
        await self.unit.write(
            delete(IdempotentAnswer).where(IdempotentAnswer.scope == self.sent.scope)
        )
        self.unit.add(
            IdempotentAnswer(
                scope=self.sent.scope,
                body_hash=self.sent.body_hash,
                status=response.status_code,
                media_type=response.headers.get("Content-Type", "application/json"),
                location=response.headers.get("Location"),
                content=bytes(response.body),
                created_at=self.sent.now,
            )
        )
        await self.unit.flush()


def scope_of(caller: str, path: str, key: str) -> bytes:
    return hashlib.sha256("\0".join((caller, path, key)).encode()).digest()


async def forget_old(unit: WriteSession, now: datetime) -> int:
    """Delete expired responses; return how many."""
    old = delete(IdempotentAnswer).where(IdempotentAnswer.created_at <= now - KEPT_FOR)
    return (await unit.write(old)).rowcount


async def forget_mentions(unit: WriteSession, word: str) -> None:
    """Delete responses that contain `word`, such as erased data."""
    named = func.strpos(func.encode(IdempotentAnswer.content, "escape"), word) > 0
    await unit.write(delete(IdempotentAnswer).where(named))


async def forget_kept_at(unit: WriteSession, instants: Collection[datetime]) -> None:
    """Delete responses stored at these instants, when erased records were created."""
    await unit.write(delete(IdempotentAnswer).where(IdempotentAnswer.created_at.in_(instants)))
