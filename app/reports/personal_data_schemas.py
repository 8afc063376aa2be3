from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.audit.schemas import VisitorEvent
from app.musters.models import Confidence, MarkState
from app.notifications.schemas import Notification
from app.scans.models import ScanDirection, ScanMethod, ScanVerdict
from app.visitors.schemas import Stay, Visitor


class HeldNotification(Notification):
    """A notification with the content of its mail."""

    recipient_name: str
    payload: dict[str, Any] = Field(
        description="The data of the mail; a summary contains only this visitor"
    )


class HeldScan(BaseModel):
    """A scan of the visitor's QR codes."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    created_at: datetime = Field(description="Time of receipt")
    scanned_at: datetime | None = Field(description="Time of the scan by the device's clock")
    caller_id: UUID = Field(description="The device or user that scanned the code")
    scan_id: UUID | None
    direction: ScanDirection
    gate: str | None
    method: ScanMethod
    site_id: UUID | None
    verdict: ScanVerdict
    code: str | None = Field(
        description="The reason for a refusal", examples=[None, "already_inside"]
    )
    message: str = Field(examples=["Welcome"])
    details: dict[str, Any]


class HeldMark(BaseModel):
    """What was said of the visitor in a muster."""

    model_config = ConfigDict(from_attributes=True)

    muster_id: UUID
    state: MarkState
    marked_at: datetime
    marked_by: str = Field(examples=["Front Desk"])
    note: str | None


class HeldEntry(BaseModel):
    """The visitor's place on the roster of a muster."""

    model_config = ConfigDict(from_attributes=True)

    muster_id: UUID
    created_at: datetime
    gate: str | None
    in_at: datetime | None
    confidence: Confidence
    state: MarkState


class HeldStay(Stay):
    """A time on site, with its place."""

    site_id: UUID
    in_gate: str | None = Field(examples=["North"])


class PersonalData(BaseModel):
    """All data held about a visitor; lists are oldest first."""

    exported_at: datetime
    visitor: Visitor
    host_id: UUID | None = Field(description="The host's account")
    checked_in_gate: str | None
    anonymised_at: datetime | None
    events: list[VisitorEvent]
    notifications: list[HeldNotification]
    scans: list[HeldScan]
    rosters: list[HeldEntry]
    marks: list[HeldMark]
    stays: list[HeldStay]
