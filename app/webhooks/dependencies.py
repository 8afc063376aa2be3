"""Dependencies of the routes of webhooks."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from app.auth.caller import Caller
from app.auth.condition_dependencies import if_match
from app.auth.guards import WebhookEditor
from app.core.db.database import ReadSession
from app.core.errors import NotFound
from app.core.http.dependencies import Now, Writing
from app.services import Services, services
from app.webhooks import schemas
from app.webhooks.models import Webhook
from app.webhooks.repository import WebhookReader
from app.webhooks.service import WebhookService


async def _webhooks(
    request: Request, unit: Writing, caller: WebhookEditor, now: Now
) -> WebhookService:
    ours = services(request)
    return WebhookService(unit, ours.webhook_secrets, ours.settings.opened_to_webhooks, caller, now)


async def shown(
    session: ReadSession, webhook_id: UUID, caller: Caller, _: Services
) -> schemas.Webhook:
    """Return a webhook without its secret; raise `NotFound`."""
    webhook = await WebhookReader(session).reached(webhook_id, caller.scope)
    if webhook is None:
        raise NotFound
    return schemas.Webhook.of(webhook)


IfCurrent = if_match(Webhook, "webhook_id", shown)
Webhooks = Annotated[WebhookService, Depends(_webhooks)]
