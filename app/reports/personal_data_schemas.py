"""What is held about one person, in one document."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.audit.schemas import VisitorEvent
from app.notifications.schemas import Notification
from app.scans.models import ScanDirection, ScanVerdict
from app.visitors.schemas import Visitor


class HeldNotification(Notification):
    """A mail with what it says."""

    recipient_name: str
    payload: dict[str, Any] = Field(
        description="What the mail is made from; a summary is cut to this visitor"
    )


class HeldScan(BaseModel):
    """One scan of the visitor's codes, opened or refused."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    created_at: datetime = Field(description="When it was received")
    scanned_at: datetime | None = Field(description="By the device's clock")
    caller_id: UUID = Field(description="The device or person that scanned")
    scan_id: UUID | None
    direction: ScanDirection
    gate: str | None
    site_id: UUID | None
    verdict: ScanVerdict
    code: str | None = Field(description="Why it was refused", examples=[None, "already_inside"])
    message: str = Field(examples=["Welcome"])
    details: dict[str, Any]


class PersonalData(BaseModel):
    """Everything that is held about a visitor; lists are oldest first."""

    exported_at: datetime
    visitor: Visitor
    host_id: UUID | None = Field(description="The host's account")
    checked_in_gate: str | None
    anonymised_at: datetime | None
    events: list[VisitorEvent]
    notifications: list[HeldNotification]
    scans: list[HeldScan]
