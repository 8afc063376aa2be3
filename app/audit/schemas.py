"""Response bodies of the audit log."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.audit.models import VisitorAction


class VisitorEvent(BaseModel):
    """An entry of the audit log."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    created_at: datetime
    action: VisitorAction
    actor_role: str = Field(description="`system` for the worker", examples=["admin"])
    actor_id: UUID | None
    actor_name: str
    client_address: str | None
    request_id: str
    details: dict[str, Any]
