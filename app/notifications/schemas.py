from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.notifications.kinds import NotificationKind
from app.notifications.models import NotificationStatus


class Notification(BaseModel):
    """A mail and its delivery status."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    visitor_id: UUID | None
    kind: NotificationKind
    recipient: str
    status: NotificationStatus
    attempts: int
    last_error: str | None = Field(
        description="The mail server's last error, or the reason why the mail is not sent"
    )
    next_attempt_at: datetime | None = Field(description="Null unless the mail is queued")
    created_at: datetime
    sent_at: datetime | None

    @model_validator(mode="after")
    def _tried_again_while_queued(self) -> Self:
        if self.status is not NotificationStatus.QUEUED:
            self.next_attempt_at = None
        return self
