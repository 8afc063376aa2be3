from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Body, Depends, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import GetJsonSchemaHandler, TypeAdapter, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from app.auth.caller import Caller
from app.auth.condition_dependencies import if_match
from app.auth.guards import resolve_caller
from app.auth.reading_dependencies import Browsing
from app.auth.stranger_limits import LimitStrangers
from app.core.db.database import ReadSession
from app.core.errors import Invalid, NotFound
from app.core.http.dependencies import Now, SingleStatement, Writing
from app.services import Services, services
from app.visitors.budget_limits import Budgeted
from app.visitors.card_schemas import DeskCard
from app.visitors.list_statements import VisitorFilter
from app.visitors.models import Visitor
from app.visitors.registration_schemas import Form, VisitorCreate, WalkIn, form_of
from app.visitors.registration_service import RegistrationService
from app.visitors.repository import VisitorReader
from app.visitors.schemas import Visitor as VisitorRecord
from app.visitors.schemas import VisitorQuery
from app.visitors.service import VisitorService


async def _visitor_service(request: Request, unit: Writing, now: Now) -> VisitorService:
    ours = services(request)
    return VisitorService(unit, ours.qr_tokens, ours.wake_outbox, now)


# FastAPI resolves every dependency for each request, so these have few.
async def _registration_service(
    request: Request, unit: SingleStatement, budgets: Budgeted
) -> RegistrationService:
    ours = services(request)
    return RegistrationService(unit, ours.qr_tokens, ours.wake_outbox, ours.clock.now(), budgets)


async def _filter(
    chosen: Annotated[VisitorQuery, Query()], session: Browsing, now: Now
) -> VisitorFilter:
    first, last = chosen.visit_date_from, chosen.visit_date_to
    if first is not None and last is not None and first > last:
        message = "The range ends before it begins"
        raise Invalid.field("visit_date_to", "before_visit_date_from", message)
    given = chosen.model_dump(exclude={"overdue"})
    if chosen.overdue is not None:
        found = await VisitorReader(session).overdue(now, chosen.site)
        given["overdue" if chosen.overdue else "not_overdue"] = found
    return VisitorFilter(**given)


class _Documented:
    """Documents the registration bodies of a parameter that accepts any object."""

    FORMS = TypeAdapter[Any](VisitorCreate | WalkIn)

    def __get_pydantic_json_schema__(
        self, _: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(self.FORMS.core_schema)


async def _registration(
    sent: Annotated[dict[str, Any], Body(), _Documented()], request: Request
) -> Form:
    """Validate the body with the schema of the caller's role."""
    try:
        return form_of(await resolve_caller(request)).model_validate(sent)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        raise RequestValidationError(
            [{**fault, "loc": ("body", *fault["loc"])} for fault in faults]
        ) from None


WithinLimits = Depends(
    LimitStrangers(
        "self-registration", lambda settings: settings.self_registration_limit_per_address
    )
)
Registered = Annotated[Form, Depends(_registration)]
VisitorServiceDep = Annotated[VisitorService, Depends(_visitor_service)]
RegistrationServiceDep = Annotated[RegistrationService, Depends(_registration_service)]
Filter = Annotated[VisitorFilter, Depends(_filter)]


def shown_at_desk(visitor: Visitor, caller: Caller, now: datetime) -> VisitorRecord | DeskCard:
    """Return what a caller sees of a visit: guards its card."""
    if caller.is_guard:
        return DeskCard.of(visitor, visitor.site, caller, now)
    return VisitorRecord.of(visitor)


async def _shown(
    session: ReadSession, visitor_id: UUID, caller: Caller, ours: Services
) -> VisitorRecord | DeskCard:
    visitor = await VisitorReader(session).visible(visitor_id, caller)
    if visitor is None:
        raise NotFound
    return shown_at_desk(visitor, caller, ours.clock.now())


IfCurrent = if_match(Visitor, "visitor_id", _shown)
