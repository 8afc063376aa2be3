"""The use cases of people who have webhooks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.audit.models import AuditAction
from app.audit.repository import record
from app.auth.caller import Caller
from app.core.db.database import WriteSession
from app.core.db.repository import refusals
from app.core.errors import Invalid, NotFound, SiteRequired
from app.core.security.encryption import Encryption
from app.devices.errors import UnknownSite
from app.events.errors import CursorTooOld
from app.events.filters import EventFilter
from app.events.repository import EventReader
from app.webhooks.addresses import Network
from app.webhooks.errors import WebhookDisabled
from app.webhooks.models import (
    DeliveryStatus,
    DisabledReason,
    Webhook,
    WebhookDelivery,
    WebhookStatus,
)
from app.webhooks.repository import DeliveryRepository, WebhookRepository
from app.webhooks.signing import new_secret
from app.webhooks.urls import require_allowed

BOTH_VALID_FOR = timedelta(hours=24)
# What a webhook tells, and to whom.
GUARDED = ("url", "types", "site_id", "payload")


HeldDelivery = tuple[WebhookDelivery, datetime | None]
"""A delivery, and until when its webhook gets none."""


@dataclass(frozen=True, slots=True)
class WebhookService:
    """Changes webhooks in the caller's scope, within one unit of work."""

    unit: WriteSession
    secrets: Encryption
    opened: Sequence[Network] | None
    caller: Caller
    now: datetime

    async def create(self, values: dict[str, Any]) -> tuple[Webhook, str]:
        """Return a webhook for events from now on, and its secret.

        Raise `UrlNotAllowed` or `UnknownSite`.
        """
        secret = new_secret()
        webhook = Webhook(
            **self._columns(values),
            status=WebhookStatus.ACTIVE,
            disabled_reason=None,
            maker_id=self.caller.id,
            secret=self.secrets.encrypt(secret),
            previous_secret=None,
            previous_secret_until=None,
            older_secret=None,
            older_secret_until=None,
            starts_after=await EventReader(self.unit).head(),
            replay_after=None,
            replay_until=None,
            failing_since=None,
            paused_until=None,
            created_at=self.now,
        )
        await self._save(webhook)
        self._record(AuditAction.WEBHOOK_CREATED, webhook)
        return webhook, secret

    async def change(
        self, webhook_id: UUID, values: dict[str, Any], confirm: Callable[[], None]
    ) -> Webhook:
        """Set fields; raise `NotFound`, `UrlNotAllowed`, `UnknownSite` or `SiteRequired`.

        Call `confirm` if it tells something else, or others, or with the rights of the caller.
        """
        webhook = await self._locked(webhook_id)
        status = values.pop("status", webhook.status)
        columns = self._columns(values)
        fields = sorted(name for name in columns if getattr(webhook, name) != columns[name])
        if not {*fields}.isdisjoint(GUARDED):
            confirm()
        if "site_id" in fields and columns["site_id"] is None:
            self._require_own(webhook)
        for name in fields:
            setattr(webhook, name, columns[name])
        if "url" in fields:
            webhook.failing_since = webhook.paused_until = None
        if status is not webhook.status:
            fields.append("status")
            await self._set_status(webhook, status, confirm)
        if fields:
            self._record(AuditAction.WEBHOOK_UPDATED, webhook, fields=fields)
        return await self._save(webhook)

    def _require_own(self, webhook: Webhook) -> None:
        """Raise `SiteRequired` if it would tell the caller of the other sites of its maker."""
        if self.caller.scope.sites is not None and webhook.maker_id != self.caller.id:
            raise SiteRequired

    async def _set_status(
        self, webhook: Webhook, status: WebhookStatus, confirm: Callable[[], None]
    ) -> None:
        webhook.status = status
        if status is WebhookStatus.DISABLED:
            webhook.disabled_reason = DisabledReason.BY_HAND
            return
        webhooks = WebhookRepository(self.unit)
        if not await webhooks.has_maker(webhook):
            confirm()
            webhook.maker_id = self.caller.id
            self._record(AuditAction.WEBHOOK_TAKEN_OVER, webhook)
        webhook.disabled_reason = webhook.failing_since = webhook.paused_until = None
        webhook.starts_after = await EventReader(self.unit).head()
        await webhooks.resume(webhook.id, self.now)

    async def rotate_secret(self, webhook_id: UUID) -> tuple[Webhook, str]:
        """Return the webhook with a new secret; messages bear both signatures for a day.

        They bear that of the secret before, too, for what is left of its day: if the answer to a
        rotation was lost, the receiver has only that one.
        """
        webhook, secret = await self._locked(webhook_id), new_secret()
        webhook.older_secret = webhook.previous_secret
        webhook.older_secret_until = webhook.previous_secret_until
        webhook.previous_secret = webhook.secret
        webhook.previous_secret_until = self.now + BOTH_VALID_FOR
        webhook.secret = self.secrets.encrypt(secret)
        self._record(AuditAction.WEBHOOK_SECRET_ROTATED, webhook)
        return await self._save(webhook), secret

    async def delete(self, webhook_id: UUID) -> None:
        webhook = await self._locked(webhook_id)
        await WebhookRepository(self.unit).delete(webhook)
        self._record(AuditAction.WEBHOOK_DELETED, webhook)

    async def test(self, webhook_id: UUID) -> HeldDelivery:
        """Queue a message of the type `webhook.test`; raise `NotFound` or `WebhookDisabled`."""
        webhook = await self._active(webhook_id)
        self._record(AuditAction.WEBHOOK_TESTED, webhook)
        delivery = await DeliveryRepository(self.unit).add_test(webhook.id, self.now)
        return delivery, webhook.paused_until

    async def replay(self, webhook_id: UUID, after: int) -> tuple[int, int]:
        """Let the events after a number be delivered again; return this range of numbers.

        Raise `NotFound`, `WebhookDisabled`, `Invalid` or `CursorTooOld`.
        """
        webhook = await self._active(webhook_id)
        found = await EventReader(self.unit).after(after, EventFilter(), 1)
        until = found.head
        if after > until:
            raise Invalid.field("after", "in_the_future", f"The newest event is {until}")
        if 0 < after < found.cut_through:
            raise CursorTooOld(oldest=found.cut_through)
        if webhook.replay_after is not None:  # one that is not over continues there
            after = min(after, webhook.replay_after)
        webhook.replay_after, webhook.replay_until = after, until
        self._record(AuditAction.WEBHOOK_REPLAYED, webhook, after=after, until=until)
        await self._save(webhook)
        return after, until

    async def redeliver(self, webhook_id: UUID, delivery_id: UUID) -> HeldDelivery:
        """Make a delivery due again; raise `NotFound` or `WebhookDisabled`."""
        webhook, deliveries = await self._active(webhook_id), DeliveryRepository(self.unit)
        delivery = await deliveries.lock_of(delivery_id, webhook.id)
        if delivery is None:
            raise NotFound
        delivery.status, delivery.tries, delivery.delivered_at = DeliveryStatus.PENDING, 0, None
        delivery.tries_began_at = delivery.next_attempt_at = self.now
        self._record(AuditAction.WEBHOOK_REDELIVERED, webhook, event=str(delivery.event_id))
        await self.unit.flush()
        return delivery, webhook.paused_until

    async def _locked(self, webhook_id: UUID) -> Webhook:
        webhooks = WebhookRepository(self.unit)
        webhook = await webhooks.lock_reached(webhook_id, self.caller.scope)
        if webhook is None:
            raise NotFound
        return webhook

    async def _active(self, webhook_id: UUID) -> Webhook:
        webhook = await self._locked(webhook_id)
        if webhook.status is not WebhookStatus.ACTIVE:
            raise WebhookDisabled
        return webhook

    async def _save(self, webhook: Webhook) -> Webhook:
        with refusals({"fk_webhooks_site_id_sites": UnknownSite}):
            return await WebhookRepository(self.unit).save(webhook)

    def _columns(self, values: dict[str, Any]) -> dict[str, Any]:
        columns = dict(values)
        if "url" in values:
            columns["url"] = str(values["url"])
            require_allowed(columns["url"], self.opened)
        if "site" in values:
            columns["site_id"] = self._site(columns.pop("site"))
        if "types" in values:
            columns["types"] = [str(each) for each in values["types"]]
        return columns

    def _site(self, named: UUID | None) -> UUID | None:
        """Return the site named, or the only one in scope; raise `UnknownSite`."""
        if named is None:
            return self.caller.scope.only_site
        if not self.caller.scope.has_site(named):
            raise UnknownSite
        return named

    def _record(self, action: AuditAction, webhook: Webhook, **details: Any) -> None:
        site = webhook.site_id
        record(self.unit, action, webhook.id, self.caller, self.now, site=site, **details)
