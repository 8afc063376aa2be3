from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    String,
    Update,
    Uuid,
    and_,
    case,
    cast,
    column,
    delete,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
    update,
)
from sqlalchemy.dialects.postgresql import array, insert

from app.core.db.database import AfterCommit, WriteSession
from app.core.db.repository import ReadRepository, Repository
from app.core.db.scope import Scope
from app.core.errors import NotFound
from app.core.http.pagination import Ordering, PageRequest, paginate
from app.core.ids import new_id
from app.core.request_context import current_context
from app.notifications.errors import NotFailed, Pointless
from app.notifications.fact_statements import words
from app.notifications.kinds import (
    ABOUT_VISIT,
    OF_ARRIVAL,
    TO_HOST,
    TO_VISITOR,
    NotificationKind,
)
from app.notifications.models import Notification, NotificationStatus
from app.notifications.payloads import Payload

# Referred to by name, since the visitors package is above this one.
VISITORS = table(
    "visitors", column("id", Uuid()), column("site_id", Uuid()), column("host_id", Uuid())
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMail:
    """A mail to be queued; after `pointless_after` it is not sent.

    With `erase_when_done` it is hidden, and deleted after sending. `withheld` is the reason to
    record it without sending. `co_host` is the address of a co-host who gets the mail of the host.
    """

    kind: NotificationKind
    payload: Payload
    to: str
    name: str
    co_host: str = ""
    visitor_id: UUID | None = None
    version: int = 1
    pointless_after: datetime | None = None
    erase_when_done: bool = False
    not_before: datetime | None = None
    withheld: str | None = None


NEWEST_FIRST = Ordering(
    "-notifications", (Notification.created_at, Notification.id), descending=True
)


def _within(scope: Scope) -> list[ColumnElement[bool]]:
    """Return the condition of mails in scope: those about visits at its sites."""
    if scope.sites is None:
        return []
    is_about = VISITORS.c.id == Notification.visitor_id
    return [exists().where(is_about, *scope.of_sites(VISITORS.c.site_id))]


def _subject_of(kind: NotificationKind) -> Collection[NotificationKind]:
    """Return the kinds that tell the same recipients of the same thing."""
    subjects = (TO_VISITOR, OF_ARRIVAL, TO_HOST - OF_ARRIVAL)
    return next((kinds for kinds in subjects if kind in kinds), frozenset({kind}))


class NotificationReader(ReadRepository[Notification]):
    model = Notification

    async def of_visitor(self, visitor_id: UUID) -> Sequence[Notification]:
        found = await self.session.scalars(
            self.statement().where(Notification.visitor_id == visitor_id).order_by(Notification.id)
        )
        return found.all()

    async def left_since(
        self, visitor_id: UUID, kinds: Collection[NotificationKind], since: datetime
    ) -> Sequence[Notification]:
        """Return the mails of these kinds, queued since an instant, that have been sent."""
        found = await self.session.scalars(
            self.statement()
            .where(
                Notification.visitor_id == visitor_id,
                Notification.kind.in_(kinds),
                Notification.created_at >= since,
                Notification.status == NotificationStatus.SENT,
            )
            .order_by(Notification.id)
        )
        return found.all()

    async def outdated_by(
        self, visitor_id: UUID, acted_at: datetime
    ) -> set[tuple[NotificationKind, str]]:
        """Return the kinds and co-hosts of mails that an act kept from being sent.

        Those in whose place another one waits are left out.
        """
        was_kept = and_(
            Notification.pointless_after == acted_at,
            Notification.status.in_([NotificationStatus.SUPERSEDED, NotificationStatus.SENDING]),
        )
        is_queued = Notification.status == NotificationStatus.QUEUED
        found = await self.session.rows(
            select(Notification.kind, Notification.co_host, Notification.status).where(
                Notification.visitor_id == visitor_id, or_(was_kept, is_queued)
            )
        )
        kept, waiting = set(), set()
        for kind, co_host, status in found:
            if status is NotificationStatus.QUEUED:
                waiting.add((_subject_of(kind), co_host))
            else:
                kept.add((kind, co_host))
        return {each for each in kept if (_subject_of(each[0]), each[1]) not in waiting}

    async def may_have_left(
        self, visitor_id: UUID, kind: NotificationKind, since: datetime
    ) -> bool:
        """Return whether a mail of a kind, queued since an instant, is sent or being sent."""
        return await self.exists(
            Notification.visitor_id == visitor_id,
            Notification.kind == kind,
            Notification.created_at >= since,
            Notification.status.in_([NotificationStatus.SENT, NotificationStatus.SENDING]),
        )

    async def summaries_naming(
        self, visitor_id: UUID, queued_at: datetime
    ) -> Sequence[Notification]:
        """Return the summaries of an upload that list this visitor."""
        row = {"visitors": [{"visitor_id": str(visitor_id)}]}
        found = await self.session.scalars(
            self.statement()
            .where(*_summaries([queued_at]), Notification.payload.contains(row))
            .order_by(Notification.id)
        )
        return found.all()

    async def page(
        self,
        status: NotificationStatus | None,
        kind: NotificationKind | None,
        scope: Scope,
        page: PageRequest,
    ) -> tuple[list[Notification], str | None, int | None]:
        """Return the mails in scope, newest first."""
        statement = self.statement().where(~Notification.erase_when_done, *_within(scope))
        if status is not None:
            statement = statement.where(Notification.status == status)
        if kind is not None:
            statement = statement.where(Notification.kind == kind)
        return await paginate(self.session, statement, NEWEST_FIRST, page)


class MailKeeper(Repository[Notification]):
    """Supersedes outdated notifications, and removes visitors from stored ones."""

    model = Notification

    async def supersede(
        self,
        visitor_ids: Collection[UUID],
        now: datetime,
        kinds: Collection[NotificationKind] = ABOUT_VISIT,
    ) -> None:
        """Supersede notifications about these visits.

        A claimed one is not retried, and the one that corrects it waits.
        """
        await self.unit.write(
            superseding(
                Notification.visitor_id.in_(visitor_ids), literal(now), kinds
            ).execution_options(synchronize_session=False)
        )

    async def supersede_to_hosts(
        self, visitor_ids: Collection[UUID], now: datetime, co_hosts: Collection[str] = ("",)
    ) -> None:
        """Supersede the mails to the host (""), or to the co-hosts with these addresses."""
        theirs = and_(Notification.visitor_id.in_(visitor_ids), Notification.co_host.in_(co_hosts))
        await self.unit.write(
            superseding(theirs, literal(now), TO_HOST).execution_options(synchronize_session=False)
        )

    async def outdate_claimed(self, visitor_id: UUID, now: datetime) -> None:
        """Supersede only claimed mails: those that wait are sent with the current facts.

        It locks the waiting ones, so that none is claimed with the facts before this transaction.
        """
        is_claimed = Notification.status == NotificationStatus.SENDING
        await self.unit.write(
            update(Notification)
            .where(
                Notification.visitor_id == visitor_id,
                cast(Notification.kind, String).in_(words(ABOUT_VISIT)),
                or_(is_claimed, Notification.status == NotificationStatus.QUEUED),
            )
            .values(pointless_after=case((is_claimed, now), else_=Notification.pointless_after))
            .execution_options(synchronize_session=False)
        )

    async def supersede_hand_over(self, visitor_id: UUID, address: str, now: datetime) -> None:
        """Supersede the hand-over mail to a host or co-host who has the visit again."""
        theirs = func.lower(Notification.recipient) == address.lower()
        await self.unit.write(
            superseding(
                and_(Notification.visitor_id == visitor_id, theirs),
                literal(now),
                [NotificationKind.host_handed_over],
            ).execution_options(synchronize_session=False)
        )

    async def erase_of(self, visitor_ids: Collection[UUID]) -> None:
        await self.unit.write(
            delete(Notification)
            .where(Notification.visitor_id.in_(visitor_ids))
            .execution_options(synchronize_session=False)
        )

    async def erase_from_summaries(
        self, visitor_ids: Collection[UUID], queued_at: Collection[datetime]
    ) -> None:
        """Remove visitors from the summaries of their uploads."""
        # Two runs may have visitors of the same uploads, so lock in a fixed order.
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


class Outbox(MailKeeper):
    def __init__(self, unit: WriteSession, wake: AfterCommit) -> None:
        super().__init__(unit)
        self._wake = wake

    def wake_after_commit(self) -> None:
        self.unit.after_commit(self._wake)

    def put(self, mail: OutgoingMail, now: datetime) -> None:
        self.unit.append(Notification, mail_row(mail, now))
        self.wake_after_commit()

    async def put_once(self, mail: OutgoingMail, now: datetime) -> bool:
        """Queue a mail unless one with its unique key exists; return whether it is new."""
        statement = insert(Notification).values(mail_row(mail, now)).on_conflict_do_nothing()
        inserted = bool((await self.unit.write(statement)).rowcount)
        if inserted:
            self.wake_after_commit()
        return inserted

    async def lock_failed(self, notification_id: UUID, scope: Scope) -> Notification:
        """Lock a failed notification in scope.

        Raise `NotFound`, `NotFailed` or `Pointless`.
        """
        notification = await self.lock(
            Notification.id == notification_id, ~Notification.erase_when_done, *_within(scope)
        )
        if notification is None:
            raise NotFound
        if notification.status is NotificationStatus.SUPERSEDED:
            raise Pointless
        if notification.status is not NotificationStatus.FAILED:
            raise NotFailed(current_status=notification.status.value)
        return notification

    def retry(self, notification: Notification, now: datetime) -> Notification:
        """Queue a notification for another day of attempts."""
        notification.status = NotificationStatus.QUEUED
        notification.next_attempt_at = notification.tries_began_at = now
        notification.attempts = 0
        self.wake_after_commit()
        return notification

    async def last_lease_ends_at(self, visitor_id: UUID, now: datetime) -> datetime:
        """Return when the last claim of a mail about the visit ends at the latest."""
        until = await self.session.scalar(
            select(func.max(Notification.lease_until)).where(
                Notification.visitor_id == visitor_id,
                Notification.status == NotificationStatus.SENDING,
            )
        )
        return max(until or now, now)


def superseding(
    which: ColumnElement[bool], now: ColumnElement[datetime], kinds: Collection[NotificationKind]
) -> Update:
    """Return the UPDATE that supersedes queued, failed and claimed notifications."""
    is_sending = Notification.status == literal_column(f"'{NotificationStatus.SENDING}'")
    ending = [NotificationStatus.QUEUED, NotificationStatus.SENDING, NotificationStatus.FAILED]
    return (
        update(Notification)
        .where(
            which,
            cast(Notification.kind, String).in_(words(kinds)),
            cast(Notification.status, String).in_(words(ending)),
        )
        .values(
            status=case(
                (is_sending, Notification.status),
                else_=literal_column(f"'{NotificationStatus.SUPERSEDED}'"),
            ),
            pointless_after=now,
        )
    )


def _summaries(queued_at: Collection[datetime]) -> tuple[ColumnElement[bool], ...]:
    return (
        Notification.created_at.in_(queued_at),
        Notification.kind == NotificationKind.host_bulk_summary,
    )


def mail_row(mail: OutgoingMail, now: datetime) -> dict[str, Any]:
    context = current_context()
    return {
        "id": new_id(),
        "visitor_id": mail.visitor_id,
        "kind": mail.kind,
        "version": mail.version,
        "request_id": context.request_id if context else None,
        "co_host": mail.co_host,
        "recipient": mail.to,
        "recipient_name": mail.name,
        "payload": mail.payload.model_dump(mode="json"),
        "status": NotificationStatus.SUPERSEDED if mail.withheld else NotificationStatus.QUEUED,
        "last_error": mail.withheld,
        "attempts": 0,
        "next_attempt_at": mail.not_before or now,
        "tries_began_at": now,
        "pointless_after": mail.pointless_after,
        "erase_when_done": mail.erase_when_done,
        "created_at": now,
    }
