from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from app.auth.guards import ByHand, VisitorEditor
from app.core.errors import NotFound, problems
from app.core.http.routing import ApiRoute
from app.core.text import RequiredLine
from app.scans.check_out_all_service import CheckOutAllService
from app.scans.errors import CountChanged
from app.sites.dependencies import IfCurrent
from app.visitors.dependencies import VisitorServiceDep

router = APIRouter(prefix="/api/sites/{site_id:uuid}", tags=["scans"], route_class=ApiRoute)


class CheckOutAll(BaseModel):
    """The confirmation that everybody has left."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"expected_count": 12, "reason": "Closing time"}},
    )

    expected_count: int = Field(ge=0, description="The number of visitors who are inside")
    reason: RequiredLine = Field(description="Kept in the audit log")


class CheckedOutAll(BaseModel):
    """The visits that were ended."""

    checked_out: int = Field(description="The number of visitors who were inside or away")


async def _service(visitors: VisitorServiceDep, caller: VisitorEditor) -> CheckOutAllService:
    return CheckOutAllService(visitors, caller)


@router.post(
    "/check-out-all/",
    operation_id="sites_check_out_all",
    summary="Check everybody out",
    dependencies=[ByHand, IfCurrent],
    responses=problems(NotFound, CountChanged),
)
async def check_out_all(
    site_id: UUID, body: CheckOutAll, service: Annotated[CheckOutAllService, Depends(_service)]
) -> CheckedOutAll:
    """Check out all visitors who are inside, and end the visits of those who are away.

    It is refused unless exactly as many as expected are inside, so that nobody is overlooked. For
    receptionists, admins and superadmins.
    """
    number = await service.check_out_all(site_id, body.expected_count, body.reason)
    return CheckedOutAll(checked_out=number)
