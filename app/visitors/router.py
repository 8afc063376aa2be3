"""`/api/visitors/`: the record and its life cycle."""

from uuid import UUID

from fastapi import APIRouter, Response

from app.audit.models import Action
from app.audit.repository import VisitorEventReader
from app.audit.schemas import VisitorEventOut
from app.auth.guards import HostReader, Registrar, VisitorManager
from app.auth.idempotency import Once
from app.core.database import Reading, ReadSession
from app.core.dependencies import Now
from app.core.errors import NotFound, problems
from app.core.pagination import Page, Paging
from app.core.qr_image import qr_png, qr_svg
from app.core.routing import ApiRoute
from app.notifications.repository import NotificationReader
from app.notifications.schemas import NotificationOut
from app.slots.errors import BOOKING_PROBLEMS
from app.users.repository import UserReader
from app.visitors.dependencies import Desk, Filter, Registered, WithinLimits
from app.visitors.lifecycle import InvalidTransition
from app.visitors.models import Visitor
from app.visitors.registration import answer, complete
from app.visitors.repository import ORDERINGS, OrderingName, VisitorReader
from app.visitors.schemas import (
    HostOut,
    RescheduleIn,
    VisitorChangeIn,
    VisitorIn,
    VisitorOut,
)

router = APIRouter(prefix="/api/visitors", tags=["visitors"], route_class=ApiRoute)


@router.get("/")
async def list_visitors(
    caller: VisitorManager,
    session: Reading,
    chosen: Filter,
    page: Paging,
    ordering: OrderingName = "-created_at",
) -> Page[VisitorOut]:
    """Visitors, newest first. Hosts see their own."""
    rows, next_cursor, total = await VisitorReader(session).page(
        chosen, caller, ORDERINGS[ordering], page
    )
    items = [VisitorOut.of(visitor) for visitor in rows]
    return Page(items=items, next_cursor=next_cursor, total=total)


@router.post(
    "/", status_code=201, dependencies=[Once, WithinLimits], responses=problems(*BOOKING_PROBLEMS)
)
async def register_visitor(
    body: Registered, caller: Registrar, desk: Desk, now: Now, response: Response
) -> VisitorOut:
    """Register a visitor: takes a seat in the hour and mails the QR code and the host.

    A kiosk registers at its own site, and for now where it names no time. Without a sign-in, on a
    site with `self_registration` alone. Neither is told the QR code or the host's e-mail address.
    """
    registration = await complete(desk.unit, body, caller, now)
    visitor = await desk.register(registration, caller)
    response.headers["Location"] = f"/api/visitors/{visitor.id}/"
    return answer(visitor, body, caller)


@router.get("/hosts/")
async def list_hosts(caller: HostReader, session: Reading) -> list[HostOut]:
    """Active hosts. Kiosks are not shown their e-mail addresses."""
    hosts = await UserReader(session).active_hosts()
    return [
        HostOut(id=host.id, name=host.name, email=host.email if caller.is_person else None)
        for host in hosts
    ]


@router.get("/{visitor_id:uuid}/", responses=problems(NotFound))
async def read_visitor(visitor_id: UUID, caller: VisitorManager, session: Reading) -> VisitorOut:
    """One visitor."""
    return VisitorOut.of(await _visible(session, visitor_id, caller))


@router.put(
    "/{visitor_id:uuid}/", responses=problems(NotFound, InvalidTransition, *BOOKING_PROBLEMS)
)
async def replace_visitor(
    visitor_id: UUID, body: VisitorIn, caller: VisitorManager, desk: Desk
) -> VisitorOut:
    """Replace every field; one that is left out gets its default. A new time is a reschedule."""
    return VisitorOut.of(await desk.change(visitor_id, body.model_dump(), caller))


@router.patch(
    "/{visitor_id:uuid}/", responses=problems(NotFound, InvalidTransition, *BOOKING_PROBLEMS)
)
async def change_visitor(
    visitor_id: UUID, body: VisitorChangeIn, caller: VisitorManager, desk: Desk
) -> VisitorOut:
    """Change the fields that are sent. A new time is a reschedule."""
    return VisitorOut.of(await desk.change(visitor_id, body.changes(), caller))


