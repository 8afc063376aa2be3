from typing import Annotated

from pydantic import AfterValidator, ConfigDict
from pydantic.config import JsonDict

from app.auth.caller import Caller, CallerRole
from app.core.link_marks import without_domain, without_link
from app.core.text import Email, OptionalLine, RequiredLine
from app.core.times import LocalDate, WallTime
from app.visitors.schemas import EXAMPLE, STAY_FIELDS, Reschedule, StaffForm, VisitorFacts

WALK_IN: JsonDict = {
    "name": "Ada Lovelace",
    "email": "ada@example.com",
    "company": "Analytical Engines Ltd",
    "purpose": "business_meeting",
    "host_id": "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11",
}
PUBLIC_EXAMPLE: JsonDict = {k: v for k, v in EXAMPLE.items() if k not in STAY_FIELDS}
# Visitors must not advertise; a company may be named like a domain.
_Name = Annotated[RequiredLine, AfterValidator(without_domain)]
_HostName = Annotated[OptionalLine, AfterValidator(without_domain)]
_Company = Annotated[OptionalLine, AfterValidator(without_link)]


class VisitorCreate(Reschedule, StaffForm):
    """A registration. A host registers visitors for themselves."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})


class PublicVisitorCreate(Reschedule, VisitorFacts):
    """A registration by the visitor, without an account."""

    model_config = ConfigDict(json_schema_extra={"example": PUBLIC_EXAMPLE})

    name: _Name
    email: Email
    company: _Company = None
    host_name: _HostName = None


class WalkIn(VisitorFacts):
    """A registration at a kiosk, by default for the current time."""

    model_config = ConfigDict(json_schema_extra={"example": WALK_IN})

    name: _Name
    company: _Company = None
    host_name: _HostName = None
    visit_date: LocalDate | None = None
    visit_time: WallTime | None = None


Form = VisitorCreate | PublicVisitorCreate | WalkIn
FORMS: dict[CallerRole, type[Form]] = {
    CallerRole.KIOSK: WalkIn,
    CallerRole.ANONYMOUS: PublicVisitorCreate,
}


def form_of(caller: Caller) -> type[Form]:
    return FORMS.get(caller.role, VisitorCreate)
