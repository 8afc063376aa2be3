"""`/api/visitors/`: visitors and the life cycle of their visits."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.audit.models import VisitorAction
from app.audit.repository import VisitorEventReader
from app.audit.schemas import VisitorEvent
from app.auth.caller import Caller
from app.auth.guards import (
    HostViewer,
    Registrar,
    VisitorCanceller,
    VisitorDismisser,
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
    Registered,
    RegistrationServiceDep,
    VisitorServiceDep,
    WithinLimits,
)
from app.visitors.errors import AlreadyRegistered
from app.visitors.host_service import NotYourVisit
from app.visitors.lifecycle import InvalidTransition
from app.visitors.list_statements import VisitorOrdering, page_of_records
from app.visitors.models import Visitor
from app.visitors.repository import VisitorReader

router = APIRouter(prefix="/api/visitors", tags=["visitors"], route_class=ApiRoute)
CHANGING = (NotYourVisit, AlreadyRegistered, UpdateUnderWay)
Notify = Annotated[bool, Query(description="Whether to mail those who were mailed about the visit")]


@router.get("/", operation_id="visitors_list", summary="List visitors")
async def list_visitors(
    caller: VisitorViewer,
    session: Browsing,
    chosen: Filter,
    page: Paging,
    ordering: VisitorOrdering = VisitorOrdering.LATEST_CREATED_AT,
) -> Page[schemas.Visitor]:
    """Return visitors, newest first unless `ordering` is set.

    Hosts see their own visitors, others those of their sites.
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
    responses=CREATED | problems(SiteRequired, NotYourVisit, AlreadyRegistered, *BOOKING_PROBLEMS),
)
async def register_visitor(
    form: Registered,
    caller: Registrar,
    service: RegistrationServiceDep,
    response: Response,
) -> schemas.Visitor:
    """Take a seat in the hour, mail the QR code to the visitor, and notify the host.

    Kiosks register visitors at their own site, by default for the current time. Anonymous callers
    can use only sites with `self_registration`, once per address and hour, and within the share for
    visitors who register themselves. Neither receives the QR token or the host's e-mail address.
    Registrations per hour of hosts and kiosks are limited; refused ones do not count.
    """
    visitor = await service.register(form, caller)
    response.headers["Location"] = f"/api/visitors/{visitor.id}/"
    note_subject(visitor_id=visitor.id)
    return visitor


@router.get("/hosts/", operation_id="visitors_hosts", summary="List hosts")
async def list_hosts(caller: HostViewer, session: Reading) -> list[schemas.Host]:
    """Return active hosts, for kiosks without their e-mail addresses."""
    hosts = await UserReader(session).active_hosts()
    return [
        schemas.Host(id=host.id, name=host.name, email=host.email if caller.is_person else None)
        for host in hosts
    ]


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
    responses=problems(NotFound, InvalidTransition, *CHANGING, *BOOKING_PROBLEMS),
)
async def replace_visitor(
    visitor_id: UUID,
    body: schemas.VisitorDetails,
    caller: VisitorEditor,
    service: VisitorServiceDep,
    budgets: Budgeted,
) -> schemas.Visitor:
    """Replace all fields; omitted ones get their defaults. A new time is a reschedule.

    A host with an account stays if none of the three host fields is sent. Mails are sent as for
    `PATCH`.
    """
    names_host = not body.model_fields_set.isdisjoint(schemas.HOST_FIELDS)
    visitor = await service.change(
        visitor_id, body.changes(), caller, budgets, names_host=names_host
    )
    return schemas.Visitor.of(visitor)


@router.patch(
    "/{visitor_id:uuid}/",
    operation_id="visitors_update",
    summary="Change a visitor",
    responses=problems(NotFound, InvalidTransition, *CHANGING, *BOOKING_PROBLEMS),
)
async def change_visitor(
    visitor_id: UUID,
    body: schemas.VisitorUpdate,
    caller: VisitorEditor,
    service: VisitorServiceDep,
    budgets: Budgeted,
) -> schemas.Visitor:
    """Change the fields that are sent. A new time is a reschedule.

    A new e-mail address gets a mail with a new QR code; the code sent to the former address is
    refused as `replaced`. A new host is notified, and so is the former one.

    How many changes a host has mailed in an hour is limited, for each visit too; one that is
    refused does not count.
    """
    return schemas.Visitor.of(await service.change(visitor_id, body.changes(), caller, budgets))


@router.delete(
    "/{visitor_id:uuid}/",
    operation_id="visitors_delete",
    summary="Delete a visitor",
    status_code=204,
    responses=problems(NotFound),
)
async def delete_visitor(
    visitor_id: UUID, caller: VisitorEraser, service: VisitorServiceDep, notify: Notify = True
) -> None:
    """Free the seat and erase personal data; an anonymous entry stays in the audit log.

    Visitor and host of a pending visit receive a cancellation unless `notify=false`.
    """
    await service.delete(visitor_id, caller, notify=notify)


