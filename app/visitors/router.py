"""`/api/visitors/`: the record and its life cycle."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.audit.models import VisitorAction
from app.audit.repository import VisitorEventReader
from app.audit.schemas import VisitorEvent
from app.auth.guards import HostViewer, Registrar, VisitorManager
from app.auth.idempotency_dependencies import Once
from app.auth.reading_dependencies import Browsing
from app.core.db.database import Reading, ReadSession
from app.core.db.rollout import UpdateUnderWay
from app.core.errors import NotFound, problems
from app.core.http.pagination import Page, Paging
from app.core.http.responses import CREATED, image
from app.core.http.routing import ApiRoute
from app.core.observability.metrics import counted
from app.core.qr_image import qr_png, qr_svg
from app.core.request_context import note_subject
from app.notifications.repository import NotificationReader
from app.notifications.schemas import Notification
from app.slots.errors import BOOKING_PROBLEMS
from app.users.repository import UserReader
from app.visitors import schemas
from app.visitors.budget_limits import Budgeted
from app.visitors.completion_service import answer, complete
from app.visitors.dependencies import Desk, Filter, Registered, Registering, WithinLimits
from app.visitors.errors import AlreadyRegistered
from app.visitors.host_service import HOST_FIELDS, NotYourVisit
from app.visitors.lifecycle import InvalidTransition
from app.visitors.list_statements import VisitorOrdering, page_of_records
from app.visitors.metrics import bookings_of
from app.visitors.models import Visitor
from app.visitors.repository import VisitorReader

router = APIRouter(prefix="/api/visitors", tags=["visitors"], route_class=ApiRoute)
CHANGING = (NotYourVisit, AlreadyRegistered, UpdateUnderWay)
Notify = Annotated[bool, Query(description="Whether those who were told of the visit are told")]


@router.get("/", operation_id="visitors_list", summary="List visitors")
async def list_visitors(
    caller: VisitorManager,
    session: Browsing,
    chosen: Filter,
    page: Paging,
    ordering: VisitorOrdering = VisitorOrdering.LATEST_CREATED_AT,
) -> Page[schemas.Visitor]:
    """Newest first, unless `ordering` says otherwise. Hosts see their own."""
    items, next_cursor, total = await page_of_records(session, chosen, caller, ordering, page)
    page_of_items = {"items": items, "next_cursor": next_cursor, "total": total}
    return Page[schemas.Visitor].model_validate(page_of_items)


@router.post(
    "/",
    operation_id="visitors_create",
    summary="Register a visitor",
    status_code=201,
    dependencies=[Once, WithinLimits],
    responses=CREATED | problems(NotYourVisit, AlreadyRegistered, *BOOKING_PROBLEMS),
)
async def register_visitor(
    body: Registered,
    caller: Registrar,
    desk: Registering,
    budgets: Budgeted,
    response: Response,
) -> schemas.Visitor:
    """Takes a seat in the hour, mails the QR code to the visitor, and tells the host.

    A kiosk registers at its own site, and for now where it names no time. Without a sign-in, on a
    site with `self_registration` alone, once for an address and hour, and within the share of
    visitors who register themselves. Neither is told the QR code or the host's e-mail address.
    How many a host and a kiosk register in an hour is limited; a registration that is refused does
    not count.
    """
    async with budgets.registrations(caller):
        registration = await complete(desk.unit, body, caller, desk.now)
        visitor = await desk.prepare(registration.body, caller, registration.host_as_sent)
        shown = answer(visitor, body, caller)
        async with budgets.mail_to(visitor.email, caller, desk.unit) as withheld:
            await desk.book(visitor, caller, withheld)
    response.headers["Location"] = f"/api/visitors/{visitor.id}/"
    note_subject(visitor_id=visitor.id)
    desk.unit.after_commit(counted(bookings_of(caller)))
    return shown


@router.get("/hosts/", operation_id="visitors_hosts", summary="List hosts")
async def list_hosts(caller: HostViewer, session: Reading) -> list[schemas.Host]:
    """Active hosts. Kiosks are not shown their e-mail addresses."""
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
    visitor_id: UUID, caller: VisitorManager, session: Reading
) -> schemas.Visitor:
    """The record as it stands. Of hosts, those of others are a 404."""
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
    caller: VisitorManager,
    desk: Desk,
    budgets: Budgeted,
) -> schemas.Visitor:
    """Replace every field; one that is left out gets its default. A new time is a reschedule.

    A host who has an account stays where none of the three host fields is sent.
    Who was told of what changes is told anew, as by `PATCH`.
    """
    names_host = not body.model_fields_set.isdisjoint(HOST_FIELDS)
    visitor = await desk.change(visitor_id, body.changes(), caller, budgets, names_host=names_host)
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
    caller: VisitorManager,
    desk: Desk,
    budgets: Budgeted,
) -> schemas.Visitor:
    """Change the fields that are sent. A new time is a reschedule.

    With another e-mail address the visit gets a new QR code, which is mailed there: the code that
    the former mailbox has is refused as `replaced`. A new host is told, and so is the former one.

    How many changes a host has mailed in an hour is limited, for each visit too; one that is
    refused does not count.
    """
    return schemas.Visitor.of(await desk.change(visitor_id, body.changes(), caller, budgets))


@router.delete(
    "/{visitor_id:uuid}/",
    operation_id="visitors_delete",
    summary="Delete a visitor",
    status_code=204,
    responses=problems(NotFound),
)
async def delete_visitor(
    visitor_id: UUID, caller: VisitorManager, desk: Desk, notify: Notify = True
) -> None:
    """Free the seat and erase the personal data; an anonymous entry stays in the audit trail.

    Visitor and host of a pending visit are told that it is cancelled, unless `notify=false`.
    """
    await desk.delete(visitor_id, caller, notify=notify)


@router.post(
    "/{visitor_id:uuid}/reschedule/",
    operation_id="visitors_reschedule",
    summary="Move a visit",
    responses=problems(NotFound, InvalidTransition, AlreadyRegistered, *BOOKING_PROBLEMS),
)
async def reschedule_visitor(
    visitor_id: UUID,
    body: schemas.Reschedule,
    caller: VisitorManager,
    desk: Desk,
    budgets: Budgeted,
) -> schemas.Visitor:
    """The visitor gets a new QR code; the old one is refused from now on.

    To the time that the visit has already, it changes nothing. A visitor who has registered
    themselves takes a place of those for such visitors there, too. How often a host moves visits
    in an hour is limited.
    """
    day, at = body.visit_date, body.visit_time
    visitor = await desk.reschedule(visitor_id, day, at, caller, budgets)
    return schemas.Visitor.of(visitor)


@router.post(
    "/{visitor_id:uuid}/cancel/",
    operation_id="visitors_cancel",
    summary="Cancel a visit",
    responses=problems(NotFound, InvalidTransition),
)
async def cancel_visitor(visitor_id: UUID, caller: VisitorManager, desk: Desk) -> schemas.Visitor:
    """Of a pending one: frees the seat, and tells visitor and host."""
    return schemas.Visitor.of(await desk.cancel(visitor_id, caller))


@router.post(
    "/{visitor_id:uuid}/check-out/",
    operation_id="visitors_check_out",
    summary="Check a visitor out",
    responses=problems(NotFound, InvalidTransition),
)
async def check_out_visitor(
    visitor_id: UUID, caller: VisitorManager, desk: Desk
) -> schemas.Visitor:
    """Of somebody who is inside and leaves without a scan, or was let out by hand."""
    return schemas.Visitor.of(await desk.end(visitor_id, VisitorAction.CHECKED_OUT, caller))


@router.post(
    "/{visitor_id:uuid}/complete/",
    operation_id="visitors_complete",
    summary="Complete a visit",
    responses=problems(NotFound, InvalidTransition),
)
async def complete_visitor(visitor_id: UUID, caller: VisitorManager, desk: Desk) -> schemas.Visitor:
    """Close the visit of somebody who is inside, or has left without a scan."""
    return schemas.Visitor.of(await desk.end(visitor_id, VisitorAction.COMPLETED, caller))


@router.post(
    "/{visitor_id:uuid}/replace-code/",
    operation_id="visitors_replace_code",
    summary="Replace the QR code",
    responses=problems(NotFound, InvalidTransition, UpdateUnderWay),
)
async def replace_code(
    visitor_id: UUID, caller: VisitorManager, desk: Desk, budgets: Budgeted
) -> schemas.Visitor:
    """Give a pending visit a new code and mail it, where a mail was forwarded or lost.

    The gate refuses the former codes as `replaced`, and their passes show nothing any more. It
    counts as a confirmation that is sent again.
    """
    return schemas.Visitor.of(await desk.replace_code(visitor_id, caller, budgets))


@router.post(
    "/{visitor_id:uuid}/resend-email/",
    operation_id="visitors_resend_email",
    summary="Send the confirmation again",
    status_code=202,
    responses=problems(NotFound, InvalidTransition),
)
async def resend_email(
    visitor_id: UUID, caller: VisitorManager, desk: Desk, budgets: Budgeted
) -> None:
    """To a visitor who is awaited: with the QR code and the calendar file.

    Once a minute and five times a day for each visit.
    """
    await desk.resend(visitor_id, caller, budgets)


@router.get(
    "/{visitor_id:uuid}/events/",
    operation_id="visitors_events",
    summary="Read a visitor's audit trail",
    responses=problems(NotFound),
)
async def list_events(
    visitor_id: UUID, caller: VisitorManager, session: Reading
) -> list[VisitorEvent]:
    """Who did what, when, and from where; the oldest entry first."""
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
    visitor_id: UUID, caller: VisitorManager, session: Reading
) -> list[Notification]:
    """To the visitor and to the host, each with its state; the oldest first."""
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
async def qr_code_png(visitor_id: UUID, caller: VisitorManager, session: Reading) -> Response:
    """The image that the visitor has by mail, for a page or a badge."""
    return PngResponse(qr_png((await _visible(session, visitor_id, caller)).qr_code))


@router.get(
    "/{visitor_id:uuid}/qr.svg",
    operation_id="visitors_qr_svg",
    summary="Read the QR code as SVG",
    response_class=SvgResponse,
    responses=image("image/svg+xml") | problems(NotFound),
)
async def qr_code_svg(visitor_id: UUID, caller: VisitorManager, session: Reading) -> Response:
    """The same for print: sharp at any size."""
    return SvgResponse(qr_svg((await _visible(session, visitor_id, caller)).qr_code))


async def _visible(session: ReadSession, visitor_id: UUID, caller: VisitorManager) -> Visitor:
    visitor = await VisitorReader(session).visible(visitor_id, caller)
    if visitor is None:
        raise NotFound
    return visitor
