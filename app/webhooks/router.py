"""`/api/webhooks/`: events posted to the company's servers."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.auth.guards import Confirmation, WebhookEditor, WebhookMaker
from app.core.errors import NotFound, SiteRequired, problems
from app.core.http.dependencies import Paging, Reading
from app.core.http.pagination import Page
from app.core.http.responses import CREATED
from app.core.http.routing import ApiRoute
from app.events.errors import CursorTooOld
from app.services import services
from app.webhooks import schemas
from app.webhooks.dependencies import IfCurrent, Webhooks, shown
from app.webhooks.errors import UrlNotAllowed, WebhookDisabled
from app.webhooks.models import DeliveryStatus
from app.webhooks.repository import DeliveryReader, WebhookReader

router = APIRouter(prefix="/api/webhooks", tags=["webhooks"], route_class=ApiRoute)
Status = Annotated[DeliveryStatus | None, Query(description="Only those in this state")]


@router.get("/", operation_id="webhooks_list", summary="List webhooks")
async def list_webhooks(
    caller: WebhookEditor, session: Reading, page: Paging
) -> Page[schemas.Webhook]:
    """Return the webhooks that tell of nothing outside the caller's sites, oldest first."""
    rows, next_cursor, total = await WebhookReader(session).page(caller.scope, page)
    items = [schemas.Webhook.of(webhook) for webhook in rows]
    return Page(items=items, next_cursor=next_cursor, total=total)


@router.post(
    "/",
    operation_id="webhooks_create",
    summary="Create a webhook",
    status_code=201,
    responses=CREATED | problems(UrlNotAllowed),
)
async def create_webhook(
    body: schemas.WebhookCreate, _: WebhookMaker, webhooks: Webhooks, response: Response
) -> schemas.WebhookWithSecret:
    """Post events from now on to a URL, signed as in Standard Webhooks 1.0.

    The secret is only in this response. The webhook tells what its maker may see at the time of a
    message; it ends with the account of the maker.
    """
    webhook, secret = await webhooks.create(body.model_dump())
    response.headers["Location"] = f"/api/webhooks/{webhook.id}/"
    return schemas.WebhookWithSecret(**schemas.Webhook.facts(webhook), secret=secret)


@router.get(
    "/{webhook_id:uuid}/",
    operation_id="webhooks_read",
    summary="Read a webhook",
    responses=problems(NotFound),
)
async def read_webhook(
    request: Request, webhook_id: UUID, caller: WebhookEditor, session: Reading
) -> schemas.Webhook:
    """Return a webhook without its secret."""
    return await shown(session, webhook_id, caller, services(request))


@router.patch(
    "/{webhook_id:uuid}/",
    operation_id="webhooks_update",
    dependencies=[IfCurrent],
    summary="Update a webhook",
    responses=problems(NotFound, SiteRequired, UrlNotAllowed),
)
async def change_webhook(
    webhook_id: UUID, body: schemas.WebhookUpdate, webhooks: Webhooks, confirm: Confirmation
) -> schemas.Webhook:
    """Change only the fields that are sent.

    `status: active` revives a disabled webhook, for events from now on; `replay/` brings those that
    it missed. If its maker's account is closed, the caller becomes the maker. This and another
    `url`, `site`, `types` or `payload` need a sign-in confirmed within the last 10 minutes.
    """
    return schemas.Webhook.of(await webhooks.change(webhook_id, body.changes(), confirm))


@router.delete(
    "/{webhook_id:uuid}/",
    operation_id="webhooks_delete",
    dependencies=[IfCurrent],
    summary="Delete a webhook",
    status_code=204,
    responses=problems(NotFound),
)
async def delete_webhook(webhook_id: UUID, webhooks: Webhooks) -> None:
    """Delete a webhook and its deliveries; a message that is on its way arrives."""
    await webhooks.delete(webhook_id)


@router.post(
    "/{webhook_id:uuid}/rotate-secret/",
    operation_id="webhooks_rotate_secret",
    dependencies=[IfCurrent],
    summary="Rotate the secret of a webhook",
    responses=problems(NotFound),
)
async def rotate_secret(
    webhook_id: UUID, _: WebhookMaker, webhooks: Webhooks
) -> schemas.WebhookWithSecret:
    """Return a new secret, which is only in this response.

    For 24 hours messages are signed with the previous one, too, and with the one before that for
    what is left of its day: if this answer got lost, rotate again.
    """
    webhook, secret = await webhooks.rotate_secret(webhook_id)
    return schemas.WebhookWithSecret(**schemas.Webhook.facts(webhook), secret=secret)


@router.post(
    "/{webhook_id:uuid}/test/",
    operation_id="webhooks_test",
    dependencies=[IfCurrent],
    summary="Send a test to a webhook",
    status_code=202,
    responses=problems(NotFound, WebhookDisabled),
)
async def send_test(webhook_id: UUID, webhooks: Webhooks) -> schemas.Delivery:
    """Queue a message of the type `webhook.test`; it is tried once."""
    return schemas.Delivery.of(*await webhooks.test(webhook_id))


@router.post(
    "/{webhook_id:uuid}/replay/",
    operation_id="webhooks_replay",
    dependencies=[IfCurrent],
    summary="Replay events to a webhook",
    status_code=202,
    responses=problems(NotFound, WebhookDisabled, CursorTooOld),
)
async def replay_events(
    webhook_id: UUID, body: schemas.Replay, webhooks: Webhooks
) -> schemas.ReplayStarted:
    """Deliver all its events after a number again, with the same `webhook-id`.

    One that is not over goes on: the answer says from where.
    """
    after, until = await webhooks.replay(webhook_id, body.after)
    return schemas.ReplayStarted(after=after, until=until)


@router.get(
    "/{webhook_id:uuid}/deliveries/",
    operation_id="webhooks_deliveries",
    summary="List the deliveries of a webhook",
    responses=problems(NotFound),
)
async def list_deliveries(
    webhook_id: UUID,
    caller: WebhookEditor,
    session: Reading,
    page: Paging,
    status: Status = None,
) -> Page[schemas.Delivery]:
    """Return the deliveries of the last 30 days, newest first."""
    webhook = await WebhookReader(session).reached(webhook_id, caller.scope)
    if webhook is None:
        raise NotFound
    rows, next_cursor, total = await DeliveryReader(session).page(webhook_id, status, page)
    items = [schemas.Delivery.of(delivery, webhook.paused_until) for delivery in rows]
    return Page(items=items, next_cursor=next_cursor, total=total)


@router.post(
    "/{webhook_id:uuid}/deliveries/{delivery_id:uuid}/redeliver/",
    operation_id="webhooks_redeliver",
    dependencies=[IfCurrent],
    summary="Deliver an event again",
    status_code=202,
    responses=problems(NotFound, WebhookDisabled),
)
async def redeliver(webhook_id: UUID, delivery_id: UUID, webhooks: Webhooks) -> schemas.Delivery:
    """Send a message again, delivered or not, for up to three days."""
    return schemas.Delivery.of(*await webhooks.redeliver(webhook_id, delivery_id))
