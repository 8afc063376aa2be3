"""Request and response bodies of scans."""

import re
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from app.core.db.scope import Scope
from app.core.text import OptionalLine, SearchText
from app.core.times import WallTime
from app.scans.errors import REFUSALS
from app.scans.models import Scan, ScanDirection, ScanVerdict
from app.visitors.models import Purpose

MOST_OFFLINE_SCANS = 500
ELSEWHERE = "A visitor of another site"
OF_REFUSAL = "Already inside since 10:00 at gate North"
# The AIM identifier (ISO/IEC 15424) that many scanners send before the text of a QR code.
SCANNERS_NAME = re.compile(r"\]Q[0-9]\s*(?=\S)")


def _in_utc(value: datetime) -> datetime:
    # In the first and last year, instants do not exist in every time zone.
    if not 1900 <= value.year < 9999:
        raise ValueError("must be between the years 1900 and 9998")
    return value.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
ScannedAt = Annotated[
    Instant, Field(description="When the code was scanned, by the device's clock")
]


def _without_scanners_name(value: str) -> str:
    return value[found.end() :] if (found := SCANNERS_NAME.match(value)) else value


Token = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=512),
    AfterValidator(_without_scanners_name),
    Field(description="The scanned text; a leading AIM identifier (`]Q1`) is removed"),
]


class ScanCreate(BaseModel):
    """A scan; `qr_code` is an alias of `token`. A `scan_id` makes repeats safe."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "token": "V1" + "A" * 40,
                "scan_id": "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11",
                "direction": "in",
                "gate": "North",
            }
        },
    )

    token: Token
    scan_id: UUID | None = Field(None, description="An id that the device generates for each scan")
    scanned_at: ScannedAt | None = None
    direction: ScanDirection = ScanDirection.IN
    gate: OptionalLine = None

    @model_validator(mode="before")
    @classmethod
    def _qr_code_is_token(cls, data: Any) -> Any:
        if isinstance(data, dict) and "qr_code" in data and "token" not in data:
            return {"token" if key == "qr_code" else key: value for key, value in data.items()}
        return data


class OfflineScan(ScanCreate):
    """A scan for which a gate opened while it was offline."""

    scan_id: UUID = Field(description="An id that the device generates for each scan")
    scanned_at: ScannedAt


class OfflineScans(BaseModel):
    """Scans for which a gate opened while it was offline, in any order."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "scans": [
                    {
                        "token": "V1" + "A" * 40,
                        "scan_id": "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11",
                        "scanned_at": "2026-11-23T09:00:00Z",
                        "direction": "in",
                        "gate": "North",
                    }
                ]
            }
        },
    )

    scans: list[OfflineScan] = Field(min_length=1, max_length=MOST_OFFLINE_SCANS)


class OfflineResult(StrEnum):
    """The result of an offline scan."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    UNKNOWN = "unknown"


class OfflineScanResult(BaseModel):
    """The result of one scan of a batch."""

    scan_id: UUID
    result: OfflineResult = Field(
        description="`accepted`: applied to the visit. `duplicate`: this `scan_id` is known, "
        "and `verdict` is its result. `conflict`: stored for reception, since it does not "
        "fit the visit. `unknown`: the code is forged or no longer valid"
    )
    verdict: ScanVerdict | None = Field(description="As stored; null if nothing is stored")
    code: str | None = Field(
        description="Why the gate should not have opened", examples=[None, "already_inside"]
    )
    message: str = Field(examples=["Welcome", OF_REFUSAL])


class OfflineScanResults(BaseModel):
    """The results of the scans, in the order of the batch."""

    results: list[OfflineScanResult]


class ScannedVisitor(BaseModel):
    """The visitor as shown to the guard."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    company: str | None
    host_name: str | None
    visit_date: date
    visit_time: WallTime
    purpose: Purpose
    checked_in_at: datetime | None


class ScanQuery(BaseModel):
    """Filters of the list of scans."""

    verdict: ScanVerdict | None = None
    site: UUID | None = Field(None, description="The site of the device")
    scanned_by: UUID | None = Field(None, description="The device or user")
    gate: SearchText | None = Field(None, max_length=200, description="The exact name of the gate")
    visitor: UUID | None = None
    received_from: Instant | None = Field(None, description="Received at or after this instant")
    received_before: Instant | None = Field(None, description="Received before this instant")


class KeptScan(BaseModel):
    """A scan in the ledger."""

    id: UUID
    received_at: datetime
    scanned_at: datetime | None = Field(
        description="When the code was scanned, by the device's clock"
    )
    scan_id: UUID | None
    verdict: ScanVerdict
    code: str | None = Field(
        description="Why the gate did not open, or should not have opened",
        examples=[None, "already_inside"],
    )
    message: str = Field(examples=["Welcome", OF_REFUSAL])
    direction: ScanDirection
    site: UUID | None = Field(description="The site of the device; null for users")
    gate: str | None
    scanned_by: UUID = Field(description="The device or user")
    device_name: str | None = Field(description="Null for users and deleted devices")
    visitor: ScannedVisitor | None = Field(
        description="Null if the visitor was erased, or is at another site now"
    )

    @classmethod
    def of(cls, scan: Scan, scope: Scope) -> Self:
        """Return the schema of a row that was read with its visitor and device.

        Nothing is told of a visitor at a site out of scope.
        """
        is_hidden = scan.visitor is not None and not scope.has_site(scan.visitor.site_id)
        shown = None if is_hidden else scan.visitor
        title = REFUSALS[scan.code].title if scan.code in REFUSALS else ELSEWHERE
        return cls(
            id=scan.id,
            received_at=scan.created_at,
            scanned_at=scan.scanned_at,
            scan_id=scan.scan_id,
            verdict=scan.verdict,
            code=scan.code,
            message=title if is_hidden else scan.message,
            direction=scan.direction,
            site=scan.site_id,
            gate=scan.gate,
            scanned_by=scan.caller_id,
            device_name=scan.device.name if scan.device else None,
            visitor=ScannedVisitor.model_validate(shown) if shown else None,
        )


class ScanAccepted(BaseModel):
    """The gate opens."""

    verdict: Literal["admitted", "checked_out"]
    visitor: ScannedVisitor
    message: str = Field(examples=["Welcome"])
    replayed: bool = Field(description="Whether this repeats the response to an earlier scan")
