"""Scans as gates send them and what they are told."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from app.core.text import OptionalLine
from app.core.times import WallTime
from app.scans.models import Direction
from app.visitors.models import Purpose


class ScanIn(BaseModel):
    """One scan; `qr_code` is accepted for `token`. A `scan_id` makes a repeat safe."""

    model_config = ConfigDict(
        extra="forbid",
        title="Scan",
        json_schema_extra={
            "example": {
                "token": "V1" + "A" * 40,
                "scan_id": "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11",
                "direction": "in",
                "gate": "North",
            }
        },
    )

    token: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=512)]
    scan_id: UUID | None = Field(None, description="Made by the device, one for each scan")
    scanned_at: AwareDatetime | None = Field(None, description="By the device's clock")
    direction: Direction = Direction.IN
    gate: OptionalLine = None

    @model_validator(mode="before")
    @classmethod
    def _qr_code_is_token(cls, data: Any) -> Any:
        if isinstance(data, dict) and "qr_code" in data and "token" not in data:
            return {"token" if key == "qr_code" else key: value for key, value in data.items()}
        return data


class ScannedVisitor(BaseModel):
    """What a guard needs to see."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    company: str | None
    host_name: str | None
    visit_date: date
    visit_time: WallTime
    purpose: Purpose
    checked_in_at: datetime | None


class ScanOut(BaseModel):
    """The gate opens."""

    model_config = ConfigDict(title="ScanAccepted")

    verdict: Literal["admitted", "checked_out"]
    visitor: ScannedVisitor
    message: str
    replayed: bool = Field(description="Whether this repeats the answer to an earlier scan")
