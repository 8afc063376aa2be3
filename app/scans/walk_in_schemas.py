from typing import Self

from pydantic import ConfigDict, model_validator
from pydantic.config import JsonDict

from app.core.text import OptionalLine
from app.scans.override_schemas import Override
from app.visitors.schemas import StaffForm

EXAMPLE: JsonDict = {
    "name": "Ada Lovelace",
    "email": "ada@example.com",
    "company": "Analytical Engines Ltd",
    "purpose": "business_meeting",
    "host_email": "charles@example.com",
    "gate": "Reception",
}


class WalkInCreate(StaffForm):
    """A visitor who has come unannounced; a host or a department is needed.

    `override` names the refusals to override.
    """

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})

    gate: OptionalLine = None
    override: Override | None = None

    @model_validator(mode="after")
    def _comes_to_somebody(self) -> Self:
        if self.host_id is None and self.host_email is None and self.department is None:
            raise ValueError("name a host by host_id or host_email, or a department")
        return self
