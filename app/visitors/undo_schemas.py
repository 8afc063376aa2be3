from datetime import datetime
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.core.http.etags import Tagged
from app.core.text import OptionalLine
from app.notifications.kinds import NotificationKind
from app.visitors.schemas import Visitor


class Undo(BaseModel):
    """Why something is undone, for the audit log."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"reason": "The wrong visitor"}}
    )

    reason: OptionalLine = None


class Consequence(BaseModel):
    """A mail that had left already."""

    model_config = ConfigDict(from_attributes=True)

    kind: NotificationKind
    recipient: str = Field(examples=["charles@example.com"])
    sent_at: datetime | None


class Undone(Tagged, BaseModel):
    """The visit as it is now, what was undone, and what cannot be taken back."""

    tagged_part: ClassVar = "visitor"

    visitor: Visitor
    undone: Literal["checked_in", "checked_out", "cancelled", "completed"]
    consequences: list[Consequence]
