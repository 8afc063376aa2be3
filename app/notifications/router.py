from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from app.audit.models import AuditAction
from app.audit.repository import record
from app.auth.guards import NotificationRetrier, NotificationViewer
from app.core.errors import NotFound, problems
from app.core.http.dependencies import Now, Paging, Reading, Writing
from app.core.http.pagination import Page
from app.core.http.routing import ApiRoute
from app.notifications.errors import NotFailed, Pointless
from app.notifications.kinds import NotificationKind
from app.notifications.models import NotificationStatus
from app.notifications.repository import NotificationReader, Outbox
from app.notifications.schemas import Notification
from app.services import services

router = APIRouter(prefix="/api/notifications", tags=["notifications"], route_class=ApiRoute)


@router.get("/", operation_id="notifications_list", summary="List mails")
async def list_all_notifications(
    caller: NotificationViewer,
    session: Reading,
    page: Paging,
    status: Annotated[NotificationStatus | None, Query()] = None,
    kind: Annotated[NotificationKind | None, Query()] = None,
) -> Page[Notification]:
    """Return mails with their status, newest first.

    Who is limited to sites gets the mails about visits there.
    """
    rows, next_cursor, total = await NotificationReader(session).page(
        status, kind, caller.scope, page
    )
    items = [Notification.model_validate(row) for row in rows]
    return Page(items=items, next_cursor=next_cursor, total=total)


@router.post(
    "/{notification_id:uuid}/retry/",
    operation_id="notifications_retry",
    summary="Send a failed mail again",
    status_code=202,
    responses=problems(NotFound, NotFailed, Pointless),
)
async def retry_notification(
    notification_id: UUID, caller: NotificationRetrier, request: Request, unit: Writing, now: Now
) -> Notification:
    """Try a failed mail for another day, with the current address and facts.

    An outdated mail becomes `superseded`.
    """
    outbox = Outbox(unit, services(request).wake_outbox)
    notification = await outbox.lock_failed(notification_id, caller.scope)
    kind = notification.kind.value
    record(unit, AuditAction.NOTIFICATION_RETRIED, notification_id, caller, now, kind=kind)
    return Notification.model_validate(outbox.retry(notification, now))
