"""Check-in and check-out by a person at the desk."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from app.auth.guards import DoorKeeper, VisitorDismisser
from app.auth.idempotency_dependencies import Once
from app.core.db.rollout import UpdateUnderWay
from app.core.errors import NotFound, problems
from app.core.http.routing import ApiRoute
from app.scans.by_hand_service import ByHandService, Passed
from app.scans.errors import (
    REFUSALS,
    AlreadyCompleted,
    AlreadyInside,
    Cancelled,
    Emergency,
    Expired,
    InvalidObservedAt,
    NotInside,
    OverrideMismatch,
    TooEarly,
    WrongDay,
)
from app.scans.models import ScanVerdict
from app.scans.schemas import CheckInByHand, CheckOutByHand
from app.scans.shown import RefusedVisitor
from app.visitors.card_schemas import DeskCard
from app.visitors.dependencies import IfCurrent, VisitorServiceDep, shown_at_desk
from app.visitors.errors import AlreadyRegistered
from app.visitors.lifecycle import InvalidTransition
from app.visitors.schemas import Visitor

router = APIRouter(prefix="/api/visitors", tags=["visitors"], route_class=ApiRoute)
# Without a body.
ENTERS_NOW, LEAVES_NOW = CheckInByHand(), CheckOutByHand()
AGAINST_ENTRY = (Emergency, Cancelled, AlreadyInside, AlreadyCompleted, Expired, TooEarly, WrongDay)
OF_OVERRIDES = (OverrideMismatch, AlreadyRegistered, InvalidTransition, UpdateUnderWay)


async def _desk(service: VisitorServiceDep, caller: DoorKeeper) -> ByHandService:
    return ByHandService(service, caller)


async def _exit(service: VisitorServiceDep, caller: VisitorDismisser) -> ByHandService:
    return ByHandService(service, caller)


@router.post(
    "/{visitor_id:uuid}/check-in/",
    operation_id="visitors_check_in",
    summary="Check a visitor in by hand",
    response_model=Visitor | DeskCard,
    dependencies=[Once, IfCurrent],
    responses=problems(NotFound, InvalidObservedAt, *AGAINST_ENTRY, *OF_OVERRIDES),
)
async def check_in_visitor(
    visitor_id: UUID,
    service: Annotated[ByHandService, Depends(_desk)],
    body: CheckInByHand = ENTERS_NOW,
) -> Visitor | DeskCard | Response:
    """Check in without a code, as a gate would; refusals are the same problems.

    `override` names exactly the `refusals` that hold. A visit of another day is moved to now and
    keeps its code; a full hour gets a seat more.

    The scan is in the ledger with `method` `desk`. Guards get the card of the visit.
    """
    said = (body.gate, body.observed_at, body.override)
    passed = await service.check_in(visitor_id, *said)
    return await _answer(passed, service)


@router.post(
    "/{visitor_id:uuid}/check-out/",
    operation_id="visitors_check_out",
    summary="Check a visitor out",
    response_model=Visitor | DeskCard,
    dependencies=[Once, IfCurrent],
    responses=problems(NotFound, InvalidTransition, InvalidObservedAt, NotInside),
)
async def check_out_visitor(
    visitor_id: UUID,
    service: Annotated[ByHandService, Depends(_exit)],
    body: CheckOutByHand = LEAVES_NOW,
) -> Visitor | DeskCard | Response:
    """Check out a visitor who is inside; where the site permits re-entry, they may come back.

    Guards get the card of the visit.
    """
    passed = await service.check_out(visitor_id, body.observed_at)
    return await _answer(passed, service)


async def _answer(passed: Passed, service: ByHandService) -> Visitor | DeskCard | Response:
    if passed.refusals:
        return _refused(passed, await service.faster(passed.visitor))
    return shown_at_desk(passed.visitor, service.caller, service.now)


def _refused(passed: Passed, by: str | None) -> Response:
    """Return the refusal; raising it would roll the ledger row back."""
    scan = passed.scan
    problem = REFUSALS[scan.code or ""](scan.message)
    problem.members = {
        **scan.details,
        "verdict": ScanVerdict.REFUSED,
        "replayed": False,
        "visitor": RefusedVisitor.model_validate(passed.visitor).model_dump(mode="json"),
        "refusals": passed.refusals,
        "by": by,
    }
    return problem.response()
