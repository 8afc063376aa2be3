"""SQL of webhooks and their deliveries."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    String,
    and_,
    cast,
    delete,
    func,
    literal_column,
    or_,
    select,
    update,
)

from app.auth.caller import Caller, CallerRole
from app.core.db.database import ReadSession
from app.core.db.repository import ReadRepository, Repository
from app.core.db.scope import Scope
from app.core.http.pagination import Ordering, PageRequest, paginate
from app.core.ids import new_id
from app.users.models import User
from app.users.roles import ROLES, Permission
from app.webhooks.models import (
    TEST_TYPE,
    DeliveryStatus,
    DisabledReason,
    Webhook,
    WebhookDelivery,
    WebhookStatus,
)

BY_AGE = Ordering("webhooks", (Webhook.id,), descending=False)
NEWEST_FIRST = Ordering("webhook deliveries", (WebhookDelivery.id,), descending=True)
_MAY_MAKE = [
    literal_column(f"'{role.value}'", String)
    for role, rights in ROLES.items()
    if Permission.WEBHOOKS_WRITE in rights.permissions
]


def may_make() -> ColumnElement[bool]:
    """Select accounts that may have webhooks now."""
    return and_(User.is_active, cast(User.role, String).in_(_MAY_MAKE))


def in_scope(scope: Scope) -> list[ColumnElement[bool]]:
    """Return the condition of webhooks that tell of nothing outside a scope."""
    if scope.sites is None:
        return []
    sites = sorted(scope.sites)
    makers = select(User.id).where(User.sites.contained_by(sites))
    of_all = and_(Webhook.site_id.is_(None), Webhook.maker_id.in_(makers))
    return [or_(Webhook.site_id.in_(sites), of_all)]


class WebhookReader(ReadRepository[Webhook]):
    model = Webhook

    async def page(
        self, scope: Scope, page: PageRequest
    ) -> tuple[list[Webhook], str | None, int | None]:
        return await paginate(self.session, self.statement().where(*in_scope(scope)), BY_AGE, page)

    async def reached(self, webhook_id: UUID, scope: Scope) -> Webhook | None:
        """Return a webhook that is in scope."""
        return await self.session.scalar(
            self.statement().where(Webhook.id == webhook_id, *in_scope(scope))
        )

    async def has_maker(self, webhook: Webhook) -> bool:
        """Return whether the maker may still have webhooks."""
        found = await self.session.scalar(
            select(User.id).where(User.id == webhook.maker_id, may_make())
        )
        return found is not None


class WebhookRepository(WebhookReader, Repository[Webhook]):
    async def lock_reached(self, webhook_id: UUID, scope: Scope) -> Webhook | None:
        """Lock a webhook that is in scope."""
        return await self.lock(Webhook.id == webhook_id, *in_scope(scope), key_share=True)

    async def save(self, webhook: Webhook) -> Webhook:
        self.add(webhook)
        await self.unit.flush()
        return webhook

    async def resume(self, webhook_id: UUID, now: datetime) -> None:
        """Make what waits for a webhook due, for another three days."""
        await self.unit.write(
            update(WebhookDelivery)
            .where(
                WebhookDelivery.webhook_id == webhook_id,
                WebhookDelivery.status == DeliveryStatus.PENDING,
            )
            .values(next_attempt_at=now, tries_began_at=now, tries=0)
            .execution_options(synchronize_session=False)
        )

    async def note_success(self, webhook_id: UUID) -> None:
        await self.set_fields(webhook_id, failing_since=None, paused_until=None)

    async def note_failure(
        self, webhook_id: UUID, now: datetime, paused_until: datetime | None
    ) -> None:
        """Note that it fails, since when if that is new, and a pause that it asks for."""
        since = func.coalesce(Webhook.failing_since, now)
        pause = func.greatest(Webhook.paused_until, paused_until)
        await self.set_fields(webhook_id, failing_since=since, paused_until=pause)

    async def disable(self, webhook_id: UUID, reason: DisabledReason) -> Webhook | None:
        """Disable a webhook; return it unless it was disabled already."""
        found = await self.unit.returning(
            update(Webhook)
            .where(Webhook.id == webhook_id, Webhook.status == WebhookStatus.ACTIVE)
            .values(status=WebhookStatus.DISABLED, disabled_reason=reason)
            .returning(Webhook)
            .execution_options(synchronize_session=False)
        )
        return found.scalars().first()

    async def set_fields(self, webhook_id: UUID, **values: Any) -> None:
        await self.unit.write(
            update(Webhook)
            .where(Webhook.id == webhook_id)
            .values(**values)
            .execution_options(synchronize_session=False)
        )


class DeliveryReader(ReadRepository[WebhookDelivery]):
    model = WebhookDelivery

    async def page(
        self, webhook_id: UUID, status: DeliveryStatus | None, page: PageRequest
    ) -> tuple[list[WebhookDelivery], str | None, int | None]:
        """Return the deliveries of a webhook, newest first."""
        statement = self.statement().where(WebhookDelivery.webhook_id == webhook_id)
        if status is not None:
            statement = statement.where(WebhookDelivery.status == status)
        return await paginate(self.session, statement, NEWEST_FIRST, page)


class DeliveryRepository(DeliveryReader, Repository[WebhookDelivery]):
    async def add_test(self, webhook_id: UUID, now: datetime) -> WebhookDelivery:
        delivery = WebhookDelivery(
            webhook_id=webhook_id,
            event_id=new_id(),
            event_seq=None,
            type=TEST_TYPE,
            status=DeliveryStatus.PENDING,
            attempts=0,
            tries=0,
            tries_began_at=now,
            next_attempt_at=now,
            last_attempt_at=None,
            last_status=None,
            last_error=None,
            delivered_at=None,
            created_at=now,
        )
        self.add(delivery)
        await self.unit.flush()
        return delivery

    async def lock_of(self, delivery_id: UUID, webhook_id: UUID) -> WebhookDelivery | None:
        return await self.lock(
            WebhookDelivery.id == delivery_id, WebhookDelivery.webhook_id == webhook_id
        )

    async def delete_old(self, before: datetime, at_most: int) -> int:
        """Delete deliveries that were last queued before an instant; return how many."""
        old = (
            select(WebhookDelivery.id)
            .where(WebhookDelivery.tries_began_at < before)
            .limit(at_most)
            .with_for_update(skip_locked=True)
        )
        result = await self.unit.write(
            delete(WebhookDelivery)
            .where(WebhookDelivery.id.in_(old))
            .execution_options(synchronize_session=False)
        )
        return result.rowcount


async def makers(session: ReadSession, ids: Collection[UUID]) -> dict[UUID, Caller]:
    """Return the accounts that may have webhooks, as callers with what they may do now.

    They act for nobody: what an account sees as a delegate is not for a server of the company.
    """
    found = await session.scalars(select(User).where(User.id.in_(ids), may_make()))
    return {user.id: _caller(user) for user in found}


def _caller(user: User) -> Caller:
    sites = None if user.sites is None else frozenset(user.sites)
    return Caller(CallerRole(user.role), user.id, user.name, user.email, sites=sites)
