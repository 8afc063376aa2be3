"""A registration as each kind of caller may send it."""

from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from app.core.text import OptionalLine, RequiredLine
from app.core.times import LocalDate, WallTime
from app.visitors.schemas import EXAMPLE, Reschedule, VisitorFacts

WALK_IN: JsonDict = {
    "name": "Ada Lovelace",
    "email": "ada@example.com",
    "company": "Analytical Engines Ltd",
    "purpose": "business_meeting",
    "host_id": "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11",
}
# Mail programs make links of these, and the mail to the visitor would carry a stranger's.
LINKS = ("://", "www.")


def _no_link(value: str | None) -> str | None:
    if value is not None and any(mark in value.casefold() for mark in LINKS):
        raise PydanticCustomError("link", "must not contain a web address")
    return value


class VisitorCreate(Reschedule, VisitorFacts):
    """A registration. A host registers visitors for themselves."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})


class PublicVisitorCreate(VisitorCreate):
    """A registration by a stranger."""

    name: Annotated[RequiredLine, AfterValidator(_no_link)]
    company: Annotated[OptionalLine, AfterValidator(_no_link)] = None
    host_name: Annotated[OptionalLine, AfterValidator(_no_link)] = None


class WalkIn(VisitorFacts):
    """A registration at a kiosk, at its site: for now, where no time is named."""

    model_config = ConfigDict(json_schema_extra={"example": WALK_IN})

    visit_date: LocalDate | None = None
    visit_time: WallTime | None = None


def facts(body: VisitorFacts) -> dict[str, Any]:
    """The fields that every form has in common."""
    return body.model_dump(include=set(VisitorFacts.model_fields))
