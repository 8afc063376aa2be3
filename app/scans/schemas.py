import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic.config import JsonDict

from app.core.db.scope import Scope
from app.core.text import OptionalLine, SearchText
from app.core.times import Instant
from app.scans.errors import REFUSALS
from app.scans.models import Scan, ScanDirection, ScanMethod, ScanVerdict
from app.scans.override_schemas import Override
from app.scans.shown import RefusedVisitor, RescheduledVisitor
from app.visitors.models import Purpose

MOST_OFFLINE_SCANS = 500
ELSEWHERE = "A visitor of another site"
OF_REFUSAL = "Already inside since 10:00 at gate North"
# Sent by many scanners before the text (AIM identifier, ISO/IEC 15424).
SCANNERS_NAME = re.compile(r"\]Q[0-9]\s*(?=\S)")


ScannedAt = Annotated[Instant, Field(description="Time of the scan by the device's clock")]


def _without_scanners_name(value: str) -> str:
    return value[found.end() :] if (found := SCANNERS_NAME.match(value)) else value


Token = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=512),
    AfterValidator(_without_scanners_name),
    Field(description="The scanned text; a leading AIM identifier such as `]Q1` is removed"),
]


EXAMPLE: JsonDict = {
    "token": "V1" + "A" * 40,
    "scan_id": "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11",
    "direction": "in",
    "gate": "North",
}
OFFLINE: JsonDict = {**EXAMPLE, "scanned_at": "2026-11-23T09:00:00Z"}


class ScanCreate(BaseModel):
    """A scan; `qr_code` is an alias of `token`. A `scan_id` makes repeats safe."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": EXAMPLE})

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


ObservedAt = Annotated[
    Instant | None,
    Field(
        description="When the visitor passed, as seen by the person: at most 12 hours back, and "
        "not before the visitor last passed. Default: now"
    ),
]


class CheckInByHand(BaseModel):
    """A check-in at the desk."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"gate": "North", "observed_at": "2026-11-23T08:00:00Z"}},
    )

    gate: OptionalLine = None
    observed_at: ObservedAt = None
    override: Override | None = Field(
        None, description="Refusals to override; guards override nothing"
    )


class CheckOutByHand(BaseModel):
    """A check-out at the desk."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"observed_at": "2026-11-23T08:00:00Z"}}
    )

    observed_at: ObservedAt = None


class OfflineScan(ScanCreate):
    """A scan made while the gate was offline."""

    model_config = ConfigDict(json_schema_extra={"example": OFFLINE})

    scan_id: UUID = Field(description="An id that the device generates for each scan")
    scanned_at: ScannedAt


class OfflineScans(BaseModel):
    """Scans made while the gate was offline, in any order."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"scans": [OFFLINE]}},
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
        description="The refusal that the gate would have received",
        examples=[None, "already_inside"],
    )
    message: str = Field(examples=["Welcome", OF_REFUSAL])
    visitor: RefusedVisitor | RescheduledVisitor | None = Field(
        None, description="As in the refusal that `code` names, for comparison with a document"
    )


class OfflineScanResults(BaseModel):
    """The results of the scans, in the order of the batch."""

    results: list[OfflineScanResult]


class ScannedVisitor(RefusedVisitor):
    """The visitor as shown to the guard."""

    purpose: Purpose
    checked_in_at: datetime | None


def nobody(at: datetime) -> ScannedVisitor:
    """Return what stands in for a visitor who is not named, since scanners show one.

    A scanner that failed to show null would keep somebody inside.
    """
    return ScannedVisitor(
        id=UUID(int=0),
        name="Unknown visitor",
        company=None,
        host_name=None,
        visit_date=at.date(),
        visit_time=at.time().replace(second=0, microsecond=0),
        purpose=Purpose.OTHER,
        checked_in_at=None,
    )


class ScanQuery(BaseModel):
    """Filters of the list of scans."""

    verdict: ScanVerdict | None = None
    site: UUID | None = Field(None, description="The site of the device")
    scanned_by: UUID | None = Field(None, description="The device, user or API key")
    gate: SearchText | None = Field(None, max_length=200, description="The exact name of the gate")
    visitor: UUID | None = None
    received_from: Instant | None = Field(None, description="Received at or after this instant")
    received_before: Instant | None = Field(None, description="Received before this instant")


class KeptScan(BaseModel):
    """A scan in the ledger."""

    id: UUID
    received_at: datetime
    scanned_at: datetime | None = Field(description="Time of the scan by the device's clock")
    scan_id: UUID | None
    verdict: ScanVerdict
    code: str | None = Field(
        description="The code of a refusal or conflict",
        examples=[None, "already_inside"],
    )
    message: str = Field(examples=["Welcome", OF_REFUSAL])
    direction: ScanDirection
    method: ScanMethod = Field(description="`desk`: by hand, without a code")
    site: UUID | None = Field(description="The site of the device; null for users")
    gate: str | None
    scanned_by: UUID = Field(description="The device, user or API key")
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
            method=scan.method,
            site=scan.site_id,
            gate=scan.gate,
            scanned_by=scan.caller_id,
            device_name=scan.device.name if scan.device else None,
            visitor=ScannedVisitor.model_validate(shown) if shown else None,
        )


class ScanAccepted(BaseModel):
    """The gate opens."""

    verdict: Literal["admitted", "checked_out"]
    visitor: ScannedVisitor = Field(
        description="In an emergency, an exit with a code that names no visitor here has a nil `id`"
    )
    message: str = Field(examples=["Welcome"])
    replayed: bool = Field(description="True if this repeats an earlier response")
