"""`/pass/{token}`: the page linked from mails; the token authorizes everything here.

Mail scanners follow links, so only a POST changes a visit.
"""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response

from app.auth.dependencies import Configured
from app.auth.guards import Public
from app.core.http.dependencies import Now
from app.notifications.calendar import CalendarMethod, visit_calendar
from app.notifications.message import Mailbox
from app.passes.dependencies import Token, Viewed
from app.passes.pages import HEADERS, qr_image
from app.passes.service import cancel_by_visitor
from app.passes.state import PassState
from app.visitors.dependencies import VisitorServiceDep

PREFIX = "/pass"
CONFIRMED = "yes"

# Not part of the API document.
router = APIRouter(prefix=PREFIX, dependencies=[Public], include_in_schema=False)


@router.get("/{token}")
async def show_pass(view: Viewed) -> Response:
    if view.found.state.opens_gates:
        return view.page("pass", qr_image=qr_image(view.token))
    return view.page("over")


@router.get("/{token}/visit.ics")
async def calendar_file(view: Viewed, settings: Configured, now: Now) -> Response:
    if not view.found.state.opens_gates:
        return _back_to_pass(view.token)
    text = visit_calendar(
        view.found.visit.model_copy(update={"language": view.language}),
        CalendarMethod.publish,
        organizer=Mailbox.parse(settings.default_from_email).address,
        made_at=now,
    )
    return Response(
        text,
        media_type="text/calendar; charset=utf-8; method=PUBLISH",
        headers=HEADERS | {"Content-Disposition": 'attachment; filename="visit.ics"'},
    )


@router.get("/{token}/cancel")
async def ask_to_cancel(view: Viewed) -> Response:
    if view.found.state is not PassState.VALID:
        return _back_to_pass(view.token)
    return view.page("cancel")


@router.post("/{token}/cancel")
async def cancel_visit(
    token: Token, service: VisitorServiceDep, confirmed: Annotated[str, Form()] = ""
) -> Response:
    """Cancel the visit if the confirmation was sent."""
    if confirmed != CONFIRMED:
        return RedirectResponse("cancel", 303)
    await cancel_by_visitor(service, token)
    return _back_to_pass(token)


def _back_to_pass(token: str) -> Response:
    # Relative, since a proxy may add a path prefix.
    return RedirectResponse(f"../{token}", 303)
