from fastapi import APIRouter
from fastapi.responses import Response

from app.core.errors import problems
from app.core.http.routing import ApiRoute
from app.core.request_context import note_subject
from app.scans import metrics
from app.scans.dependencies import Forged, ScanServiceDep
from app.scans.errors import REFUSALS, ScanIdReused, UnknownToken
from app.scans.models import OPENED, ScanVerdict
from app.scans.schemas import ScanAccepted, ScanCreate, ScannedVisitor
from app.scans.service import ScanOutcome

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

    A repeat with the same `scan_id` gets the first response again. 429 means too many forged codes
    (genuine ones are still decided) or too many new scans, which are not stored.
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
    return outcome.scan.verdict in OPENED and outcome.visitor is not None


def _opened(outcome: ScanOutcome) -> ScanAccepted:
    return ScanAccepted.model_validate(
        {
            "verdict": outcome.scan.verdict.value,
            "visitor": ScannedVisitor.model_validate(outcome.visitor),
            "message": outcome.scan.message,
            "replayed": outcome.replayed,
        }
    )


def _refused(outcome: ScanOutcome) -> Response:
    """Return the refusal; raising it would roll the ledger row back."""
    scan = outcome.scan
    # Without a code, the visitor of an admitted scan was erased.
    problem = REFUSALS[scan.code](scan.message) if scan.code else UnknownToken()
    problem.members = {**scan.details, "verdict": ScanVerdict.REFUSED, "replayed": outcome.replayed}
    return problem.response()
