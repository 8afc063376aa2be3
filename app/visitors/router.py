from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.audit.repository import AuditReader
from app.audit.schemas import VisitorEvent
from app.auth.caller import Caller
from app.auth.guards import (
    HostViewer,
    Registrar,
    VisitorCanceller,
    VisitorEditor,
    VisitorEraser,
    VisitorViewer,
)
from app.auth.idempotency_dependencies import OnceForSingleStatement
from app.auth.reading_dependencies import Browsing
from app.core.db.database import ReadSession
from app.core.db.rollout import UpdateUnderWay
from app.core.errors import NotFound, SiteRequired, problems
from app.core.http.dependencies import Paging, Reading
from app.core.http.etags import Revalidated
from app.core.http.pagination import Page
from app.core.http.responses import CREATED, image
from app.core.http.routing import ApiRoute
from app.core.qr_image import qr_png, qr_svg
from app.core.request_context import note_subject
from app.notifications.repository import NotificationReader
from app.notifications.schemas import Notification
from app.slots.errors import BOOKING_PROBLEMS
from app.users.repository import UserReader
from app.visitors import schemas
from app.visitors.budget_limits import Budgeted
from app.visitors.dependencies import (
    Filter,
    IfCurrent,
    Registered,
    RegistrationServiceDep,
    VisitorServiceDep,
    WithinLimits,
)
from app.visitors.errors import AlreadyRegistered, NoAddress
from app.visitors.host_service import NotYourVisit
from app.visitors.lifecycle import InvalidTransition
from app.visitors.list_statements import page_of_records
from app.visitors.models import Visitor
from app.visitors.order_statements import VisitorOrdering
from app.visitors.repository import VisitorReader
from app.visitors.stay_repository import StayReader
from app.visitors.stays import all_of

router = APIRouter(prefix="/api/visitors", tags=["visitors"], route_class=ApiRoute)
REGISTERING = problems(
    SiteRequired, NotYourVisit, AlreadyRegistered, UpdateUnderWay, *BOOKING_PROBLEMS
)
CHANGING = (NotYourVisit, AlreadyRegistered, UpdateUnderWay)
Notify = Annotated[bool, Query(description="Whether to notify the visitor and the host")]
TellDuration = Annotated[
    bool,
    Query(
        alias="notify",
        description="Whether to tell visitor, host and co-hosts of another `duration_minutes`; "
        "mails about other changes are always sent",
    ),
]


@router.get("/", operation_id="visitors_list", summary="List visitors")
async def list_visitors(
    caller: VisitorViewer,
    session: Browsing,
    chosen: Filter,
    page: Paging,
    ordering: VisitorOrdering = VisitorOrdering.LATEST_CREATED_AT,
) -> Page[schemas.Visitor]:
    """Return visitors, by default newest first.

    Hosts see only their own, others those of their sites.
    """
    items, next_cursor, total = await page_of_records(session, chosen, caller, ordering, page)
    page_of_items = {"items": items, "next_cursor": next_cursor, "total": total}
    return Page[schemas.Visitor].model_validate(page_of_items)


@router.post(
    "/",
    operation_id="visitors_create",
    summary="Register a visitor",
    status_code=201,
    dependencies=[OnceForSingleStatement, WithinLimits],
    responses=CREATED | REGISTERING,
)
async def register_visitor(
    form: Registered,
    caller: Registrar,
    service: RegistrationServiceDep,
    response: Response,
) -> schemas.Visitor:
    """Take a seat in the hour, mail the QR code to the visitor, and notify the host.

    Kiosks register at their own site, by default for the current time. Anonymous callers need a
    site with `self_registration`, and may register one visit per address and hour, within the share
    for self-registration. Neither receives the QR token or the host's address. Hosts and kiosks
    have a limit per hour, in which each co-host counts; refused registrations do not. Without an
    e-mail address no mail is sent to the visitor. Kiosks and anonymous callers set neither
    `duration_minutes` nor `co_hosts`.
    """
    visitor = await service.register(form, caller)
    response.headers["Location"] = f"/api/visitors/{visitor.id}/"
    note_subject(visitor_id=visitor.id)
    return visitor


@router.get(
    "/hosts/",
    operation_id="visitors_hosts",
    summary="List hosts",
    dependencies=[Revalidated],
)
async def list_hosts(
    caller: HostViewer,
    session: Reading,
    chosen: Annotated[schemas.HostQuery, Query()],
) -> list[schemas.Host]:
    """Return active hosts by name: all, or the first of those who match.

    Kiosks neither get e-mail addresses nor search in them. Phone numbers are for receptionists and
    admins.
    """
    hosts = await UserReader(session).active_hosts(
        chosen.q or "", at_most=chosen.limit, by_address=caller.is_trusted
    )
    return [schemas.Host.shown_to(caller, host) for host in hosts]