@router.delete("/{visitor_id:uuid}/", status_code=204, responses=problems(NotFound))
async def delete_visitor(visitor_id: UUID, caller: VisitorManager, desk: Desk) -> None:
    """Free the seat and erase the personal data; an anonymous entry stays in the audit trail."""
    await desk.delete(visitor_id, caller)


@router.post(
    "/{visitor_id:uuid}/reschedule/",
    responses=problems(NotFound, InvalidTransition, *BOOKING_PROBLEMS),
)
async def reschedule_visitor(
    visitor_id: UUID, body: RescheduleIn, caller: VisitorManager, desk: Desk
) -> VisitorOut:
    """Move the visit. The visitor gets a new QR code; the old one is refused from now on."""
    visitor = await desk.reschedule(visitor_id, body.visit_date, body.visit_time, caller)
    return VisitorOut.of(visitor)


@router.post("/{visitor_id:uuid}/cancel/", responses=problems(NotFound, InvalidTransition))
async def cancel_visitor(visitor_id: UUID, caller: VisitorManager, desk: Desk) -> VisitorOut:
    """Cancel a pending visit: frees the seat and tells visitor and host."""
    return VisitorOut.of(await desk.cancel(visitor_id, caller))


@router.post("/{visitor_id:uuid}/check-out/", responses=problems(NotFound, InvalidTransition))
async def check_out_visitor(visitor_id: UUID, caller: VisitorManager, desk: Desk) -> VisitorOut:
    """Let a visitor out who is inside."""
    return VisitorOut.of(await desk.end(visitor_id, Action.CHECKED_OUT, caller))


@router.post("/{visitor_id:uuid}/complete/", responses=problems(NotFound, InvalidTransition))
async def complete_visitor(visitor_id: UUID, caller: VisitorManager, desk: Desk) -> VisitorOut:
    """Close the visit of somebody who is inside, or has left without a scan."""
    return VisitorOut.of(await desk.end(visitor_id, Action.COMPLETED, caller))


@router.post(
    "/{visitor_id:uuid}/resend-email/",
    status_code=202,
    responses=problems(NotFound, InvalidTransition),
)
async def resend_email(visitor_id: UUID, caller: VisitorManager, desk: Desk) -> None:
    """Queue the confirmation with the QR code again."""
    await desk.resend(visitor_id, caller)


@router.get("/{visitor_id:uuid}/events/", responses=problems(NotFound))
async def list_events(
    visitor_id: UUID, caller: VisitorManager, session: Reading
) -> list[VisitorEventOut]:
    """The audit trail of a visitor, oldest entry first."""
    await _visible(session, visitor_id, caller)
    events = await VisitorEventReader(session).of_visitor(visitor_id)
    return [VisitorEventOut.model_validate(event) for event in events]


@router.get("/{visitor_id:uuid}/notifications/", responses=problems(NotFound))
async def list_notifications(
    visitor_id: UUID, caller: VisitorManager, session: Reading
) -> list[NotificationOut]:
    """Every mail about a visitor with its state, oldest first."""
    await _visible(session, visitor_id, caller)
    found = await NotificationReader(session).of_visitor(visitor_id)
    return [NotificationOut.model_validate(notification) for notification in found]


class PngResponse(Response):
    """An image as PNG."""

    media_type = "image/png"


class SvgResponse(Response):
    """An image as SVG."""

    media_type = "image/svg+xml"


@router.get("/{visitor_id:uuid}/qr.png", response_class=PngResponse, responses=problems(NotFound))
async def qr_code_png(visitor_id: UUID, caller: VisitorManager, session: Reading) -> Response:
    """The QR code as a PNG image."""
    return PngResponse(qr_png((await _visible(session, visitor_id, caller)).qr_code))


@router.get("/{visitor_id:uuid}/qr.svg", response_class=SvgResponse, responses=problems(NotFound))
async def qr_code_svg(visitor_id: UUID, caller: VisitorManager, session: Reading) -> Response:
    """The QR code as an SVG image."""
    return SvgResponse(qr_svg((await _visible(session, visitor_id, caller)).qr_code))


async def _visible(session: ReadSession, visitor_id: UUID, caller: VisitorManager) -> Visitor:
    visitor = await VisitorReader(session).visible(visitor_id, caller)
    if visitor is None:
        raise NotFound
    return visitor
