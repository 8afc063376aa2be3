"""Scans as gates send them and what they are told."""

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

from app.core.text import OptionalLine, SearchText
from app.core.times import WallTime
from app.scans.models import Scan, ScanDirection, ScanVerdict
from app.visitors.models import Purpose

MOST_OFFLINE_SCANS = 500
OF_REFUSAL = "Already inside since 10:00 at gate North"
# What many scanners put before the text of a QR code (ISO/IEC 15424: AIM identifiers).
SCANNERS_NAME = re.compile(r"\]Q[0-9]\s*(?=\S)")


def _in_utc(value: datetime) -> datetime:
    # The first and last years of the calendar have no instant in every zone.
    if not 1900 <= value.year < 9999:
        raise ValueError("must lie between the years 1900 and 9998")
    return value.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
ScannedAt = Annotated[Instant, Field(description="By the device's clock")]


def _without_scanners_name(value: str) -> str:
    return value[found.end() :] if (found := SCANNERS_NAME.match(value)) else value


Token = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=512),
    AfterValidator(_without_scanners_name),
    Field(description="As scanned: an AIM identifier before it (`]Q1`) is taken off"),
]


class ScanCreate(BaseModel):
    """One scan; `qr_code` is accepted for `token`. A `scan_id` makes a repeat safe."""

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
    scan_id: UUID | None = Field(None, description="Made by the device, one for each scan")
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
    """A scan for which a gate has opened while it was offline."""

    scan_id: UUID = Field(description="Made by the device, one for each scan")
    scanned_at: ScannedAt


class OfflineScans(BaseModel):
    """What a gate has let through while it was offline, in any order."""

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
    """What became of a scan that had happened already."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    UNKNOWN = "unknown"


class OfflineScanResult(BaseModel):
    """The answer to one scan of a batch."""

    scan_id: UUID
    result: OfflineResult = Field(
        description="`accepted`: the visit says so now. `duplicate`: this `scan_id` was here "
        "before, and `verdict` is what became of it. `conflict`: kept, and reception sees that it "
        "does not fit the visit. `unknown`: the code is not ours, or not any more"
    )
    verdict: ScanVerdict | None = Field(description="As it is kept; null where nothing is")
    code: str | None = Field(
        description="Why the gate should not have opened", examples=[None, "already_inside"]
    )
    message: str = Field(examples=["Welcome", OF_REFUSAL])


class OfflineScanResults(BaseModel):
    """One result for each scan, in the order of the batch."""

    results: list[OfflineScanResult]


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


class ScanQuery(BaseModel):
    """Query parameters that narrow the list of scans."""

    verdict: ScanVerdict | None = None
    site: UUID | None = Field(None, description="Where the device stood")
    scanned_by: UUID | None = Field(None, description="The device or person")
    gate: SearchText | None = Field(None, max_length=200, description="The gate's exact name")
    visitor: UUID | None = None
    received_from: Instant | None = Field(None, description="The first instant, included")
    received_before: Instant | None = Field(None, description="The last instant, not included")


class KeptScan(BaseModel):
    """One scan of the ledger."""

    id: UUID
    received_at: datetime
    scanned_at: datetime | None = Field(description="By the device's clock")
    scan_id: UUID | None
    verdict: ScanVerdict
    code: str | None = Field(
        description="Why the gate stayed shut, or should have", examples=[None, "already_inside"]
    )
    message: str = Field(examples=["Welcome", OF_REFUSAL])
    direction: ScanDirection
    site: UUID | None = Field(description="Where the device stood; null for people")
    gate: str | None
    scanned_by: UUID = Field(description="The device or person")
    device_name: str | None = Field(description="null for people and deleted devices")
    visitor: ScannedVisitor | None = Field(description="null where the visitor was erased")

    @classmethod
    def of(cls, scan: Scan) -> Self:
        """What is shown of a row that was read with its visitor and its device."""
        visitor = ScannedVisitor.model_validate(scan.visitor) if scan.visitor else None
        return cls(
            id=scan.id,
            received_at=scan.created_at,
            scanned_at=scan.scanned_at,
            scan_id=scan.scan_id,
            verdict=scan.verdict,
            code=scan.code,
            message=scan.message,
            direction=scan.direction,
            site=scan.site_id,
            gate=scan.gate,
            scanned_by=scan.caller_id,
            device_name=scan.device.name if scan.device else None,
            visitor=visitor,
        )


class ScanAccepted(BaseModel):
    """The gate opens."""

    verdict: Literal["admitted", "checked_out"]
    visitor: ScannedVisitor
    message: str = Field(examples=["Welcome"])
    replayed: bool = Field(description="Whether this repeats the answer to an earlier scan")
