"""Track rollouts, which a migration with new values begins and `vms migrate --finish` ends.

Meanwhile requests that would write these values are refused, since the previous release cannot read
them.
"""

from datetime import datetime

from sqlalchemy import Boolean, String, exists, literal_column, select, table, text, update
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.database import ReadSession, WriteSession
from app.core.db.models import Base
from app.core.errors import Problem


class Rollout(Base):
    """A release with new values; `finished_at` is null during its rollout."""

    __tablename__ = "rollouts"

    revision: Mapped[str] = mapped_column(String(32), primary_key=True)
    finished_at: Mapped[datetime | None]


class UpdateUnderWay(Problem):
    status, code, title = 503, "update_under_way", "The service is being updated"

    def __init__(self) -> None:
        detail = "This is possible once the update is complete (`vms migrate --finish`)"
        super().__init__(detail, headers={"Retry-After": "60"})


async def is_under_way(session: ReadSession, revision: str | None = None) -> bool:
    """Return whether processes of the previous release may still be running.

    With `revision`, return whether processes from before that revision may.
    """
    its_own = [] if revision is None else [Rollout.revision == revision]
    open_ones = select(exists().where(Rollout.finished_at.is_(None), *its_own))
    return bool(await session.scalar(open_ones))


async def is_finished(unit: WriteSession) -> bool:
    """Return whether no rollout is open; each process caches True."""
    database = unit.database
    database.rollout_is_finished = database.rollout_is_finished or not await is_under_way(unit)
    return database.rollout_is_finished


async def require_finished(unit: WriteSession) -> None:
    if not await is_finished(unit):
        raise UpdateUnderWay


async def finish(unit: WriteSession, now: datetime) -> int:
    """End all rollouts; return how many."""
    ended = await unit.write(
        update(Rollout).where(Rollout.finished_at.is_(None)).values(finished_at=now)
    )
    return ended.rowcount


async def validate_constraints(unit: WriteSession) -> None:
    """Validate the constraints that are NOT VALID, without blocking readers or writers."""
    unproven = (
        select(
            literal_column("quote_ident(conname)", String),
            literal_column("conrelid::regclass::text", String),
        )
        .select_from(table("pg_constraint"))
        .where(literal_column("NOT convalidated", Boolean))
    )
    for name, place in (await unit.rows(unproven)).all():
        await unit.returning(text(f"ALTER TABLE {place} VALIDATE CONSTRAINT {name}"))
