"""`GET /api/visitors/{id}/personal-data/`: all data held about a visitor."""

from uuid import UUID

from fastapi import APIRouter, Response

from app.auth.guards import VisitorExporter
from app.core.errors import NotFound, problems
from app.core.http.dependencies import Now, Writing
from app.core.http.routing import ApiRoute
from app.reports import personal_data_service as personal_data
from app.reports.personal_data_schemas import PersonalData

router = APIRouter(prefix="/api/visitors", tags=["visitors"], route_class=ApiRoute)


@router.get(
    "/{visitor_id:uuid}/personal-data/",
    operation_id="visitors_personal_data",
    summary="Export a visitor's personal data",
    responses=problems(NotFound),
)
async def export_personal_data(
    visitor_id: UUID, caller: VisitorExporter, unit: Writing, now: Now, response: Response
) -> PersonalData:
    """Return all data held about a visitor, to answer a request under GDPR article 15.

    The audit log records the export.
    """
    found = await personal_data.export(unit, visitor_id, caller, now)
    filename = f"personal-data-{visitor_id}.json"
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return found
