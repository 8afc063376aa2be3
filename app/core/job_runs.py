"""When each job last ran, for alerts that also work while the worker is dead."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import String, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.database import ReadSession, WriteSession
from app.core.db.models import Base


class JobRun(Base):
    """The last run of a job; `succeeded_at` is null before its first success."""

    __tablename__ = "job_runs"

    job: Mapped[str] = mapped_column(String(100), primary_key=True)
    ended_at: Mapped[datetime]
    succeeded_at: Mapped[datetime | None]


async def note_run(unit: WriteSession, job: str, now: datetime, *, succeeded: bool) -> None:
    values = {"ended_at": now} | ({"succeeded_at": now} if succeeded else {})
    statement = insert(JobRun).values(job=job, **values)
    await unit.write(statement.on_conflict_do_update(index_elements=[JobRun.job], set_=values))


async def last_runs(session: ReadSession) -> Sequence[JobRun]:
    return (await session.scalars(select(JobRun).order_by(JobRun.job))).all()