@router.get(
    "/{visitor_id:uuid}/",
    operation_id="visitors_read",
    summary="Read a visitor",
    responses=problems(NotFound),
)
async def read_visitor(
    visitor_id: UUID, caller: VisitorViewer, session: Reading
) -> schemas.Visitor:
    """Return a visitor; outside the caller's scope it is a 404."""
    return schemas.Visitor.of(await _visible(session, visitor_id, caller))


@router.put(
    "/{visitor_id:uuid}/",
    operation_id="visitors_replace",
    summary="Replace a visitor",
    dependencies=[IfCurrent],
    responses=problems(NotFound, InvalidTransition, *CHANGING, *BOOKING_PROBLEMS),
)
async def replace_visitor(
    visitor_id: UUID,
    body: schemas.VisitorDetails,
    caller: VisitorEditor,
    service: VisitorServiceDep,
    budgets: Budgeted,
    notify: TellDuration = True,
) -> schemas.Visitor:
    """Replace all fields; omitted ones get their defaults. A new time is a reschedule.

    `email`, `language`, `duration_minutes` and `co_hosts` stay if omitted, and a host with an
    account unless a host field is sent. Mails are sent as for `PATCH`.
    """
    names_host = not body.model_fields_set.isdisjoint(schemas.HOST_FIELDS)
    visitor = await service.change(
        visitor_id, body.changes(), caller, budgets, names_host=names_host, notify=notify
    )
    return schemas.Visitor.of(visitor)


@router.patch(
    "/{visitor_id:uuid}/",
    operation_id="visitors_update",
    summary="Change a visitor",
    dependencies=[IfCurrent],
    responses=problems(NotFound, InvalidTransition, *CHANGING, *BOOKING_PROBLEMS),
)
async def change_visitor(
    visitor_id: UUID,
    body: schemas.VisitorUpdate,
    caller: VisitorEditor,
    service: VisitorServiceDep,
    budgets: Budgeted,
    notify: TellDuration = True,
) -> schemas.Visitor:
    """Change the fields that are sent. A new time is a reschedule.

    A new e-mail address gets a new QR code; the former one is refused as `replaced`, also if the
    address is removed. The first address of a visit is mailed its present code. The former and the
    new host are notified, and so are former and new co-hosts. Changes with mails are limited per
    host and hour, where each co-host counts, and per visit.
    """
    visitor = await service.change(visitor_id, body.changes(), caller, budgets, notify=notify)
    return schemas.Visitor.of(visitor)


@router.delete(
    "/{visitor_id:uuid}/",
    operation_id="visitors_delete",
    summary="Delete a visitor",
    status_code=204,
    dependencies=[IfCurrent],
    responses=problems(NotFound),
)
async def delete_visitor(
    visitor_id: UUID, caller: VisitorEraser, service: VisitorServiceDep, notify: Notify = True
) -> None:
    """Free the seat and erase personal data; the audit log keeps an anonymous entry.

    Visitor and host of a pending visit are notified unless `notify=false`.
    """
    await service.delete(visitor_id, caller, notify=notify)


@router.post(
    "/{visitor_id:uuid}/reschedule/",
    operation_id="visitors_reschedule",
    summary="Reschedule a visit",
    dependencies=[IfCurrent],
    responses=problems(NotFound, InvalidTransition, AlreadyRegistered, *BOOKING_PROBLEMS),
)
async def reschedule_visitor(
    visitor_id: UUID,
    body: schemas.Reschedule,
    caller: VisitorEditor,
    service: VisitorServiceDep,
    budgets: Budgeted,
) -> schemas.Visitor:
    """Move the visit and mail a new QR code; the old one is refused.

    Nothing changes if the time stays the same. A self-registered visitor needs a seat from the
    share for self-registration. Reschedules are limited per host and hour.
    """
    day, at = body.visit_date, body.visit_time
    visitor = await service.reschedule(visitor_id, day, at, caller, budgets)
    return schemas.Visitor.of(visitor)


@router.post(
    "/{visitor_id:uuid}/cancel/",
    operation_id="visitors_cancel",
    summary="Cancel a visit",
    dependencies=[IfCurrent],
    responses=problems(NotFound, InvalidTransition),
)
async def cancel_visitor(
    visitor_id: UUID, caller: VisitorCanceller, service: VisitorServiceDep
) -> schemas.Visitor:
    """Cancel a pending visit, free its seat, and notify visitor and host."""
    return schemas.Visitor.of(await service.cancel(visitor_id, caller))


