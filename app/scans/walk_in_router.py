from fastapi import APIRouter, Response

from app.auth.guards import AtDesk, VisitorEditor
from app.core.db.rollout import UpdateUnderWay
from app.core.errors import SiteRequired, problems
from app.core.http.responses import CREATED
from app.core.http.routing import ApiRoute
from app.core.request_context import note_subject
from app.scans.errors import Emergency, OverrideMismatch
from app.scans.walk_in_dependencies import OnceForWalkIn, WalkInForm, WalkInServiceDep
from app.slots.errors import SlotClosed, SlotFull
from app.visitors import schemas

router = APIRouter(prefix="/api/visitors", tags=["visitors"], route_class=ApiRoute)


@router.post(
    "/walk-in/",
    operation_id="visitors_walk_in",
    summary="Register and admit a walk-in",
    status_code=201,
    dependencies=[AtDesk, OnceForWalkIn],
    responses=CREATED
    | problems(SiteRequired, SlotFull, SlotClosed, OverrideMismatch, Emergency, UpdateUnderWay),
)
async def walk_in(
    form: WalkInForm, caller: VisitorEditor, service: WalkInServiceDep, response: Response
) -> schemas.Visitor:
    """Register a visitor for the present minute and check them in.

    Neither lead time nor horizon count. The host is told of the arrival, and the visitor gets the
    QR code by mail. `override` admits to a full or closed hour; a full one gets a seat more.
    """
    visitor = await service.admit(form, caller)
    response.headers["Location"] = f"/api/visitors/{visitor.id}/"
    note_subject(visitor_id=visitor.id)
    return visitor
