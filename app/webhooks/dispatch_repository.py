"""SQL of the dispatcher."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    String,
    bindparam,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from app.core.db.database import ReadSession
from app.core.db.leases import Lease
from app.core.db.prepared import Query
from app.events.models import EventLog
from app.users.models import User
from app.webhooks.models import (
    DeliveryStatus,
    DisabledReason,
    Webhook,
    WebhookCursor,
    WebhookDelivery,
    WebhookStatus,
)
from app.webhooks.repository import WebhookRepository, may_make

_is_active = Webhook.status == literal_column(f"'{WebhookStatus.ACTIVE.value}'")


def _has_no_maker() -> ColumnElement[bool]:
    """Select webhooks whose maker may have none."""
    return ~exists().where(User.id == Webhook.maker_id, may_make())


def _looking() -> Query:
    head = func.coalesce(select(func.max(EventLog.head)).scalar_subquery(), 0)
    cursor = func.coalesce(select(func.max(WebhookCursor.seq)).scalar_subquery(), 0)
    to_do = exists().where(_is_active, or_(Webhook.replay_after.is_not(None), _has_no_maker()))
    return Query(
        select(
            or_(head > cursor, to_do),
            Lease.holder,
            func.extract("epoch", Lease.until - func.clock_timestamp()),
        )
        .select_from(select(literal(1).label("one")).subquery("asked"))
        .outerjoin(Lease, Lease.name == bindparam("name", type_=String()))
    )


_LOOK = _looking()


async def look(session: ReadSession, lease: str) -> tuple[bool, UUID | None, float]:
    """Return whether there is work, who holds the lease, and for how many more seconds."""
    row = await session.row(_LOOK, name=lease)
    if row is None:
        raise LookupError("the query always has one row")
    return bool(row[0]), row[1], float(row[2] or 0)


@dataclass(frozen=True, slots=True)
class ActiveWebhook:
    """What the dispatcher asks of a webhook; there may be thousands."""

    id: UUID
    types: list[str]
    site_id: UUID | None
    maker_id: UUID | None
    starts_after: int
    replay_after: int | None


class DispatchRepository(WebhookRepository):
    """Reads and moves how far events were given to webhooks."""

    async def active(self) -> Sequence[ActiveWebhook]:
        columns = (getattr(Webhook, name) for name in ActiveWebhook.__slots__)
        found = await self.session.rows(select(*columns).where(_is_active))
        return [ActiveWebhook(*row) for row in found]

    async def cursor(self) -> int:
        """Return the number of the last event that was given to all webhooks."""
        return await self.session.scalar(select(WebhookCursor.seq)) or 0

    async def move_cursor(self, seq: int) -> None:
        statement = insert(WebhookCursor).values(id=1, seq=seq)
        await self.unit.write(
            statement.on_conflict_do_update(
                index_elements=[WebhookCursor.id], set_={"seq": statement.excluded.seq}
            )
        )

    async def move_replay(self, webhook_id: UUID, after: int, until: int) -> None:
        """Note how far a replay is, or that it is over."""
        is_over = after >= until
        await self.set_fields(
            webhook_id,
            replay_after=None if is_over else after,
            replay_until=None if is_over else until,
        )

    async def count_waiting(self, webhook_id: UUID, at_most: int) -> int:
        """Count the pending deliveries of a webhook, up to `at_most`."""
        some = (
            select(WebhookDelivery.id)
            .where(
                WebhookDelivery.webhook_id == webhook_id,
                WebhookDelivery.status == DeliveryStatus.PENDING,
            )
            .limit(at_most)
            .subquery()
        )
        return await self.session.scalar(select(func.count()).select_from(some)) or 0

    async def disable_without_maker(self) -> Collection[Webhook]:
        """Disable active webhooks whose maker may have none; return them."""
        found = await self.unit.returning(
            update(Webhook)
            .where(
                _is_active,
                _has_no_maker(),
            )
            .values(status=WebhookStatus.DISABLED, disabled_reason=DisabledReason.MAKER_CLOSED)
            .returning(Webhook)
            .execution_options(synchronize_session=False)
        )
        return found.scalars().all()
