"""`POST /api/visitors/verify-qr/`: a gate asks whether to open."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from app.auth.guards import Gatekeeper
from app.core.errors import NotAuthenticated, problems
from app.core.limits import Limiter, Rule
from app.core.routing import ApiRoute
from app.scans.errors import REFUSALS, ScanIdReused, UnknownToken
from app.scans.models import Verdict
from app.scans.schemas import ScanIn, ScannedVisitor, ScanOut
from app.scans.service import GateDesk, Outcome
from app.settings import Settings
from app.visitors.dependencies import Desk

router = APIRouter(prefix="/api/visitors", tags=["scans"], route_class=ApiRoute)


async def _gate_desk(desk: Desk, caller: Gatekeeper) -> GateDesk:
    if caller.id is None:
        raise NotAuthenticated
    return GateDesk(desk, caller.id, caller)


async def _forged(request: Request) -> Rule:
    settings: Settings = request.app.state.settings
    return Rule("forged scan", settings.forged_scan_limit_per_device)


@router.post(
    "/verify-qr/",
    response_model=ScanOut,
    responses=problems(*REFUSALS.values(), ScanIdReused),
)
async def verify_qr(
    body: ScanIn,
    desk: Annotated[GateDesk, Depends(_gate_desk)],
    limiter: Limiter,
    rule: Annotated[Rule, Depends(_forged)],
) -> ScanOut | Response:
    """Tell a gate whether to open: only a 200 opens it, every refusal is a problem.

    The same `scan_id` from the same caller gets the first answer again. 429 is for a caller that
    goes on sending codes that are not ours; genuine ones are decided on all the same.
    """
    try:
        outcome = await desk.scan(body)
    except UnknownToken:
        await limiter.hit(rule, str(desk.caller_id))
        raise
    return _opened(outcome) if _opens(outcome) else _refused(outcome)


def _opens(outcome: Outcome) -> bool:
    return outcome.scan.verdict is not Verdict.REFUSED and outcome.visitor is not None


def _opened(outcome: Outcome) -> ScanOut:
    return ScanOut.model_validate(
        {
            "verdict": outcome.scan.verdict.value,
            "visitor": ScannedVisitor.model_validate(outcome.visitor),
            "message": outcome.scan.message,
            "replayed": outcome.replayed,
        }
    )


def _refused(outcome: Outcome) -> Response:
    """Answered and not raised: the ledger's row must be committed."""
    scan = outcome.scan
    # An opened scan without its visitor: erased since.
    problem = REFUSALS[scan.code](scan.message) if scan.code else UnknownToken()
    problem.members = {**scan.details, "verdict": Verdict.REFUSED, "replayed": outcome.replayed}
    return problem.response()
