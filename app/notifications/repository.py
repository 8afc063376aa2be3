"""SQL of the outbox."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, case, delete, func, select, true, update
from sqlalchemy.dialects.postgresql import array, insert

from app.core.database import AfterCommit, WriteSession
from app.core.errors import NotFound
from app.core.ids import new_id
from app.core.pagination import Ordering, PageRequest, paginate
from app.core.repository import ReadRepository, Repository
from app.core.request_context import current_context
from app.notifications.errors import NotFailed
from app.notifications.kinds import NotificationKind
from app.notifications.models import Notification, NotificationStatus
from app.notifications.payloads import Payload


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMail:
    """A mail to be queued; `pointless_after` is when it is better not sent at all."""

    kind: NotificationKind
    payload: Payload
    to: str
    name: str
    visitor_id: UUID | None = None
    version: int = 1
    pointless_after: datetime | None = None


NEWEST_FIRST = Ordering(
    "-notifications", (Notification.created_at, Notification.id), descending=True
)


class NotificationReader(ReadRepository[Notification]):
    """Looks mails up."""

    model = Notification

    async def of_visitor(self, visitor_id: UUID) -> Sequence[Notification]:
        """Every mail about one visitor, oldest first."""
        found = await self.session.scalars(
            self.statement().where(Notification.visitor_id == visitor_id).order_by(Notification.id)
        )
        return found.all()

    async def summaries_naming(
        self, visitor_id: UUID, queued_at: datetime
    ) -> Sequence[Notification]:
        """The summary to the host of the upload at an instant, where it lists this visitor."""
        row = {"visitors": [{"visitor_id": str(visitor_id)}]}
        found = await self.session.scalars(
            self.statement()
            .where(*_summaries([queued_at]), Notification.payload.contains(row))
            .order_by(Notification.id)
        )
        return found.all()

    async def page(
        self, status: NotificationStatus | None, kind: NotificationKind | None, page: PageRequest
    ) -> tuple[list[Notification], str | None, int | None]:
        statement = self.statement()
        if status is not None:
            statement = statement.where(Notification.status == status)
        if kind is not None:
            statement = statement.where(Notification.kind == kind)
        return await paginate(self.session, statement, NEWEST_FIRST, page)


class MailEraser(Repository[Notification]):
    """Takes visitors out of the mails that are kept."""

    model = Notification

    async def erase_of(self, visitor_ids: Collection[UUID]) -> None:
        """Delete every mail about these visitors."""
        await self.unit.write(
            delete(Notification)
            .where(Notification.visitor_id.in_(visitor_ids))
            .execution_options(synchronize_session=False)
        )

    async def erase_from_summaries(
        self, visitor_ids: Collection[UUID], queued_at: Collection[datetime]
    ) -> None:
        """Take visitors out of the summaries that their uploads queued at these instants."""
        # Locked in one order: two runs may have visitors of the same uploads.
        locked = await self.session.scalars(
            select(Notification.id)
            .where(*_summaries(queued_at))
            .order_by(Notification.id)
            .with_for_update()
        )
        listed = func.jsonb_array_elements(Notification.payload["visitors"]).column_valued("listed")
        others = (
            select(func.coalesce(func.jsonb_agg(listed), func.jsonb_build_array()))
            .where(listed.op("->>")("visitor_id").not_in([str(id_) for id_ in visitor_ids]))
            .scalar_subquery()
        )
        await self.unit.write(
            update(Notification)
            .where(Notification.id.in_(locked.all()))
            .values(payload=func.jsonb_set(Notification.payload, array(["visitors"]), others))
            .execution_options(synchronize_session=False)
        )


class Outbox(MailEraser):
    """Where mail is put, in the transaction that causes it."""

    def __init__(self, unit: WriteSession, wake: AfterCommit) -> None:
        super().__init__(unit)
        self._wake = wake

    def wake_after_commit(self) -> None:
        """Tell the worker, once the mail is there for it."""
        self.unit.after_commit(self._wake)

    def put(self, mail: OutgoingMail, now: datetime) -> None:
        """Queue one mail."""
        self.unit.append(Notification, mail_row(mail, now))
        self.wake_after_commit()

    async def put_once(self, mail: OutgoingMail, now: datetime) -> bool:
        """Queue one mail unless its (visitor, kind, version) is there; says whether it was new."""
        statement = insert(Notification).values(mail_row(mail, now)).on_conflict_do_nothing()
        inserted = bool((await self.unit.write(statement)).rowcount)
        if inserted:
            self.wake_after_commit()
        return inserted

    async def lock_failed(self, notification_id: UUID) -> Notification:
        """A mail that has failed, locked; raises `NotFound` and `NotFailed`."""
        notification = await self.lock(Notification.id == notification_id)
        if notification is None:
            raise NotFound
        if notification.status is not NotificationStatus.FAILED:
            raise NotFailed(current_status=notification.status.value)
        return notification

    def retry(self, notification: Notification, now: datetime) -> Notification:
        """Queue a locked mail again; its day of tries begins now."""
        notification.status = NotificationStatus.QUEUED
        notification.next_attempt_at = notification.tries_began_at = now
        notification.attempts = 0
        self.wake_after_commit()
        return notification

    async def next_version(self, visitor_id: UUID, kind: NotificationKind) -> int:
        """The version of one more mail of this kind; the visitor's row must be locked."""
        highest = await self.session.scalar(
            select(func.max(Notification.version)).where(
                Notification.visitor_id == visitor_id, Notification.kind == kind
            )
        )
        return (highest or 0) + 1

    async def supersede(self, visitor_id: UUID, now: datetime, *, to: str | None = None) -> None:
        """Drop the mails about a visitor (those `to` one address) that wait: they are not true now.

        One that is in a worker's hands goes out, but is not tried again.
        """
        queued = Notification.status == NotificationStatus.QUEUED
        await self.unit.write(
            update(Notification)
            .where(
                Notification.visitor_id == visitor_id,
                true() if to is None else Notification.recipient == to,
                Notification.status.in_([NotificationStatus.QUEUED, NotificationStatus.SENDING]),
            )
            .values(
                status=case((queued, NotificationStatus.SUPERSEDED), else_=Notification.status),
                pointless_after=now,
            )
            .execution_options(synchronize_session=False)
        )


def _summaries(queued_at: Collection[datetime]) -> tuple[ColumnElement[bool], ...]:
    return (
        Notification.created_at.in_(queued_at),
        Notification.kind == NotificationKind.host_bulk_summary,
    )


def mail_row(mail: OutgoingMail, now: datetime) -> dict[str, Any]:
    """The columns of a queued mail."""
    context = current_context()
    return {
        "id": new_id(),
        "visitor_id": mail.visitor_id,
        "kind": mail.kind,
        "version": mail.version,
        "request_id": context.request_id if context else None,
        "recipient": mail.to,
        "recipient_name": mail.name,
        "payload": mail.payload.model_dump(mode="json"),
        "status": NotificationStatus.QUEUED,
        "attempts": 0,
        "next_attempt_at": now,
        "tries_began_at": now,
        "pointless_after": mail.pointless_after,
        "erase_when_done": False,
        "created_at": now,
    }
