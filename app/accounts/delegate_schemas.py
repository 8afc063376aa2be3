"""Request and response bodies of delegates."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

MOST_DELEGATES = 10


class Delegates(BaseModel):
    """The accounts that act for a host."""

    model_config = ConfigDict(extra="forbid")

    user_ids: list[UUID] = Field(
        max_length=MOST_DELEGATES,
        description="Ids of active accounts, not of guards; a later PUT replaces all of them",
    )