@router.post(
    "/{visitor_id:uuid}/reschedule/",
    operation_id="visitors_reschedule",
    summary="Reschedule a visit",
    responses=problems(NotFound, InvalidTransition, AlreadyRegistered, *BOOKING_PROBLEMS),
)
async def reschedule_visitor(
    visitor_id: UUID,
    body: schemas.Reschedule,
    caller: VisitorEditor,
    service: VisitorServiceDep,
    budgets: Budgeted,
) -> schemas.Visitor:
    """Move the visit and mail a new QR code; the old one is refused from now on.

    A visit already at that time does not change. A self-registered visitor needs a seat from the
    share of such visitors again. How often a host moves visits
    in an hour is limited.
    """
    day, at = body.visit_date, body.visit_time
    visitor = await service.reschedule(visitor_id, day, at, caller, budgets)
    return schemas.Visitor.of(visitor)


@router.post(
    "/{visitor_id:uuid}/cancel/",
    operation_id="visitors_cancel",
    summary="Cancel a visit",
    responses=problems(NotFound, InvalidTransition),
)
async def cancel_visitor(
    visitor_id: UUID, caller: VisitorCanceller, service: VisitorServiceDep
) -> schemas.Visitor:
    """Cancel a pending visit, free its seat, and notify visitor and host."""
    return schemas.Visitor.of(await service.cancel(visitor_id, caller))


@router.post(
    "/{visitor_id:uuid}/check-out/",
    operation_id="visitors_check_out",
    summary="Check a visitor out",
    responses=problems(NotFound, InvalidTransition),
)
async def check_out_visitor(
    visitor_id: UUID, caller: VisitorDismisser, service: VisitorServiceDep
) -> schemas.Visitor | schemas.DeskCard:
    """Check out a visitor who is inside, such as one who leaves without a scan.

    Guards get the card of the visit.
    """
    return _shown(await service.end(visitor_id, VisitorAction.CHECKED_OUT, caller), caller)


@router.post(
    "/{visitor_id:uuid}/complete/",
    operation_id="visitors_complete",
    summary="Complete a visit",
    responses=problems(NotFound, InvalidTransition),
)
async def complete_visitor(
    visitor_id: UUID, caller: VisitorEditor, service: VisitorServiceDep
) -> schemas.Visitor:
    """Complete the visit of a visitor who is inside or has left without a scan."""
    return schemas.Visitor.of(await service.end(visitor_id, VisitorAction.COMPLETED, caller))


@router.post(
    "/{visitor_id:uuid}/replace-code/",
    operation_id="visitors_replace_code",
    summary="Replace the QR code",
    responses=problems(NotFound, InvalidTransition, UpdateUnderWay),
)
async def replace_code(
    visitor_id: UUID, caller: VisitorEditor, service: VisitorServiceDep, budgets: Budgeted
) -> schemas.Visitor:
    """Mail a new QR code of a pending visit, if a mail was lost or forwarded.

    The gate refuses former codes as `replaced`, and their passes show nothing any more. It
    counts as a confirmation that is sent again.
    """
    return schemas.Visitor.of(await service.replace_code(visitor_id, caller, budgets))


@router.post(
    "/{visitor_id:uuid}/resend-email/",
    operation_id="visitors_resend_email",
    summary="Send the confirmation again",
    status_code=202,
    responses=problems(NotFound, InvalidTransition),
)
async def resend_email(
    visitor_id: UUID, caller: VisitorEditor, service: VisitorServiceDep, budgets: Budgeted
) -> None:
    """Send the QR code and the calendar file again to the visitor of a pending visit.

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
    """Return who did what, when, and from where, oldest first."""
    await _visible(session, visitor_id, caller)
    events = await VisitorEventReader(session).of_visitor(visitor_id)
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
    """Return the image that is mailed to the visitor, for a page or a badge."""
    return PngResponse(qr_png((await _visible(session, visitor_id, caller)).qr_code))


@router.get(
    "/{visitor_id:uuid}/qr.svg",
    operation_id="visitors_qr_svg",
    summary="Read the QR code as SVG",
    response_class=SvgResponse,
    responses=image("image/svg+xml") | problems(NotFound),
)
async def qr_code_svg(visitor_id: UUID, caller: VisitorViewer, session: Reading) -> Response:
    """Return the QR code as an SVG, for printing at any size."""
    return SvgResponse(qr_svg((await _visible(session, visitor_id, caller)).qr_code))


def _shown(visitor: Visitor, caller: Caller) -> schemas.Visitor | schemas.DeskCard:
    return (schemas.DeskCard if caller.is_guard else schemas.Visitor).of(visitor)


async def _visible(session: ReadSession, visitor_id: UUID, caller: Caller) -> Visitor:
    visitor = await VisitorReader(session).visible(visitor_id, caller)
    if visitor is None:
        raise NotFound
    return visitor
