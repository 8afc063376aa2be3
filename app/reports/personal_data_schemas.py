"""What is held about one person, in one document."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.audit.schemas import VisitorEventOut
from app.notifications.schemas import NotificationOut
from app.scans.models import Direction, Verdict
from app.visitors.schemas import VisitorOut


class HeldNotificationOut(NotificationOut):
    """A mail with what it says."""

    model_config = ConfigDict(title="HeldNotification")

    recipient_name: str
    payload: dict[str, Any] = Field(
        description="What the mail is made from; a summary is cut to this visitor"
    )


class HeldScanOut(BaseModel):
    """One scan of the visitor's codes, opened or refused."""

    model_config = ConfigDict(from_attributes=True, title="HeldScan")

    id: UUID
    created_at: datetime = Field(description="When it was received")
    scanned_at: datetime | None = Field(description="By the device's clock")
    caller_id: UUID = Field(description="The device or person that scanned")
    scan_id: UUID | None
    direction: Direction
    gate: str | None
    site_id: UUID | None
    verdict: Verdict
    code: str | None = Field(description="Why it was refused")
    message: str
    details: dict[str, Any]


class PersonalDataOut(BaseModel):
    """Everything that is held about a visitor; lists are oldest first."""

    model_config = ConfigDict(title="PersonalData")

    exported_at: datetime
    visitor: VisitorOut
    host_id: UUID | None = Field(description="The host's account")
    checked_in_gate: str | None
    anonymised_at: datetime | None
    events: list[VisitorEventOut]
    notifications: list[HeldNotificationOut]
    scans: list[HeldScanOut]