@router.post(
    "/{visitor_id:uuid}/complete/",
    operation_id="visitors_complete",
    summary="Complete a visit",
    dependencies=[IfCurrent],
    responses=problems(NotFound, InvalidTransition),
)
async def complete_visitor(
    visitor_id: UUID, caller: VisitorEditor, service: VisitorServiceDep
) -> schemas.Visitor:
    """Complete the visit of a visitor who is inside, or away."""
    return schemas.Visitor.of(await service.complete(visitor_id, caller))


@router.get(
    "/{visitor_id:uuid}/stays/",
    operation_id="visitors_stays",
    summary="List a visitor's stays",
    responses=problems(NotFound),
)
async def list_stays(
    visitor_id: UUID, caller: VisitorViewer, session: Reading
) -> list[schemas.Stay]:
    """Return the times on site, oldest first; stays never overlap."""
    visitor = await _visible(session, visitor_id, caller)
    stored = await StayReader(session).of_visitor(visitor_id)
    return [schemas.Stay.model_validate(stay) for stay in all_of(visitor, stored)]


@router.post(
    "/{visitor_id:uuid}/replace-code/",
    operation_id="visitors_replace_code",
    summary="Replace the QR code",
    dependencies=[IfCurrent],
    responses=problems(NotFound, InvalidTransition, UpdateUnderWay),
)
async def replace_code(
    visitor_id: UUID, caller: VisitorEditor, service: VisitorServiceDep, budgets: Budgeted
) -> schemas.Visitor:
    """Replace the QR code of a pending visit, and mail the new one if there is an address.

    The gate refuses former codes as `replaced`, and their passes are no longer valid. A mailed one
    counts against the limit of `resend-email`.
    """
    return schemas.Visitor.of(await service.replace_code(visitor_id, caller, budgets))


@router.post(
    "/{visitor_id:uuid}/resend-email/",
    operation_id="visitors_resend_email",
    summary="Send the confirmation again",
    status_code=202,
    dependencies=[IfCurrent],
    responses=problems(NotFound, InvalidTransition, NoAddress),
)
async def resend_email(
    visitor_id: UUID, caller: VisitorEditor, service: VisitorServiceDep, budgets: Budgeted
) -> None:
    """Send the QR code and calendar file of a pending visit again.

    Limited to once a minute and five times a day per visit.
    """
    await service.resend(visitor_id, caller, budgets)


@router.get(
    "/{visitor_id:uuid}/events/",
    operation_id="visitors_events",
    summary="Read a visitor's audit log",
    responses=problems(NotFound),
)
async def list_events(
    visitor_id: UUID, caller: VisitorViewer, session: Reading
) -> list[VisitorEvent]:
    """Return audit entries, oldest first."""
    await _visible(session, visitor_id, caller)
    events = await AuditReader(session).of_visitor(visitor_id)
    return [VisitorEvent.model_validate(event) for event in events]


@router.get(
    "/{visitor_id:uuid}/notifications/",
    operation_id="visitors_notifications",
    summary="List a visitor's mails",
    responses=problems(NotFound),
)
async def list_notifications(
    visitor_id: UUID, caller: VisitorViewer, session: Reading
) -> list[Notification]:
    """Return the mails to the visitor and the host with their status, oldest first."""
    await _visible(session, visitor_id, caller)
    found = await NotificationReader(session).of_visitor(visitor_id)
    return [Notification.model_validate(notification) for notification in found]


class PngResponse(Response):
    """An image as PNG."""

    media_type = "image/png"


class SvgResponse(Response):
    """An image as SVG."""

    media_type = "image/svg+xml"


@router.get(
    "/{visitor_id:uuid}/qr.png",
    operation_id="visitors_qr_png",
    summary="Read the QR code as PNG",
    response_class=PngResponse,
    responses=image("image/png") | problems(NotFound),
)
async def qr_code_png(visitor_id: UUID, caller: VisitorViewer, session: Reading) -> Response:
    """Return the image that is mailed to the visitor."""
    return PngResponse(qr_png((await _visible(session, visitor_id, caller)).qr_code))


@router.get(
    "/{visitor_id:uuid}/qr.svg",
    operation_id="visitors_qr_svg",
    summary="Read the QR code as SVG",
    response_class=SvgResponse,
    responses=image("image/svg+xml") | problems(NotFound),
)
async def qr_code_svg(visitor_id: UUID, caller: VisitorViewer, session: Reading) -> Response:
    """Return the QR code as SVG, for printing at any size."""
    return SvgResponse(qr_svg((await _visible(session, visitor_id, caller)).qr_code))


async def _visible(session: ReadSession, visitor_id: UUID, caller: Caller) -> Visitor:
    visitor = await VisitorReader(session).visible(visitor_id, caller)
    if visitor is None:
        raise NotFound
    return visitor
