"""A registration as each kind of caller may send it."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field
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
# May be left out, but null is refused.
_HOST_ID: Any = Field(
    default_factory=lambda: None,
    description="A host of `GET /api/visitors/hosts/`, in place of `host_name` and `host_email`",
)


def _no_link(value: str | None) -> str | None:
    if value is not None and any(mark in value.casefold() for mark in LINKS):
        raise PydanticCustomError("link", "must not contain a web address")
    return value


class _WithHost(VisitorFacts):
    host_id: UUID = _HOST_ID

    @property
    def chosen_host(self) -> UUID | None:
        """The account that was chosen as the host."""
        return self.host_id if "host_id" in self.model_fields_set else None


class VisitorCreate(Reschedule, _WithHost):
    """A registration. For a host, `host_name` and `host_email` are always their own."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})


class PublicVisitorCreate(VisitorCreate):
    """A registration by a stranger."""

    name: Annotated[RequiredLine, AfterValidator(_no_link)]
    company: Annotated[OptionalLine, AfterValidator(_no_link)] = None
    host_name: Annotated[OptionalLine, AfterValidator(_no_link)] = None


class WalkIn(_WithHost):
    """A registration at a kiosk, at its site: for now, where no time is named."""

    model_config = ConfigDict(json_schema_extra={"example": WALK_IN})

    visit_date: LocalDate | None = None
    visit_time: WallTime | None = None


def facts(body: VisitorFacts) -> dict[str, Any]:
    """The fields that every form has in common."""
    return body.model_dump(include=set(VisitorFacts.model_fields))
