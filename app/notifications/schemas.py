"""How mails are shown."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.notifications.kinds import NotificationKind
from app.notifications.models import NotificationStatus


class Notification(BaseModel):
    """One mail and where it is."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    visitor_id: UUID | None
    kind: NotificationKind
    recipient: str
    status: NotificationStatus
    attempts: int
    last_error: str | None = Field(description="The mail server's last refusal")
    next_attempt_at: datetime | None
    created_at: datetime
    sent_at: datetime | None
