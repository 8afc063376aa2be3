from fastapi import APIRouter
from fastapi.responses import Response

from app.core.errors import problems
from app.core.http.routing import ApiRoute
from app.core.request_context import note_subject
from app.scans import metrics
from app.scans.dependencies import Forged, ScanServiceDep
from app.scans.errors import REFUSALS, Replaced, Rescheduled, ScanIdReused, UnknownToken, WrongSite
from app.scans.models import OPENED, ScanVerdict
from app.scans.schemas import ScanAccepted, ScanCreate, ScannedVisitor, nobody
from app.scans.service import ScanOutcome
from app.scans.verdict import opens

# Exits with these codes name nobody, even if they open in an emergency.
NAMELESS = {refusal.code for refusal in (Replaced, Rescheduled, UnknownToken, WrongSite)}
router = APIRouter(prefix="/api/visitors", tags=["scans"], route_class=ApiRoute)


@router.post(
    "/verify-qr/",
    operation_id="visitors_verify_qr",
    summary="Scan a QR code",
    response_model=ScanAccepted,
    responses=problems(*REFUSALS.values(), ScanIdReused),
)
async def verify_qr(
    body: ScanCreate, service: ScanServiceDep, forged: Forged
) -> ScanAccepted | Response:
    """Decide whether a gate opens. Only a 200 opens it; every refusal is a problem.

    Refusals of a visit's current code at its own site show the visitor, for comparison with a
    document. A repeat with the same `scan_id` gets the first response again. 429 means too many
    forged codes (genuine ones are still decided) or too many new scans, which are not stored.
    """
    try:
        async with service.unit:
            outcome = await service.scan(body)
    except UnknownToken:
        metrics.FORGED.inc()
        await forged.hit(str(service.caller_id))
        raise
    note_subject(visitor_id=outcome.scan.visitor_id)
    metrics.scans_like(outcome.scan, replayed=outcome.replayed).inc()
    return _opened(outcome) if _opens(outcome) else _refused(outcome)


def _opens(outcome: ScanOutcome) -> bool:
    # Without a visitor, the one of an admitted scan was erased.
    return opens(outcome.scan) and (outcome.visitor is not None or bool(outcome.scan.code))


def _opened(outcome: ScanOutcome) -> ScanAccepted:
    scan, visitor = outcome.scan, outcome.visitor
    verdict = scan.verdict if scan.verdict in OPENED else ScanVerdict.CHECKED_OUT
    is_hidden = visitor is None or scan.code in NAMELESS
    shown = nobody(scan.created_at) if is_hidden else ScannedVisitor.model_validate(visitor)
    return ScanAccepted.model_validate(
        {
            "verdict": verdict.value,
            "visitor": shown,
            "message": scan.message,
            "replayed": outcome.replayed,
        }
    )


def _refused(outcome: ScanOutcome) -> Response:
    """Return the refusal; raising it would roll the ledger row back."""
    scan = outcome.scan
    # Without a code, the visitor of an admitted scan was erased.
    problem = REFUSALS[scan.code](scan.message) if scan.code else UnknownToken()
    problem.members = {**scan.details, "verdict": ScanVerdict.REFUSED, "replayed": outcome.replayed}
    if problem.shows is not None:
        shown = outcome.shown
        problem.members["visitor"] = shown and shown.model_dump(mode="json")
    return problem.response()
